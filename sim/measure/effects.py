"""What each factor of a full sweep does on the average over the others, and what two of them do together.

In a full factorial of N points with L_k levels of factor k, the effect of levels S is a contrast of the points' values,
sum over points of y prod_{k in S} (L_k 1[level] - 1) / N: for one factor the mean at its level less the grand mean, for
two what is left of their cell's mean beyond both main effects (Montgomery 2017, ch. 5). Replications meet the same
chance in all points, so that a contrast is taken replication by replication, and t is of those. Quantiles are centered
at the contrast of the pooled ones (`about`). Shares are of the variation of the points' means (Jain 1991, ch. 21-23).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np

from sim.measure.compare import Difference, holm, paired_values
from sim.measure.summary import Effect, Floats, PointSummary, Share, unit_of

LEVELS_MAX = 1000  # effects of a metric; with more of them interactions are left out
Levels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Factorial:
    """Points of a full sweep over at least two keys, each of two values or more."""

    factors: dict[str, list[str]]  # key -> levels, in order of appearance
    points: list[PointSummary]

    def terms(self) -> list[tuple[str, ...]]:
        """Main effects first, then pairs of factors."""
        keys = list(self.factors)
        return [*((key,) for key in keys), *combinations(keys, 2)]

    def levels(self, term: tuple[str, ...]) -> list[Levels]:
        """Combinations of levels of the term's factors."""
        return [tuple(zip(term, found, strict=True)) for found in product(*(self.factors[key] for key in term))]

    def weights(self, levels: Levels) -> Floats:
        """The contrast, times the number of points: whole numbers, shape (points,)."""
        weights = np.ones(len(self.points))
        for key, level in levels:
            here = np.array([point.keys[key] == level for point in self.points])
            weights *= len(self.factors[key]) * here - 1.0
        return weights


def factorial(points: Sequence[PointSummary]) -> Factorial | str:
    """The design, or why its effects cannot be told apart."""
    keys = list(dict.fromkeys(key for point in points for key in point.keys))
    levels = {key: list(dict.fromkeys(point.keys.get(key, "") for point in points)) for key in keys}
    factors = {key: found for key, found in levels.items() if len(found) > 1}
    if len(factors) < 2:
        return "fewer than two keys were swept"
    if len({tuple(point.keys.get(key) for key in factors) for point in points}) < math.prod(map(len, factors.values())):
        return "the sweep is not full"
    invalid = [point.point for point in points if not point.valid]
    return f"not VALID: {', '.join(invalid)}" if invalid else Factorial(factors, list(points))


def effects(
    design: Factorial, metrics: Sequence[str], confidence_ratio: float
) -> tuple[list[Effect], list[Share], list[str]]:
    """Effects and shares of each metric that all points have in as many replications, and what is left out.

    Intervals are simultaneous over the effects of a metric (Bonferroni), p-values adjusted over all of them (Holm).
    """
    rows: list[tuple[str, Levels, Difference, float]] = []
    shares, notes = list[Share](), list[str]()
    for metric in metrics:
        if len({len(point.per_replication.get(metric, ())) for point in design.points}) > 1:
            notes.append(f"no effects on {metric}: not every point has it in as many replications")
            continue
        terms, told = _terms(design)
        notes += [f"{metric}: {told}"] if told else []
        asked = [levels for term in terms for levels in design.levels(term)]
        single = 1.0 - (1.0 - confidence_ratio) / len(asked)
        rows += [(metric, levels, _contrast(design, metric, levels), single) for levels in asked]
        shares += _shares(design, metric)
    adjusted = holm([found.p_value for _, _, found, _ in rows])
    effects = [_effect(*row, p_adjusted) for row, p_adjusted in zip(rows, adjusted, strict=True)]
    return effects, shares, notes


def _terms(design: Factorial) -> tuple[list[tuple[str, ...]], str]:
    terms = design.terms()
    if sum(len(design.levels(term)) for term in terms) <= LEVELS_MAX:
        return terms, ""
    return [term for term in terms if len(term) == 1], f"interactions are left out, above {LEVELS_MAX} effects"


def _contrast(design: Factorial, metric: str, levels: Levels) -> Difference:
    weights = design.weights(levels)
    values = np.stack([point.per_replication[metric] for point in design.points])
    centers = np.array([point.estimates[metric].mean for point in design.points])
    each = _weighted(weights, values)
    return paired_values(each, np.zeros(len(each)), float(_weighted(weights, centers[:, None])[0]))


def _weighted(weights: Floats, values: Floats) -> Floats:
    """The contrast of `values` (points, n), over the points; what rounding alone can leave is none at all.

    Weights sum to zero, so that a value common to all may be taken off first.
    """
    apart = values - values[0]
    found = weights @ apart / len(weights)
    largest = np.abs(weights) @ (np.abs(apart) + np.abs(values[0])) / len(weights)
    rounding = len(weights) * np.finfo(np.float64).eps * largest
    return np.where(np.abs(found) <= rounding, 0.0, found)


def _shares(design: Factorial, metric: str) -> list[Share]:
    """Of the points' sum of squares about their mean; the last one is of three factors and more together."""
    values = np.array([point.estimates[metric].mean for point in design.points])
    total = float(np.sum((values - values.mean()) ** 2))
    if total == 0.0:
        return []
    shares = []
    for term in design.terms():
        found = np.array([_weighted(design.weights(levels), values[:, None])[0] for levels in design.levels(term)])
        squares = float(np.sum(found**2)) * len(values) / len(found)
        shares.append(Share(metric, term, squares / total))
    if len(design.factors) > 2:
        shares.append(Share(metric, (), max(1.0 - math.fsum(share.ratio for share in shares), 0.0)))
    return shares


def _effect(metric: str, levels: Levels, found: Difference, single: float, p_adjusted: float) -> Effect:
    half = found.half_width(single)
    center = found.center
    return Effect(metric, unit_of(metric), levels, center, center - half, center + half, found.p_value, p_adjusted)

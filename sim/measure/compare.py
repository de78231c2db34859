"""Paired differences on common random numbers, with what several looks at once cost.

Replication r of both points met the same requests, so that d_r = A_r - B_r; for means the center is the mean of d_r,
for quantiles the difference of the pooled quantiles, and the spread of d_r about the center gives the standard error
(paired t; sectioning for quantiles). A family is the comparisons of one metric within one group: p-values by Holm
(1979), valid under any dependence; intervals at 1 - a/m (Bonferroni), simultaneous. No spread and no difference
(the same strategy twice) is p = 1; a difference without spread is p = 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
from scipy import special

from sim.measure.intervals import about, center_of, t_quantile
from sim.measure.metrics import QUANTILE_METRICS
from sim.measure.summary import Comparison, Floats, PointSummary, unit_of


@dataclass(frozen=True, slots=True)
class Difference:
    """A paired difference: center and its standard error (NaN with one replication), two-sided p-value."""

    center: float
    standard_error: float
    degrees: int
    p_value: float

    def half_width(self, confidence_ratio: float) -> float:
        """Half of the two-sided interval; NaN with one replication."""
        if self.degrees < 1:
            return math.nan
        return t_quantile(confidence_ratio, self.degrees) * self.standard_error


def paired(point: PointSummary, baseline: PointSummary, metric: str) -> Difference:
    """`point` minus `baseline` in `metric`, over the replications that both have; ValueError when that is none.

    Where one has more than the other (a race ended for it), a quantile's difference is that of the replications, too.
    """
    ours, theirs = point.per_replication[metric], baseline.per_replication[metric]
    center = None
    if metric in QUANTILE_METRICS and len(ours) == len(theirs):
        center = point.estimates[metric].mean - baseline.estimates[metric].mean
    return paired_values(ours, theirs, center)


def paired_values(ours: Floats, theirs: Floats, center: float | None = None) -> Difference:
    """`ours` minus `theirs`, shapes (replications,), over the first ones of the longer; about `center` if given.

    Raises ValueError when there are none.
    """
    count = min(len(ours), len(theirs))
    if not count:
        raise ValueError("a paired difference needs at least one replication of both")
    differences = ours[:count] - theirs[:count]
    center = center_of(differences) if center is None else center
    standard_error = about(center, differences, 0.95).standard_error
    return Difference(center, standard_error, count - 1, _p_value(center, standard_error, count))


def _p_value(center: float, standard_error: float, count: int) -> float:
    """Two-sided; one replication is no evidence."""
    if count < 2 or center == 0.0:
        return 1.0
    if standard_error == 0.0:
        return 0.0
    return float(2.0 * special.stdtr(count - 1.0, -abs(center) / standard_error))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values, in the order given."""
    order = np.argsort(np.asarray(p_values, dtype=np.float64), kind="stable")
    adjusted = [0.0] * len(order)
    largest = 0.0
    for position, index in enumerate(order.tolist()):
        largest = max(largest, min(1.0, (len(order) - position) * p_values[index]))
        adjusted[index] = largest
    return adjusted


class Keyed(Protocol):
    """A point of a sweep, measured or not."""

    @property
    def keys(self) -> dict[str, str]:
        """Swept keys with their values."""


P = TypeVar("P", bound=Keyed)


def group_of(point: Keyed, compared_key: str) -> tuple[tuple[str, str], ...]:
    """The swept keys other than the compared one, with their values."""
    return tuple((key, value) for key, value in point.keys.items() if key != compared_key)


def groups_of(points: Sequence[P], compared_key: str) -> dict[tuple[tuple[str, str], ...], list[P]]:
    """Points by group, in the order of the points."""
    groups: dict[tuple[tuple[str, str], ...], list[P]] = {}
    for point in points:
        groups.setdefault(group_of(point, compared_key), []).append(point)
    return groups


def compare_points(
    points: Sequence[PointSummary],
    baseline: str | None,
    compared_key: str,
    metrics: Sequence[str] | None = None,
    confidence_ratio: float = 0.95,
) -> list[Comparison]:
    """Every valid point against the one of its group whose `compared_key` is `baseline`, in each metric both have.

    A group without a valid baseline gives no comparison, nor does `baseline=None`; `metrics=None` takes all.
    """
    comparisons: list[Comparison] = []
    for members in groups_of(points, compared_key).values():
        base = next((p for p in members if p.valid and p.keys.get(compared_key) == baseline), None)
        if base is None:
            continue
        others = [point for point in members if point is not base and point.valid]
        for metric in base.estimates if metrics is None else metrics:
            having = [p for p in others if metric in p.estimates and metric in base.estimates]
            comparisons.extend(_family(having, base, metric, confidence_ratio))
    return comparisons


def _family(points: list[PointSummary], base: PointSummary, metric: str, confidence_ratio: float) -> list[Comparison]:
    return compared([(point, base, metric, paired(point, base, metric)) for point in points], confidence_ratio)


def compared(
    rows: Sequence[tuple[PointSummary, PointSummary, str, Difference]], confidence_ratio: float
) -> list[Comparison]:
    """Differences (point, baseline, metric, what was found) as one family: Holm over all, simultaneous intervals."""
    adjusted = holm([difference.p_value for *_, difference in rows])
    single = 1.0 - (1.0 - confidence_ratio) / max(len(rows), 1)
    found = []
    for (point, base, metric, difference), p_adjusted in zip(rows, adjusted, strict=True):
        half = difference.half_width(single)
        center, reference = difference.center, base.estimates[metric].mean
        relative = center / reference if reference else (0.0 if center == 0.0 else math.copysign(math.inf, center))
        found.append(
            Comparison(
                point=point.point, baseline=base.point, metric=metric, unit=unit_of(metric), difference=center,
                ci_low=center - half, ci_high=center + half, p_value=difference.p_value, p_adjusted=p_adjusted,
                relative_ratio=relative,
            )
        )  # fmt: skip
    return found

"""Confidence intervals over independent replications.

- Mean: Student's t over replication means (replication/deletion; Law 2015, ch. 9).
- Quantile of a steady state: the pooled sample gives the center, the replications are sections whose spread about that
  center gives the width, S^2 = sum (q_r - q)^2 / (R - 1) (sectioning; Asmussen and Glynn 2007, III.5a): the mean of
  per-replication tail quantiles is biased low, the pooled quantile hardly.
- Quantile of independent observations: order statistics (distribution-free; David and Nagaraja 2003, 7.1).
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass

import numpy as np
from scipy import special

from sim.measure.summary import Floats

NAN = float("nan")


@dataclass(frozen=True, slots=True)
class Interval:
    """A center with its standard error, and the two-sided interval; NaN where there is one replication only."""

    center: float
    standard_error: float
    low: float
    high: float

    @property
    def half_width(self) -> float:
        """Half of the interval's length."""
        return (self.high - self.low) / 2.0


def t_quantile(confidence_ratio: float, degrees: int) -> float:
    """Two-sided quantile of Student's t; raises ValueError unless 0 < confidence < 1 and degrees >= 1."""
    if not 0.0 < confidence_ratio < 1.0 or degrees < 1:
        raise ValueError(f"confidence {confidence_ratio}, degrees {degrees}: accepted is (0, 1) and at least 1")
    return -float(special.stdtrit(float(degrees), (1.0 - confidence_ratio) / 2.0))


def about(center: float, values: Floats, confidence_ratio: float) -> Interval:
    """Interval about `center` from the spread of `values` (R,) about it: t for the mean, sectioning else."""
    count = len(values)
    if count < 2:
        return Interval(center, NAN, NAN, NAN)
    deviations = values - center
    standard_error = math.sqrt(float(np.dot(deviations, deviations)) / (count - 1) / count)
    half = t_quantile(confidence_ratio, count - 1) * standard_error
    return Interval(center, standard_error, center - half, center + half)


def t_interval(values: Floats, confidence_ratio: float) -> Interval:
    """Interval for the mean of independent `values`, shape (R,)."""
    return about(center_of(values), values, confidence_ratio)


def sectioning(pooled: float, sections: Floats, confidence_ratio: float) -> Interval:
    """Interval for a quantile: `pooled` from all observations, `sections` (R,) from each replication."""
    return about(pooled, sections, confidence_ratio)


def center_of(values: Floats) -> float:
    """The mean, exactly rounded; equal values give that value, so that no spread appears out of rounding."""
    if bool(np.all(values == values[0])):
        return float(values[0])
    return math.fsum(values.tolist()) / len(values)


def order_statistic_interval(sample: Floats, prob: float, confidence_ratio: float) -> tuple[float, float]:
    """Distribution-free interval for the `prob` quantile of independent observations, shape (n,).

    Ranks l < u with P(l <= Binomial(n, prob) < u) >= confidence, each tail at most half of the rest.
    Raises ValueError where n is too small for such ranks (p95 needs 72 at 95 %, p99 368, p99.9 3,688).
    """
    count = len(sample)
    tail = (1.0 - confidence_ratio) / 2.0
    ranks = range(count + 1)  # scipy.stats has both, and takes half a second of every start of a process
    low = bisect_left(ranks, tail, key=lambda rank: float(special.bdtr(rank, count, prob)))  # P(B < low) < tail
    high = bisect_left(ranks, -tail, key=lambda rank: -float(special.bdtrc(rank, count, prob))) + 1
    if low < 1 or high > count:
        raise ValueError(f"{count} observations are too few for a {confidence_ratio:g} interval of p={prob:g}")
    ordered = np.partition(sample, (low - 1, high - 1))
    return float(ordered[low - 1]), float(ordered[high - 1])


def relative_precision(interval: Interval) -> float:
    """Half-width over the center's size; inf where the center is 0 and the width is not."""
    if interval.half_width == 0.0:
        return 0.0
    return math.inf if interval.center == 0.0 else interval.half_width / abs(interval.center)

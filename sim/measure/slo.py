"""Does a point hold its objective for sure: one-sided bounds of a metric and of the share that was answered.

A point holds when the upper bound of the metric is at most `limit` and the lower bound of success_ratio at least
`success_min`; it fails when the lower bound lies above, or the upper bound of success below; else it is open. Bounds
are those of `sim.measure.intervals` (t for means, sectioning for quantiles) at 1 - (1 - confidence) / looks, so that
all of `looks` points judged together are judged rightly with that confidence (Bonferroni). Success counts because a
fleet that drops its slow requests has a short tail.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from sim.measure.compare import holm, paired
from sim.measure.intervals import about, center_of
from sim.measure.metrics import QUANTILE_METRICS
from sim.measure.summary import PointSummary
from sim.measure.verdict import SUCCESS

State = Literal["holds", "fails", "open"]


@dataclass(frozen=True, slots=True)
class Slo:
    """`metric` at most `limit` and success_ratio at least `success_min`, judged over `looks` points together."""

    metric: str
    limit: float
    success_min: float
    confidence_ratio: float
    looks: int

    @property
    def two_sided_ratio(self) -> float:
        """Level of the two-sided interval whose ends are the one-sided bounds."""
        return 1.0 - 2.0 * (1.0 - self.confidence_ratio) / self.looks


@dataclass(frozen=True, slots=True)
class Standing:
    """A point against the objective; NaN where nothing could be measured or one replication gives no bound."""

    state: State
    value: float
    low: float
    high: float
    success: float
    success_low: float
    success_high: float


def standing(point: PointSummary, slo: Slo) -> Standing:
    """Judge one point; an invalid one is never said to hold."""
    value = _bounds(point, slo.metric, slo)
    success = _bounds(point, SUCCESS, slo)
    state: State = "open"
    if value[1] > slo.limit or success[2] < slo.success_min:
        state = "fails"
    elif point.valid and value[2] <= slo.limit and success[1] >= slo.success_min:
        state = "holds"
    return Standing(state, *value, *success)


def _bounds(point: PointSummary, metric: str, slo: Slo) -> tuple[float, float, float]:
    """Center, lower and upper one-sided bound."""
    if metric not in point.estimates:
        return math.nan, math.nan, math.nan
    values = point.per_replication[metric]
    center = point.estimates[metric].mean if metric in QUANTILE_METRICS else center_of(values)
    found = about(center, values, slo.two_sided_ratio)
    return found.center, found.low, found.high


def worsened(points: Sequence[PointSummary], metric: str, confidence_ratio: float) -> list[tuple[str, str]]:
    """Neighbors (one, next) of `points` of which the next is separably higher in `metric`; paired, Holm over them all.

    In the order in which the metric should fall, these are what speaks against that order.
    """
    pairs = [(one, other) for one, other in pairwise(points) if metric in one.estimates and metric in other.estimates]
    found = [paired(other, one, metric) for one, other in pairs]
    adjusted = holm([difference.p_value for difference in found])
    return [
        (one.point, other.point)
        for (one, other), difference, p in zip(pairs, found, adjusted, strict=True)
        if difference.center > 0.0 and p <= 1.0 - confidence_ratio
    ]

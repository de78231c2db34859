"""The Pareto front of cost against an objective: what no other point beats in both.

A point dominates another when its means are no worse in both metrics and better in one. A dominated point counts as
not separable from the front unless some point dominates it for sure: in each metric separably better, or the same in
every replication, and better in at least one (Holm over the pairs of the group, a metric at a time). Points that are
invalid, or whose success is separably below the highest, are never on the front: a fleet that drops work is cheap.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from sim.measure.metrics import MAXIMIZED
from sim.measure.summary import PointSummary
from sim.measure.verdict import separable

Standing = Literal["front", "near", "dominated", "excluded"]


@dataclass(frozen=True, slots=True)
class Metrics:
    """The two metrics that are traded, and the level at which they are told apart."""

    cost: str
    objective: str
    confidence_ratio: float

    def both(self) -> tuple[str, str]:
        """The names."""
        return self.cost, self.objective


def standings(points: Sequence[PointSummary], metrics: Metrics, excluded: frozenset[str]) -> dict[str, Standing]:
    """Where each point stands, by its label; all points have finite estimates of both metrics."""
    running = [point for point in points if point.valid and point.point not in excluded]
    apart = {metric: _separable(running, metric, metrics.confidence_ratio) for metric in metrics.both()}
    found: dict[str, Standing] = {point.point: "excluded" for point in points}
    for point in running:
        above = [other for other in running if other is not point and dominates(other, point, metrics)]
        sure = any(_surely(other, point, apart) for other in above)
        found[point.point] = "dominated" if sure else "near" if above else "front"
    return found


def dominates(one: PointSummary, other: PointSummary, metrics: Metrics) -> bool:
    """Whether `one` is no worse in both means and better in at least one."""
    ahead = [_lead(one, other, metric) for metric in metrics.both()]
    return min(ahead) >= 0 and max(ahead) > 0


def _lead(one: PointSummary, other: PointSummary, metric: str) -> float:
    """By how much `one` is better, in the metric's unit."""
    difference = other.estimates[metric].mean - one.estimates[metric].mean
    return -difference if metric in MAXIMIZED else difference


def _surely(one: PointSummary, other: PointSummary, apart: dict[str, set[tuple[str, str]]]) -> bool:
    told = [(one.point, other.point) in pairs for pairs in apart.values()]
    same = [np.array_equal(one.per_replication[metric], other.per_replication[metric]) for metric in apart]
    return any(told) and all(apart_here or same_here for apart_here, same_here in zip(told, same, strict=True))


def _separable(points: Sequence[PointSummary], metric: str, confidence_ratio: float) -> set[tuple[str, str]]:
    return separable(points, metric, confidence_ratio) if len(points) > 1 else set()


def measured(point: PointSummary, metric: str) -> bool:
    """Whether the metric has a finite mean there."""
    estimate = point.estimates.get(metric)
    return estimate is not None and math.isfinite(estimate.mean)

"""Capacity at a service level objective: the load up to which a metric stays within the objective.

Between two swept loads the metric is taken as exponential in the load (a straight line on the drawn logarithmic axis).
The range comes from the same crossing of the interval's ends. Past an unstable load (one with lost or unfinished
requests) nothing is interpolated: the capacity then lies between two swept loads, and is said so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sim.measure.summary import PointSummary
from sim.report.numbers import significant, with_half_width

Kind = Literal["at", "below", "above", "between"]


@dataclass(frozen=True, slots=True)
class LoadPoint:
    """The metric of one strategy at one load; `unstable` where requests were lost or not finished."""

    load: float
    value: float
    low: float
    high: float
    unstable: bool


def load_point(point: PointSummary, key: str, metric: str) -> LoadPoint:
    """A point of a study at the load that its `key` says; it has that metric."""
    estimate = point.estimates[metric]
    lost = sum(point.losses.values()) > 0
    return LoadPoint(float(point.keys[key]), estimate.mean, estimate.ci_low, estimate.ci_high, lost)


@dataclass(frozen=True, slots=True)
class Capacity:
    """`at`: a load with its range; `below` / `above`: outside what was swept; `between`: from `low` to `high`."""

    kind: Kind
    load: float
    low: float
    high: float

    def text(self) -> str:
        """In words, with as many digits as the range supports."""
        if self.kind == "below":
            return f"< {significant(self.high, 3)}"
        if self.kind == "above":
            return f"> {significant(self.low, 3)}"
        if self.kind == "between":
            return f"{significant(self.low, 3)} to {significant(self.high, 3)}"
        mean, half_width = with_half_width(self.load, self.low, self.high)
        if half_width:
            return f"{mean} ± {half_width}"
        bound = f" (at least {significant(self.low, 3)})" if math.isfinite(self.low) else ""
        bound = bound or (f" (at most {significant(self.high, 3)})" if math.isfinite(self.high) else "")
        return significant(self.load, 3) + bound


def capacity(points: Sequence[LoadPoint], slo_max: float) -> Capacity:
    """The load at which `value` first exceeds `slo_max`; `points` in rising order of load, at least one."""
    crossing = _crossing([(p.load, p.value, p.unstable) for p in points], slo_max)
    if crossing.kind != "at":
        return crossing
    ends = [
        _crossing([(p.load, value, p.unstable) for p, value in zip(points, column, strict=True)], slo_max)
        for column in ([p.high for p in points], [p.low for p in points])
    ]
    pessimist, optimist = ends
    low = pessimist.load if pessimist.kind == "at" else math.nan
    high = optimist.load if optimist.kind == "at" else math.nan
    return Capacity("at", crossing.load, low, high)


def _crossing(points: Sequence[tuple[float, float, bool]], slo_max: float) -> Capacity:
    before: tuple[float, float] | None = None
    for load, value, unstable in points:
        if not math.isfinite(value) and not unstable:
            continue
        if unstable or value > slo_max:
            if before is None:
                return Capacity("below", load, math.nan, load)
            if unstable:
                return Capacity("between", before[0], before[0], load)
            share = (math.log(slo_max) - math.log(before[1])) / (math.log(value) - math.log(before[1]))
            return Capacity("at", before[0] + share * (load - before[0]), math.nan, math.nan)
        before = (load, value)
    last = before[0] if before else math.nan
    return Capacity("above", last, last, math.nan)

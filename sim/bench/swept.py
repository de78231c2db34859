"""What a sweep is asked as a whole: in which metrics, and whether cost is among what its points are weighed by.

Cost counts where the points differ in it by more than `COST_RATIO`: fleets of one size differ a little by what they
drain, which is no choice of anybody's. Where it counts, its front against the objective is drawn unasked.
"""

from __future__ import annotations

from collections.abc import Sequence

from sim.bench.schema import Config
from sim.measure.summary import PointSummary

COST, PARETO = "cost", "pareto"
COST_RATIO = 0.01


def metrics_of(config: Config, points: Sequence[PointSummary]) -> list[str]:
    """Metrics of effects and pairs: as `study.metrics` says, else the objective, and cost where it counts."""
    return list(config.study.metrics) or list(dict.fromkeys([config.objective, *([COST] if costs(points) else [])]))


def figures_of(config: Config, points: Sequence[PointSummary]) -> list[str]:
    """The study's figures, with the front of cost where the points differ in it."""
    asked = list(config.study.figures)
    return asked if not costs(points) or config.objective == COST or PARETO in asked else [*asked, PARETO]


def costs(points: Sequence[PointSummary]) -> bool:
    """Whether valid points differ in cost."""
    found = [point.estimates[COST].mean for point in points if point.valid and COST in point.estimates]
    return len(found) > 1 and max(found) > (1.0 + COST_RATIO) * min(found)

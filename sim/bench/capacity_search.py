"""`capacity.key`: bisect one ordered key until the upper confidence bound of the SLO holds, for each swept group.

A look judges what is stored and names the next value a group; every value meets the same requests (common random
numbers). So what is decided is a function of what is stored: an interrupted search goes on where it was, and a report
comes to the same end. The order is checked, not assumed: values beyond the edge are run as well, and the verdict says
where a better value serves worse.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from sim.bench.capacity_grid import Grid, grid_of, with_value
from sim.bench.check import check
from sim.bench.identity import point_key
from sim.bench.plan import Plan, Point
from sim.bench.runner import Failure, try_out
from sim.bench.store import Store
from sim.measure.bisection import next_index, questions_max
from sim.measure.compare import groups_of
from sim.measure.slo import Slo, standing
from sim.measure.summary import PointSummary

Summaries = Callable[[Plan], dict[str, PointSummary]]


@dataclass(frozen=True, slots=True)
class Found:
    """A group's points by their index on the grid, as far as they are measured."""

    grid: Grid
    slo: Slo
    points: dict[int, Point]
    summaries: dict[int, PointSummary]

    def holds(self) -> dict[int, bool]:
        """Index -> whether the objective holds there for sure."""
        return {index: standing(found, self.slo).state == "holds" for index, found in self.summaries.items()}


def search(plan: Plan, run: Callable[[Plan], list[Failure]], summaries: Summaries) -> tuple[Plan, list[Failure]]:
    """Run, look, run the next values, until every group has its edge; gives the plan as it ended, and failures."""
    while True:
        failures = run(plan)
        more = [] if failures else next_points(plan, summaries)
        if not more:
            return plan, failures
        plan = with_points(plan, more)


def searched(plan: Plan, summaries: Summaries) -> Plan:
    """The plan with the values that its looks asked for, as far as they are stored."""
    store = Store(Path(plan.base.paths.store))
    while all(store.has_all(point.key, point.config.stats.replications) for point in plan.points):
        more = next_points(plan, summaries)
        if not more:
            break
        plan = with_points(plan, more)
    return plan


def found_of(plan: Plan, by_label: dict[str, PointSummary]) -> list[Found]:
    """One a group, in the order of the points."""
    found = []
    grid, wanted = grid_of(plan.base), plan.base.capacity
    for members in groups_of(plan.points, plan.compared_key).values():
        config = members[0].config
        points = {grid.index(point.keys[grid.key]): point for point in members}
        looks = max(questions_max(grid.count, wanted.neighbors), len(points))
        assert config.slo.max is not None, "checked with the point"
        slo = Slo(config.slo.metric, config.slo.max, wanted.success_ratio_min, config.stats.confidence_ratio, looks)
        measured = {index: by_label[point.label] for index, point in points.items() if point.label in by_label}
        found.append(Found(grid, slo, points, measured))
    return found


def next_points(plan: Plan, summaries: Summaries) -> list[Point]:
    """The next value of every group that has no edge yet."""
    more = []
    for found in found_of(plan, summaries(plan)):
        if len(found.summaries) < len(found.points):
            continue  # nothing is stored of a value: it failed
        member = next(iter(found.points.values()))
        index = next_index(found.holds(), found.grid.count, plan.base.capacity.neighbors)
        if index is not None:
            more.append(point_at(member, found.grid, index))
    return more


def point_at(member: Point, grid: Grid, index: int) -> Point:
    """The point that differs from `member` in the searched key alone; raises `ConfigError` as a plan does."""
    config = with_value(member.config, grid.key, grid.value(index))
    check(config)
    try_out(config)
    keys = {**member.keys, grid.key: grid.text(index)}
    label = " ".join(f"{key}={value}" for key, value in keys.items())
    return Point(label, keys, config, point_key(config))


def with_points(plan: Plan, more: list[Point]) -> Plan:
    """The plan with more points, each group's in the order of the key."""
    ordered = [
        point
        for members in groups_of([*plan.points, *more], plan.compared_key).values()
        for point in sorted(members, key=lambda point: float(point.keys[plan.compared_key]))
    ]
    return replace(plan, points=ordered)

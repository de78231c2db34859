"""How many replications: until an interval is as narrow as asked, one system is left of a race, or a budget is spent.

`stats.replications` is where every point starts. `stats.precision_ratio=g` goes on until the half-widths of mean and
p99 sojourn are at most g / (1 + g) of their values (Law 2015, 9.4.1), as many for all points of a group, at most twice
as many a look. `stats.select=best` races the points of a group (KN, `sim.measure.selection`) on the objective;
who answers separably less than the most successful one does not take part. `stats.select=budget` splits
`stats.budget_replications` by OCBA. All of it stops at `stats.replications_max`. What is decided is a function of what
is stored, looked at after fixed numbers of replications, so that workers, interrupts and reports change nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from sim.bench.plan import Plan, Point
from sim.bench.pool import in_order
from sim.bench.runner import Failure, workers_of
from sim.bench.store import Store
from sim.measure.compare import groups_of
from sim.measure.metrics import MAXIMIZED, replication_metrics
from sim.measure.selection import Race, RaceRules, ocba_next, race
from sim.measure.summary import Floats, PointSummary
from sim.measure.verdict import SUCCESS, separably_lower
from sim.measure.warmup import Cut

STEP = 5  # replications between two looks of a race
Grown = dict[str, int]  # label -> replications it is to have


@dataclass(frozen=True, slots=True)
class GroupRace:
    """A race in a group of points: its members by label, in the order of `values`' columns."""

    members: list[str]
    excluded: list[str]  # success separably below the highest: never best
    values: Floats  # (replications, members), the smaller the better, NaN where none is stored
    rules: RaceRules
    race: Race


@dataclass(frozen=True, slots=True)
class Seen:
    """What was measured of stored points; a key is a point's with its number of replications (and the cut, s)."""

    cuts: dict[tuple[str, int], Cut] = field(default_factory=dict)
    summaries: dict[tuple[str, int, float], PointSummary] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Asking:
    """What a look may ask of the stored runs; `summaries` measures all points of a plan."""

    own_cut_s: Callable[[Path, Point], float]
    summaries: Callable[[Plan], dict[str, PointSummary]]
    seen: dict[tuple[str, int, float], tuple[float, float]] = field(default_factory=dict)  # (key, replication, cut)
    cuts: dict[str, float] = field(default_factory=dict)  # by key, from the first replications
    measured: Seen = field(default_factory=Seen)  # what `summaries` keeps


def is_sequential(plan: Plan) -> bool:
    """Whether the number of replications depends on what comes out."""
    stats = plan.base.stats
    return stats.select != "none" or stats.precision_ratio is not None


def grow(plan: Plan, run: Callable[[Plan], list[Failure]], asking: Asking) -> tuple[Plan, list[Failure]]:
    """Run, look, run more, until nothing more is wanted; gives the plan as it ended, and failures."""
    while True:
        failures = run(plan)
        wanted = {} if failures else next_look(plan, asking)
        if not wanted:
            return plan, failures
        plan = grown(plan, wanted)


def settled(plan: Plan, asking: Asking) -> Plan:
    """The plan with as many replications a point as its looks asked for, as far as they are stored."""
    store = Store(Path(plan.base.paths.store))
    while is_sequential(plan) and all(
        store.has_all(point.key, point.config.stats.replications) for point in plan.points
    ):
        wanted = next_look(plan, asking)
        if not wanted:
            break
        plan = grown(plan, wanted)
    return plan


def grown(plan: Plan, wanted: Grown) -> Plan:
    """The plan with other numbers of replications."""
    points = []
    for point in plan.points:
        stats = replace(point.config.stats, replications=wanted.get(point.label, point.config.stats.replications))
        points.append(replace(point, config=replace(point.config, stats=stats)))
    return replace(plan, points=points)


def next_look(plan: Plan, asking: Asking) -> Grown:
    """Points that need more replications, with how many they are to have; empty when the study is done."""
    stats = plan.base.stats
    wanted: Grown = {}
    if stats.select == "best":
        for found in races(plan, asking):
            if found.race.best is None and found.race.needed_max:
                alive = [found.members[system] for system in found.race.alive]
                wanted |= dict.fromkeys(alive, min(found.race.seen + STEP, stats.replications_max))
    elif stats.select == "budget":
        for members in groups_of(plan.points, plan.compared_key).values():
            wanted |= _budgeted(plan, members, asking)
    if stats.precision_ratio is not None:
        wanted |= _precise(plan, stats.precision_ratio, asking)
    now = {point.label: point.config.stats.replications for point in plan.points}
    return {label: count for label, count in wanted.items() if count > now[label]}


def races(plan: Plan, asking: Asking) -> Iterator[GroupRace]:
    """The race of every group of two points or more, as far as it is run."""
    stats = plan.base.stats
    for members in groups_of(plan.points, plan.compared_key).values():
        table = _table(plan, members, asking)
        first = table[: stats.replications]
        labels = [point.label for point in members]
        if len(members) < 2 or np.isnan(first[:, :, 0]).any():
            continue
        excluded = separably_lower(dict(zip(labels, first[:, :, 1].T, strict=True)), stats.confidence_ratio)
        taking = [number for number, label in enumerate(labels) if label not in excluded]
        sign = -1.0 if plan.base.objective in MAXIMIZED else 1.0
        values = sign * table[:, taking, 0]
        base = next((n for n, p in enumerate(members) if p.keys.get(plan.compared_key) == plan.baseline), 0)
        zone = stats.indifference_ratio * abs(float(first[:, base, 0].mean()))
        rules = RaceRules(zone or math.ulp(1.0), stats.replications, stats.confidence_ratio)
        yield GroupRace([labels[n] for n in taking], excluded, values, rules, race(values, rules))


def _table(plan: Plan, members: list[Point], asking: Asking) -> Floats:
    """Objective and success of every stored replication, shape (replications, members, 2), NaN where none is."""
    root, workers = Path(plan.base.paths.store), workers_of(plan.base)
    labels = [point.label for point in members]
    first = grown(plan, dict.fromkeys(labels, plan.base.stats.replications)).points
    uncut = [point for point in first if point.label in labels and point.key not in asking.cuts]
    cuts = in_order(asking.own_cut_s, [(root, point) for point in uncut], workers)
    asking.cuts.update({point.key: cut_s for point, cut_s in zip(uncut, cuts, strict=True)})
    cut_s = max(asking.cuts[point.key] for point in members)
    rows = [(point, number) for point in members for number in range(point.config.stats.replications)]
    fresh = [(point, number) for point, number in rows if (point.key, number, cut_s) not in asking.seen]
    found = in_order(_measured, [(root, *row, cut_s, plan.base.objective) for row in fresh], workers)
    for (point, number), values in zip(fresh, found, strict=True):
        if not math.isnan(values[0]):
            asking.seen[point.key, number, cut_s] = values
    table = np.full((max(number for _, number in rows) + 1, len(members), 2), np.nan)
    columns = {point.label: column for column, point in enumerate(members)}
    for point, number in rows:
        table[number, columns[point.label]] = asking.seen.get((point.key, number, cut_s), (math.nan, math.nan))
    return table


def _measured(root: Path, point: Point, replication: int, cut_s: float, objective: str) -> tuple[float, float]:
    """Objective and success ratio of a stored replication; NaN where it is not stored or has none."""
    try:
        record = Store(root).load(point.key, replication)
    except FileNotFoundError:
        return math.nan, math.nan
    config = point.config
    cut_s = 0.0 if record.terminating and config.warmup in ("auto", "none") else cut_s
    found = replication_metrics(record, cut_s, config.slo.max, config.price_per_node_hour, config.slo.metric)
    return found.get(objective, math.nan), found.get(SUCCESS, math.nan)


def _budgeted(plan: Plan, members: list[Point], asking: Asking) -> Grown:
    """The next share of the budget: about one replication a point more, where OCBA wants it."""
    stats = plan.base.stats
    counts = np.array([point.config.stats.replications for point in members], dtype=np.int64)
    budget = min(stats.budget_replications, int(counts.sum()) + max(len(members), STEP))
    values = _table(plan, members, asking)[:, :, 0]
    if np.isnan(values[: stats.replications]).any() or len(members) < 2:
        return {}
    values = -values if plan.base.objective in MAXIMIZED else values
    more = ocba_next(np.nanmean(values, axis=0), np.nanstd(values, axis=0, ddof=1), counts, budget)
    return {p.label: min(int(n), stats.replications_max) for p, n in zip(members, counts + more, strict=True)}


def _precise(plan: Plan, precision_ratio: float, asking: Asking) -> Grown:
    """More where the mean or the p99 of a point of the group is not as precise as asked."""
    summaries = asking.summaries(plan)
    wanted: Grown = {}
    for members in groups_of(plan.points, plan.compared_key).values():
        there = [summaries[point.label] for point in members if point.label in summaries]
        excess = max((excess_of(summary, precision_ratio) for summary in there), default=0.0)
        if excess > 1.0:
            now = max(point.config.stats.replications for point in members)
            count = min(max(now + 1, math.ceil(now * min(excess**2, 2.0))), plan.base.stats.replications_max)
            wanted |= dict.fromkeys((point.label for point in members), count)
    return wanted


def excess_of(summary: PointSummary, precision_ratio: float) -> float:
    """Largest half-width over what is allowed, of mean and p99 sojourn; at most 1 where both are precise enough."""
    allowed = precision_ratio / (1.0 + precision_ratio)
    excess = [0.0]
    for name in ("sojourn_s_mean", "sojourn_s_p99"):
        found = summary.estimates.get(name)
        if found is not None:
            half_width = (found.ci_high - found.ci_low) / 2.0
            excess.append(math.inf if math.isnan(half_width) else half_width / (allowed * abs(found.mean)))
    return max(excess)

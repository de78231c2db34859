"""A study from its plan: run what is missing, read it back point by point, measure, compare, judge.

The summary is a function of what is stored, so that `victor-sim report` makes it again without running anything. The
warm-up cut is one for all points that are compared with each other: those of a group that run equally long.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from sim.bench.capacity_grid import is_searched
from sim.bench.capacity_search import search, searched
from sim.bench.capacity_verdict import capacity_verdicts
from sim.bench.compose import to_yaml
from sim.bench.identity import as_dict, code_identity, versions
from sim.bench.launchers.choice import launch_of
from sim.bench.manifest import command_line, portable
from sim.bench.plan import Plan, Point
from sim.bench.pool import in_order
from sim.bench.runner import Failure, missing_tasks, run_tasks, workers_of
from sim.bench.selected import selected
from sim.bench.sequential import Asking, Seen, grow, is_sequential, settled
from sim.bench.store import Store
from sim.bench.swept import figures_of, metrics_of
from sim.bench.traced import file_notes, recorded_count
from sim.errors import InputError
from sim.measure.compare import compare_points, group_of
from sim.measure.summarize import PointFacts, summarize_point
from sim.measure.summary import PointSummary, StudySummary, Sweep, Verdict
from sim.measure.sweep import sweep_of
from sim.measure.verdict import judge
from sim.measure.warmup import Cut, fixed_cut, largest_cut, point_cut
from sim.types.records import RunRecord

RUN_IT = "the same words after victor-sim run, or victor-sim report NAME for a folder below results"


def store_of(plan: Plan) -> Store:
    """The store that the plan's config names."""
    return Store(Path(plan.base.paths.store))


def run_study(plan: Plan) -> tuple[Plan, list[Failure]]:
    """Run what is not stored, as many replications as the study needs; gives the plan as it ended, and failures."""
    if is_searched(plan.base):
        return search(plan, run_missing, looking(Seen()))
    return grow(plan, run_missing, asking()) if is_sequential(plan) else (plan, run_missing(plan))


def as_stored(plan: Plan, look: Asking | None = None) -> Plan:
    """The plan as `run_study` would end with what is stored."""
    look = look or asking()
    return searched(plan, look.summaries) if is_searched(plan.base) else settled(plan, look)


def asking() -> Asking:
    """What a look at a growing study may ask."""
    seen = Seen()
    return Asking(_own_cut_s, looking(seen), measured=seen)


def run_missing(plan: Plan) -> list[Failure]:
    """Run every replication of the plan that is not stored; gives the failures."""
    store = store_of(plan)
    store.check_writable()
    for point in plan.points:
        if not store.has_config(point.key):
            store.write_config(point.key, to_yaml(as_dict(point.config)))
    tasks = missing_tasks(store, [(point.key, point.label, point.config) for point in plan.points])
    labels = list(dict.fromkeys(task.point for task in tasks))
    label = f"{plan.name} {labels[0]}" if len(labels) == 1 and is_searched(plan.base) else plan.name
    return run_tasks(tasks, store.root, workers_of(plan.base), label, launch_of(plan.base))


def stored_count(plan: Plan) -> int:
    """How many of the plan's replications are stored."""
    store = store_of(plan)
    return sum(store.has(point.key, n) for point in plan.points for n in range(point.config.stats.replications))


def is_any_stored(plan: Plan) -> bool:
    """Whether any of the plan's replications is stored; looks no further than the first."""
    store = store_of(plan)
    return any(store.has(point.key, n) for point in plan.points for n in range(point.config.stats.replications))


def records(root: Path, point: Point) -> Iterator[RunRecord]:
    """The stored replications of a point in their order, one in memory at a time."""
    store = Store(root)
    for replication in range(point.config.stats.replications):
        try:
            yield store.load(point.key, replication)
        except FileNotFoundError:  # it failed, or was not run yet: the summary counts what is there
            continue


def _by_other_code(plan: Plan) -> str:
    """That a result of this name is there and came of another code, if it is so: what is stored is by code."""
    try:
        tree = json.loads((Path(plan.base.paths.results) / plan.name / "manifest.json").read_text(encoding="utf-8"))
        made_by = tree["versions"]["code"]
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    ours = code_identity()
    return "" if made_by == ours else f" by this code ({ours}; its results are of {made_by})"


def summarize(plan: Plan, look: Asking | None = None) -> StudySummary:
    """Measure what is stored: warm-up cuts, estimates, comparisons, verdicts.

    A study that grows is as `as_stored` says. Raises `InputError` when nothing is stored.
    """
    look = look or asking()
    plan = as_stored(plan, look)
    base = plan.base
    there = _stored_points(plan)
    if not there:
        problem = f"nothing is stored of {plan.name}{_by_other_code(plan)}; `victor-sim run` runs it"
        raise InputError(base.paths.store, None, None, problem, RUN_IT)
    summaries, cuts = _measured(plan, there, look.measured)
    absent = [point.label for point in plan.points if point not in there]
    confidence = base.stats.confidence_ratio
    verdicts, told = _judged(plan, look, summaries)
    return StudySummary(
        name=plan.name,
        question=base.study.question,
        command=command_line(plan.asked),
        objective=base.objective,
        baseline=plan.baseline,
        compared_key=plan.compared_key,
        points=summaries,
        comparisons=compare_points(summaries, plan.baseline, plan.compared_key, None, confidence),
        verdicts=verdicts,
        seed=base.seed,
        versions=versions(),
        valid=not absent and all(summary.valid for summary in summaries),
        figures=figures_of(base, summaries),
        notes=[*told, *_notes(plan, there, absent, cuts)],
        config=portable(base),
        slo_max=base.slo.max,
        sweep=_swept(plan, summaries),
    )


def _swept(plan: Plan, summaries: list[PointSummary]) -> Sweep | None:
    """The sweep as a whole; None where points were left out on the way (a race, a budget, a search)."""
    base = plan.base
    if is_searched(base) or base.stats.select != "none":
        return None
    return sweep_of(summaries, metrics_of(base, summaries), base.stats.confidence_ratio)


def _judged(plan: Plan, look: Asking, summaries: list[PointSummary]) -> tuple[list[Verdict], list[str]]:
    """Verdicts by group, and notes: of the points as they are, of a race or a budget, of a search."""
    plain = judge(summaries, plan.base.objective, plan.compared_key, plan.base.stats.confidence_ratio)
    if is_searched(plan.base):
        return capacity_verdicts(plan, summaries, plain)
    return selected(plan, look, summaries, plain)


def _stored_points(plan: Plan) -> list[Point]:
    """Points of which some replication is stored."""
    store = store_of(plan)
    return [p for p in plan.points if any(store.has(p.key, n) for n in range(p.config.stats.replications))]


def _measured(plan: Plan, points: list[Point], seen: Seen | None = None) -> tuple[list[PointSummary], list[Cut]]:
    """Summaries of points, with one cut for all of a group that run equally long; and those cuts.

    What is `seen` is not measured again; it must be of the same plan, grown since.
    """
    seen = Seen() if seen is None else seen
    root, workers = Path(plan.base.paths.store), workers_of(plan.base)
    fresh = [point for point in points if _count_key(point) not in seen.cuts]
    found = in_order(_own_cut, [(root, point) for point in fresh], workers)
    seen.cuts.update({_count_key(point): cut for point, cut in zip(fresh, found, strict=True)})
    cuts = [seen.cuts[_count_key(point)] for point in points]
    groups = [_group(plan, point) for point in points]
    common = {group: largest_cut(c for c, g in zip(cuts, groups, strict=True) if g == group) for group in groups}
    calls = [(root, point, common[group].cut_s) for point, group in zip(points, groups, strict=True)]
    new = [call for call in calls if (*_count_key(call[1]), call[2]) not in seen.summaries]
    for (_, point, cut_s), summary in zip(new, in_order(_summarize_point, new, workers), strict=True):
        seen.summaries[(*_count_key(point), cut_s)] = summary
    summaries = [  # two names of one system share a key and its figures, not the name
        replace(seen.summaries[(*_count_key(point), cut_s)], point=point.label, keys=dict(point.keys))
        for _, point, cut_s in calls
    ]
    return summaries, list(common.values())


def _count_key(point: Point) -> tuple[str, int]:
    return point.key, point.config.stats.replications


def looking(seen: Seen) -> Callable[[Plan], dict[str, PointSummary]]:
    """Summaries by label for the looks of one study: what a look has measured, the next ones do not measure again."""
    return lambda plan: {summary.point: summary for summary in _measured(plan, _stored_points(plan), seen)[0]}


def _group(plan: Plan, point: Point) -> tuple[object, ...]:
    return (*group_of(point, plan.compared_key), point.config.horizon_s, point.config.warmup)


def _own_cut(root: Path, point: Point) -> Cut:
    fixed = fixed_cut(point.config.warmup, point.config.horizon_s)
    return point_cut(records(root, point)) if fixed is None else fixed


def _own_cut_s(root: Path, point: Point) -> float:
    return _own_cut(root, point).cut_s


def _summarize_point(root: Path, point: Point, cut_s: float) -> PointSummary:
    config = point.config
    facts = PointFacts(
        cut_s=cut_s,
        cut_asked=point.config.warmup not in ("auto", "none"),
        slo_max=config.slo.max,
        slo_metric=config.slo.metric,
        price_per_node_hour=config.price_per_node_hour,
        confidence_ratio=config.stats.confidence_ratio,
        replications=config.stats.replications,
        recorded_count=recorded_count(config),
        config=portable(config),
    )
    return summarize_point(point.label, point.keys, records(root, point), facts)


def _notes(plan: Plan, there: list[Point], absent: list[str], cuts: list[Cut]) -> list[str]:
    """What a reader must know: the study's words, where the cut is doubtful, what is missing, sources of files."""
    notes = [*plan.base.study.notes, *dict.fromkeys(note for cut in cuts for note in cut.notes)]
    notes += [f"{label} is left out: none of its replications is stored" for label in absent]
    first = {point.config.arrivals.path or "": point for point in reversed(there)}
    for point in first.values():
        record = next(records(Path(plan.base.paths.store), point))
        notes += file_notes(point.label, point.config, record)
    return list(dict.fromkeys(notes))

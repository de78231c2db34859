"""A study from its plan: run what is missing, read it back point by point, measure, judge, report.

Results go to `paths.results`/<name>; everything else stays in the store. The report is a function of what is stored,
so that `victor-sim report` makes it again without running anything.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import OmegaConf

from sim.bench.identity import as_dict, versions
from sim.bench.plan import Plan, Point
from sim.bench.runner import Failure, missing_tasks, run_tasks, workers_of
from sim.bench.store import Store, write_whole
from sim.measure.compare import compare_points
from sim.measure.summarize import PointFacts, summarize_point
from sim.measure.summary import PointSummary, StudySummary
from sim.measure.verdict import judge
from sim.measure.warmup import Cut, common_cut
from sim.types.records import RunRecord


def store_of(plan: Plan) -> Store:
    """The store that the plan's config names."""
    return Store(Path(plan.base.paths.store))


def run_missing(plan: Plan) -> list[Failure]:
    """Run every replication that is not stored; gives the failures."""
    store = store_of(plan)
    for point in plan.points:
        store.write_config(point.key, OmegaConf.to_yaml(OmegaConf.create(as_dict(point.config))))
    tasks = missing_tasks(store, [(point.key, point.label, point.config) for point in plan.points])
    return run_tasks(tasks, store.root, workers_of(plan.base), plan.name)


def records(store: Store, point: Point) -> Iterator[RunRecord]:
    """The stored replications of a point, one in memory at a time."""
    for replication in range(point.config.stats.replications):
        if store.has(point.key, replication):
            yield store.load(point.key, replication)


def summarize(plan: Plan) -> StudySummary:
    """Measure what is stored: one warm-up cut over all points, estimates, comparisons, verdicts."""
    store, base = store_of(plan), plan.base
    cut = common_cut((records(store, point) for point in plan.points), base.warmup, base.horizon_s)
    summaries = [_summarize_point(store, point, cut) for point in plan.points]
    comparisons = []
    confidence = base.stats.confidence_ratio
    if plan.baseline is not None:
        comparisons = compare_points(summaries, plan.baseline, plan.compared_key, None, confidence)
    return StudySummary(
        name=plan.name,
        question=base.study.question,
        command=base.command,
        objective=base.objective,
        baseline=plan.baseline,
        compared_key=plan.compared_key,
        points=summaries,
        comparisons=comparisons,
        verdicts=judge(summaries, base.objective, plan.compared_key, confidence),
        seed=base.seed,
        versions=versions(),
        valid=all(summary.valid for summary in summaries),
        figures=list(base.study.figures),
        notes=list(cut.notes) + list(base.study.notes),
        config=as_dict(base),
        slo_max=base.slo.max,
    )


def _summarize_point(store: Store, point: Point, cut: Cut) -> PointSummary:
    config = point.config
    facts = PointFacts(
        cut_s=cut.cut_s,
        slo_max=config.slo.max,
        slo_metric=config.slo.metric,
        price_per_node_hour=config.price_per_node_hour,
        confidence_ratio=config.stats.confidence_ratio,
        replications=config.stats.replications,
        config=as_dict(config),
    )
    return summarize_point(point.label, point.keys, records(store, point), facts)


def write_results(plan: Plan, summary: StudySummary) -> Path:
    """The report and its companions; gives the folder."""
    from sim.report.page import write_report

    folder = Path(plan.base.paths.results) / plan.name
    write_report(summary, folder)
    best = _best(plan, summary)
    if best is not None:
        write_whole(folder / "best.yaml", OmegaConf.to_yaml(OmegaConf.create(portable(best))).encode())
    write_whole(folder / "manifest.json", (json.dumps(manifest(plan, summary), indent=1) + "\n").encode())
    if plan.base.stats.keep_requests:
        _write_requests(plan, folder / "requests")
    return folder


def _best(plan: Plan, summary: StudySummary) -> Point | None:
    """The named best of the first group; the only point of a plain run."""
    labels = [verdict.best for verdict in summary.verdicts if verdict.best]
    label = labels[0] if labels else plan.points[0].label
    return next(point for point in plan.points if point.label == label)


def portable(point: Point) -> dict[str, Any]:
    """The config without what names or places a study."""
    tree = as_dict(point.config)
    for name in ("name", "command", "paths", "launcher", "study", "baseline", "experiment"):
        tree.pop(name, None)
    return tree


def manifest(plan: Plan, summary: StudySummary) -> dict[str, Any]:
    """What was run, by what, and whether its numbers may be used."""
    return {
        "name": plan.name,
        "command": plan.base.command,
        "valid": "VALID" if summary.valid else "INVALID",
        "problems": {point.point: point.problems for point in summary.points if point.problems},
        "seed": plan.base.seed,
        "versions": summary.versions,
        "points": [
            {"point": point.label, "key": point.key, "engine": measured.engine, "config": portable(point)}
            for point, measured in zip(plan.points, summary.points, strict=True)
        ],
    }


def _write_requests(plan: Plan, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    store = store_of(plan)
    for point in plan.points:
        name = re.sub(r"[^A-Za-z0-9_.=-]+", "_", point.label)
        for replication, record in enumerate(records(store, point)):
            table = record.attempts
            columns = {
                field: getattr(table, field)
                for field in ("request", "attempt", "arrived_at", "started_at", "finished_at", "node", "status")
            }
            np.savez(folder / f"{name}-r{replication}.npz", **columns)

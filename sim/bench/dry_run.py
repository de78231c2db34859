"""What a study would do: points, replications, what is stored already, and about how long the rest takes.

The pace is that of replications of these points that are stored, else of a short stretch of the first missing point.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from sim.bench import assemble
from sim.bench.extensions import load_extensions
from sim.bench.plan import Plan, Point
from sim.bench.progress import words_of
from sim.bench.runner import workers_of
from sim.bench.store import Store
from sim.bench.study import store_of

PROBE_RATIO = 0.02  # of the horizon


def dry_run(plan: Plan) -> str:
    """A table as text; runs nothing but the stretch."""
    store = store_of(plan)
    width = max([len(point.label) for point in plan.points], default=0)
    lines = [f"{plan.name}: {len(plan.points)} points"]
    missing: list[tuple[Point, int]] = []
    for point in plan.points:
        replications = point.config.stats.replications
        stored = sum(store.has(point.key, number) for number in range(replications))
        lines.append(f"  {point.label:{width}}  {replications} replications, {stored} stored")
        if stored < replications:
            missing.append((point, replications - stored))
    if not missing:
        return "\n".join([*lines, "to run: nothing, everything is stored"])
    count, workers = sum(number for _, number in missing), workers_of(plan.base)
    pace, source = _pace(plan, missing[0][0], store)
    seconds = sum(number * point.config.horizon_s for point, number in missing) * pace / min(workers, count)
    lines.append(f"to run: {count} replications on {workers} workers, about {words_of(seconds)} ({source})")
    return "\n".join(lines)


def _pace(plan: Plan, missing: Point, store: Store) -> tuple[float, str]:
    """Wall seconds of one worker for a virtual second, and where that was measured."""
    known = list(_known_paces(plan, store))
    if known:
        return sum(known) / len(known), "at the pace of the stored ones"
    config = missing.config
    load_extensions(config.extensions)
    horizon_s = config.horizon_s * PROBE_RATIO
    wall_s = assemble.run_replication(replace(config, horizon_s=horizon_s), 0).wall_s
    return wall_s / horizon_s, f"at the pace of {PROBE_RATIO:.0%} of one replication of {missing.label}"


def _known_paces(plan: Plan, store: Store) -> Iterator[float]:
    for point in plan.points:
        facts = store.facts(point.key, 0)
        if facts is not None:
            yield facts["wall_s"] / point.config.horizon_s

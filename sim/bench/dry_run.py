"""What a study would do: points, replications, what is stored already, and about how long the rest takes.

The time of a replication is that of one of these points that is stored, else it is extrapolated from a short stretch
of the first missing point: what building it costs, and a pace for each virtual second.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from sim.bench import assemble
from sim.bench.capacity_grid import grid_of, is_searched
from sim.bench.plan import Plan, Point
from sim.bench.progress import words_of
from sim.bench.runner import workers_of
from sim.bench.schema import Config
from sim.bench.sequential import is_sequential
from sim.bench.store import Store
from sim.bench.study import store_of
from sim.measure.bisection import questions_max

PROBE_RATIO = 0.05  # of the horizon
NOTHING_RATIO = 1e-6  # of the horizon: what is left is the cost of building


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
    seconds_of, source = _pace(plan, missing[0][0], store)
    seconds = sum(number * seconds_of(point.config.horizon_s) for point, number in missing) / min(workers, count)
    lines.append(f"to run: {count} replications on {workers} workers, about {words_of(seconds)} ({source})")
    if is_searched(plan.base):
        most = questions_max(grid_of(plan.base).count, plan.base.capacity.neighbors)
        lines[-1] += f"; more as the search for {plan.compared_key} asks, about {most} values a group"
    if is_sequential(plan):
        stats = plan.base.stats
        asked = f"select={stats.select}" if stats.select != "none" else f"precision_ratio={stats.precision_ratio:g}"
        lines[-1] += f"; more as stats.{asked} asks, at most {stats.replications_max} a point"
    return "\n".join(lines)


def _pace(plan: Plan, missing: Point, store: Store) -> tuple[Callable[[float], float], str]:
    """Wall seconds of one replication by its horizon, and where that was measured."""
    known = list(_known_paces(plan, store))
    if known:
        pace = sum(known) / len(known)
        return lambda horizon_s: pace * horizon_s, "as long as the stored ones took"
    whole_s = missing.config.horizon_s
    building_s, probe_s = (_probe_s(missing.config, whole_s * ratio) for ratio in (NOTHING_RATIO, PROBE_RATIO))
    pace = max(probe_s - building_s, 0.0) / (whole_s * PROBE_RATIO)
    return lambda horizon_s: building_s + pace * horizon_s, f"from {PROBE_RATIO:.0%} of one replication"


def _probe_s(config: Config, horizon_s: float) -> float:
    """Wall seconds of replication 0 with a shorter horizon, building included."""
    started = time.perf_counter()
    assemble.run_replication(replace(config, horizon_s=horizon_s, warmup="none"), 0)
    return time.perf_counter() - started


def _known_paces(plan: Plan, store: Store) -> Iterator[float]:
    for point in plan.points:
        facts = store.facts(point.key, 0)
        if facts is not None:
            yield facts["wall_s"] / point.config.horizon_s

"""What a study would do: points, replications, what is stored already, and about how long the rest takes.

The time is an estimate: expected requests (rate x horizon) over a rate measured on a short stretch of the first missing
point, times the missing replications, over the workers.
"""

from __future__ import annotations

from dataclasses import replace

from sim.bench.assemble import run_replication
from sim.bench.plan import Plan, Point
from sim.bench.runner import workers_of
from sim.bench.study import store_of

PROBE_RATIO = 0.02  # of the horizon


def dry_run(plan: Plan) -> str:
    """A table as text; runs nothing but the probe."""
    store = store_of(plan)
    lines = [f"{plan.name}: {len(plan.points)} points"]
    missing: list[tuple[Point, int]] = []
    for point in plan.points:
        replications = point.config.stats.replications
        stored = sum(store.has(point.key, number) for number in range(replications))
        lines.append(f"  {point.label}: {replications} replications, {stored} stored")
        if stored < replications:
            missing.append((point, replications - stored))
    if missing:
        seconds = _expected_s(missing) / workers_of(plan.base)
        lines.append(f"to run: {sum(count for _, count in missing)} replications, about {seconds:.0f} s")
    else:
        lines.append("to run: nothing, everything is stored")
    return "\n".join(lines)


def _expected_s(missing: list[tuple[Point, int]]) -> float:
    """Wall seconds of one worker, from a probe of the first missing point."""
    config = missing[0][0].config
    probe = replace(config, horizon_s=config.horizon_s * PROBE_RATIO)
    seconds = run_replication(probe, 0).wall_s / PROBE_RATIO
    return sum(count * seconds * point.config.horizon_s / config.horizon_s for point, count in missing)

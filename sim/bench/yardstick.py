"""Speed as a ratio: the SimPy engine with manager, balancer, records and audits against idiomatic SimPy, bare.

And the same engine with everything on that can stand between a request and a failure, against itself without. The two
of a row run in turn (A B A B ...) in one process and are timed in CPU seconds, so that a busy machine slows both and
waiting counts for neither; the ratio is that of their medians and its interval the smallest and largest ratio of
neighbors. Both must answer with the yardstick's mean sojourn (1.045 s) within 5 %: they do the same work.
"""

from __future__ import annotations

import csv
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sim.bench.assemble import run_replication
from sim.bench.compose import compose
from sim.errors import InvalidRun
from sim.measure.audits import audit
from sim.measure.metrics import replication_metrics
from sim.world.idiomatic import RATE_PER_S, idiomatic_mean_sojourn_s

MEAN_SOJOURN_S = 1.045
ROUNDS = 5
EVERYTHING = (  # on, with nothing failing
    "deadline_s=300", "retry.attempts_max=3", "retry.attempt_timeout_s=100", "retry.budget_ratio=0.2",
    "hedge.after_s=60", "breaker.enabled=true", "admission.kind=concurrency", "health.detector=heartbeat_timeout",
    "health.interval_s=10", "health.ejection.enabled=true", "failover.enabled=true", "autoscaler=hpa",
    "autoscaler.min_nodes=10", "autoscaler.max_nodes=10",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SpeedRow:
    """One line of `bench.csv`."""

    what: str
    baseline: str
    ratio: float
    ratio_low: float
    ratio_high: float


def engine_mean_sojourn_s(requests: int, seed: int, extra: Sequence[str] = ()) -> float:
    """The yardstick through the whole house, with `extra` overrides; raises `InvalidRun` when an audit fails."""
    load = [f"arrivals.rate_per_s={RATE_PER_S}", f"horizon_s={requests / RATE_PER_S}"]
    config = compose(["fleet=yardstick", "balancer=power_of_d", f"seed={seed}", *load, *extra])
    record = run_replication(config, 0)
    broken = [result.name for result in audit(record) if not result.passed]
    if broken:
        raise InvalidRun("yardstick", ", ".join(broken))
    return float(replication_metrics(record, 0.0, None, 0.0)["sojourn_s_mean"])


def in_turn(
    ours: Callable[[], float], baseline: Callable[[], float], rounds: int
) -> tuple[list[float], list[float], list[float]]:
    """Run both `rounds` times in turn; gives their seconds and the values they answered with."""
    seconds: tuple[list[float], list[float]] = ([], [])
    values = []
    for _ in range(rounds):
        for side, work in enumerate((ours, baseline)):
            started = time.process_time()
            values.append(work())
            seconds[side].append(time.process_time() - started)
    return seconds[0], seconds[1], values


def yardstick(requests: int, seed: int, rounds: int = ROUNDS) -> tuple[SpeedRow, str]:
    """Our engine against idiomatic SimPy, `requests` each; gives the row and a line to print."""
    return _row(
        ("simpy engine with control plane, records and audits", lambda: engine_mean_sojourn_s(requests, seed)),
        ("idiomatic simpy, bare", lambda: idiomatic_mean_sojourn_s(requests, seed)),
        requests,
        rounds,
    )


def armored(requests: int, seed: int, rounds: int = ROUNDS) -> tuple[SpeedRow, str]:
    """Our engine with health, failover, retries, hedges, breakers, admission and scaling on against itself without."""
    return _row(
        ("simpy engine with everything on and no fault", lambda: engine_mean_sojourn_s(requests, seed, EVERYTHING)),
        ("the same without", lambda: engine_mean_sojourn_s(requests, seed)),
        requests,
        rounds,
    )


def _row(
    one: tuple[str, Callable[[], float]], other: tuple[str, Callable[[], float]], requests: int, rounds: int
) -> tuple[SpeedRow, str]:
    ours, baseline, values = in_turn(one[1], other[1], rounds)
    off = [value for value in values if abs(value / MEAN_SOJOURN_S - 1.0) > 0.05]
    if off:
        raise InvalidRun("yardstick", f"mean sojourn {off[0]:.4f} s, known is {MEAN_SOJOURN_S} s")
    ratios = [slow / fast for fast, slow in zip(ours, baseline, strict=True)]
    row = SpeedRow(
        one[0],
        other[0],
        statistics.median(baseline) / statistics.median(ours),
        min(ratios),
        max(ratios),
    )
    per_s = requests / statistics.median(ours), requests / statistics.median(baseline)
    line = (
        f"{row.what}: {per_s[0]:,.0f} requests/s; {row.baseline}: {per_s[1]:,.0f} requests/s; "
        f"ratio {row.ratio:.2f} ({row.ratio_low:.2f} to {row.ratio_high:.2f} in {rounds} rounds)"
    )
    return row, line


def write_rows(rows: list[SpeedRow], path: Path) -> None:
    """`bench.csv`: what, baseline, ratio, ratio_low, ratio_high."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["what", "baseline", "ratio", "ratio_low", "ratio_high"])
        for row in rows:
            writer.writerow([row.what, row.baseline, *(f"{v:.3f}" for v in (row.ratio, row.ratio_low, row.ratio_high))])

"""A prediction beside what was measured: the same metrics by the same rules, and the decisions side by side.

The simulated run has the live run's arrivals and, where the law's inversion rises with its draw (lognormal does,
exponential falls), its demands up to the fit (common random numbers): what differs is the world. Other seeds say how
far chance alone moves each figure. Decisions: the nodes that first attempts went to, by the request's number; equal
where timing does not enter the strategy.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from sim.bench.assemble import assemble
from sim.bench.compose import compose
from sim.bench.schema import Config
from sim.live.calibrate.live_run import Recorded
from sim.live.calibrate.rows import Row
from sim.measure.metrics import replication_metrics
from sim.measure.quantiles import quantiles

METRICS = ("sojourn_s_p50", "sojourn_s_p95", "sojourn_s_p99", "sojourn_s_mean", "utilization_ratio")
SEED_STEP = 1_000  # to the first of the other seeds


@dataclass(frozen=True, slots=True)
class Compared:
    """One metric of one run; the range is over other seeds (NaN without any)."""

    metric: str
    measured: float
    predicted: float
    low: float
    high: float

    @property
    def error_ratio(self) -> float:
        """(predicted - measured) / measured."""
        return (self.predicted - self.measured) / self.measured


@dataclass(frozen=True, slots=True)
class Verdict:
    """A run, measured and predicted; `equal` of `decisions` picks were the same."""

    name: str
    requests: int
    lost: int
    compared: tuple[Compared, ...]
    equal: int
    decisions: int


def measured_metrics(rows: Sequence[Row], agents: int, horizon_s: float) -> dict[str, float]:
    """The figures of a live run: latencies of answered requests, and busy agent-seconds before the horizon."""
    done = [row for row in rows if row.status == "done"]
    latency = np.array([row.latency_s for row in done])
    p50, p95, p99 = (float(one) for one in quantiles(latency, (0.5, 0.95, 0.99)))
    busy_s = 0.0
    for row in done:
        ended_at = row.due_at + row.latency_s - 0.5 * row.overhead_s
        busy_s += max(0.0, min(horizon_s, ended_at) - min(horizon_s, ended_at - row.ran_s))
    values = (p50, p95, p99, float(np.mean(latency)), busy_s / (agents * horizon_s))
    return dict(zip(METRICS, values, strict=True))


def predicted_metrics(config: Config) -> tuple[dict[str, float], dict[int, int]]:
    """The same figures of one simulated run, and the node of each request's first attempt, by its number."""
    record = assemble(config, 0).run()
    found = replication_metrics(record, 0.0, None, 1.0)
    table = record.attempts
    first = table.attempt == 0
    picks = dict(zip(table.request[first].tolist(), table.node[first].tolist(), strict=True))
    return {name: found[name] for name in METRICS}, picks


def verdict(
    name: str, recorded: Recorded, world: Sequence[str], overrides: Sequence[str], rate_per_s: float, seeds: int
) -> Verdict:
    """Predict a recorded run by a fitted world; `seeds` other seeds give the ranges."""
    asked = [one for one in overrides if not one.startswith(("arrivals.utilization_ratio=", "service"))]
    config = compose([*world, *asked, f"arrivals.rate_per_s={rate_per_s!r}", "engine=simpy"])
    measured = measured_metrics(recorded.rows, config.fleet.nodes * config.fleet.agents_per_node, config.horizon_s)
    predicted, picks = predicted_metrics(config)
    others = [predicted_metrics(replace(config, seed=config.seed + SEED_STEP + n))[0] for n in range(seeds)]
    compared = []
    for metric in METRICS:
        values = [other[metric] for other in others]
        low, high = (min(values), max(values)) if values else (math.nan, math.nan)
        compared.append(Compared(metric, measured[metric], predicted[metric], low, high))
    number_of = {node: number for number, node in enumerate(recorded.nodes)}
    pairs = [(number_of[row.node], picks.get(row.ordinal)) for row in recorded.rows if row.status == "done"]
    lost = sum(row.status != "done" for row in recorded.rows)
    equal = sum(live == simulated for live, simulated in pairs)
    return Verdict(name, len(recorded.rows), lost, tuple(compared), equal, len(pairs))

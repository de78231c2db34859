"""The Python face of one design point: `simulate(["balancer=power_of_d", "fleet.nodes=20"])`, also in a notebook.

The way is that of `victor-sim run`: the same composition, store and measures, so that a call that was made before
answers at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sim.bench.compose import quoted
from sim.bench.keys import find
from sim.bench.plan import make_plan
from sim.bench.schema import Config
from sim.bench.study import records, run_study, store_of, summarize
from sim.errors import ConfigError, InputError, InvalidRun
from sim.measure.summary import Estimate, PointSummary
from sim.types.records import RunRecord

TABLE_COLUMNS = ("request", "attempt", "arrived_at", "started_at", "finished_at", "node", "status")
Table = dict[str, np.ndarray[Any, Any]]


@dataclass(frozen=True, slots=True)
class Result:
    """One design point: `metrics` with intervals, the request `table()`, `plot()`."""

    config: Config
    summary: PointSummary
    records: list[RunRecord]  # one a replication

    @property
    def metrics(self) -> dict[str, Estimate]:
        """Metric -> mean, interval, replications, unit."""
        return self.summary.estimates

    def __getitem__(self, metric: str) -> Estimate:
        return self.metrics[metric]

    def table(self, replication: int | None = None) -> Table:
        """One row an attempt, numeric columns of equal length; all replications unless one is named.

        `status` is an index into `sim.types.records.STATUSES`; instants are seconds from the start of load.
        Raises `ConfigError` where the requests were counted, not kept.
        """
        if any(record.stream is not None for record in self.records):
            stats = self.config.stats
            raise ConfigError("stats.keep_requests", stats.keep_requests, "true, for a table of requests")
        chosen = list(enumerate(self.records)) if replication is None else [(replication, self.records[replication])]
        columns: Table = {"replication": np.repeat([n for n, _ in chosen], [len(r.attempts) for _, r in chosen])}
        for name in TABLE_COLUMNS:
            columns[name] = np.concatenate([getattr(record.attempts, name) for _, record in chosen])
        return columns

    def plot(self, ax: Any = None) -> Any:
        """Latency by percentile on a 1/(1-p) axis, with its band; gives the matplotlib axes (made when None)."""
        if ax is None:
            from matplotlib.figure import Figure

            ax = Figure(figsize=(7.0, 4.0), layout="constrained").subplots()
        tail = self.summary.tail
        if tail is None:
            raise InvalidRun(self.summary.point, "too few requests were answered to draw their percentiles",
                             "a longer horizon_s, or more stats.replications")  # fmt: skip
        beyond = 1.0 / (1.0 - tail.prob)
        ax.fill_between(beyond, tail.low_s, tail.high_s, alpha=0.25, linewidth=0.0)
        ax.plot(beyond, tail.latency_s)
        ax.set_xscale("log")
        ticks = [(10.0**k, f"{100.0 - 10.0 ** (2 - k):g} %") for k in range(1, 7) if 10.0**k <= beyond[-1]]
        ax.set_xticks([place for place, _ in ticks], [text for _, text in ticks])
        ax.set_xlabel("percentile")
        ax.set_ylabel("sojourn, s")
        ax.set_title(f"{self.config.balancer.kind}, {self.config.fleet.nodes} nodes")
        return ax

    def __str__(self) -> str:
        lines = [
            f"{name:22} {e.mean:.6g} {e.unit} ({e.ci_low:.6g} to {e.ci_high:.6g})" for name, e in self.metrics.items()
        ]
        lost = ", ".join(f"{count} {status}" for status, count in self.summary.losses.items()) or "none"
        return "\n".join([*lines, f"{'lost':22} {lost}"])


def simulate(overrides: Sequence[str] | Mapping[str, Any] = ()) -> Result:
    """Run one design point given as Hydra overrides, or as a mapping of (nested or dotted) keys.

    Raises `ConfigError` or `InputError` for what would not run, `InvalidRun` when a replication fails or an audit does.
    """
    words = list(as_overrides(overrides, "")) if isinstance(overrides, Mapping) else list(overrides)
    plan = make_plan(words, multirun=True)
    if len(plan.points) != 1:
        raise ConfigError("sweep", f"{len(plan.points)} points", "one design point (sweeps: victor-sim run --multirun)")
    plan, failures = run_study(plan)
    if failures:
        failed = failures[0]
        problem = f"replication {failed.replication}: {failed.error}"
        raise InputError(failed.point, None, None, problem) if failed.refused else InvalidRun(failed.point, problem)
    (point,), (summary,) = plan.points, summarize(plan).points
    if not summary.valid:
        raise InvalidRun(summary.point, "; ".join(summary.problems))
    return Result(point.config, summary, list(records(store_of(plan).root, point)))


def as_overrides(tree: Mapping[str, Any], prefix: str) -> Iterator[str]:
    """`{"fleet": {"nodes": 3}, "balancer": "random"}` as Hydra's overrides."""
    for name, value in tree.items():
        key = f"{prefix}{name}"
        leaf = find(key)
        if isinstance(value, Mapping) and (leaf is None or not leaf.mapping):
            yield from as_overrides(value, key + ".")
        else:
            yield f"{key}={quoted(value)}"

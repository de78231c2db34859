"""How often the 95 % interval holds the truth: M/M/c mean sojourn, known exactly, many macro-replications.

One macro-replication is what a user does once: `replications` runs from an empty fleet, one warm-up cut by MSER-5 on
their mean, a t interval over replication means. The covered share over `macro` of them must lie in the binomial band.
Two sources of runs feed the same estimators: `product_run`, the real engine with manager and balancer, and `twin_run`,
the Kiefer-Wolfowitz recursion (1955) in numpy on the same draws: the same run in everything but rounding, without
engine and control plane. 400 x 10 x 100,000 requests take minutes either way, since the engine may be compiled.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

import joblib
import numpy as np
from scipy import stats

from sim.bench.assemble import run_replication
from sim.bench.compose import compose
from sim.bench.identity import engine_of
from sim.bench.ledger import Ledger
from sim.bench.schema import Config
from sim.measure.intervals import t_interval
from sim.measure.metrics import replication_metrics
from sim.measure.summary import Floats
from sim.measure.theory import mmc_sojourn
from sim.measure.warmup import point_cut
from sim.runtime.draws import ARRIVAL_GAP, SERVICE_REQUEST, CounterDraws
from sim.types.records import OK, AttemptTable, NodeTable, RunRecord


@dataclass(frozen=True, slots=True)
class Setting:
    """What is covered: M/M/`servers` at `rho`, `requests` on average a replication, mean service 1 s."""

    servers: int = 1
    rho: float = 0.8
    replications: int = 10
    requests: int = 100_000
    confidence_ratio: float = 0.95

    @property
    def horizon_s(self) -> float:
        """Length of one replication."""
        return self.requests / (self.rho * self.servers)


MacroRun = Callable[[Setting, int, int], RunRecord]  # setting, seed of the macro-replication, replication


@dataclass(frozen=True, slots=True)
class Coverage:
    """The covered share, and where it lies but for 1 % of experiments if the intervals are what they say."""

    covered: int
    macro: int
    band_low: float
    band_high: float

    @property
    def share(self) -> float:
        """Covered macro-replications over all."""
        return self.covered / self.macro

    @property
    def passed(self) -> bool:
        """Whether the share lies in the band."""
        return self.band_low <= self.share <= self.band_high

    def as_text(self) -> str:
        """One line."""
        word = "within" if self.passed else "OUTSIDE"
        band = f"[{self.band_low:.3f}, {self.band_high:.3f}]"
        return f"{self.covered} of {self.macro} intervals cover the mean: {self.share:.4f}, {word} {band}"


def coverage(
    setting: Setting,
    macro: int,
    seed: int,
    run: MacroRun,
    workers: int = 0,
    ledger: Ledger | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Coverage:
    """Covered share over `macro` macro-replications; `workers` processes, 0 for one a core.

    `ledger` keeps each as it is finished, by its seed, and knows those of before; `progress` hears done and total.
    """
    kept = Ledger(None) if ledger is None else ledger
    seeds = [seed * macro + number for number in range(macro)]
    missing = [one for one in seeds if str(one) not in kept.parts]
    parallel = joblib.Parallel(n_jobs=workers or joblib.cpu_count(), batch_size=1, return_as="generator")
    hits: Iterator[bool] = parallel(joblib.delayed(covers)(setting, one, run) for one in missing)
    for done, (one, hit) in enumerate(zip(missing, hits, strict=True), start=macro - len(missing) + 1):
        kept.write(str(one), hit)
        if progress is not None:
            progress(done, macro)
    covered = sum(kept.parts[str(one)] for one in seeds)
    low, high = stats.binom.interval(0.99, macro, setting.confidence_ratio)
    return Coverage(covered, macro, float(low) / macro, float(high) / macro)


def covers(setting: Setting, seed: int, run: MacroRun) -> bool:
    """Whether the interval of one macro-replication holds the known mean sojourn."""
    records = [run(setting, seed, number) for number in range(setting.replications)]
    cut_s = point_cut(records).cut_s
    means = [replication_metrics(record, cut_s, None, 0.0)["sojourn_s_mean"] for record in records]
    interval = t_interval(np.array(means), setting.confidence_ratio)
    return bool(interval.low <= mmc_sojourn(setting.servers, setting.rho) <= interval.high)


def product_run(setting: Setting, seed: int, replication: int, engine: str = "auto") -> RunRecord:
    """One replication by the real engine, control plane and all."""
    return run_replication(replace(_config(setting), seed=seed, engine=engine), replication)


def source_of(setting: Setting, engine: str) -> str:
    """The engine that runs this setting when `engine` is asked for."""
    return engine_of(replace(_config(setting), engine=engine))


@lru_cache(maxsize=8)
def _config(setting: Setting) -> Config:
    overrides = [
        "fleet.nodes=1", f"fleet.agents_per_node={setting.servers}", "fleet.capacity_agents=null", "arrivals=poisson",
        f"arrivals.utilization_ratio={setting.rho}", "service=exponential", "service.mean_s=1",
        "balancer=round_robin", f"horizon_s={setting.horizon_s!r}",
    ]  # fmt: skip
    return compose(overrides)


def twin_run(setting: Setting, seed: int, replication: int) -> RunRecord:
    """The same replication by recursion on the same draws; its node books are left empty (nothing here reads them)."""
    draws = CounterDraws(seed, replication)
    ahead = setting.requests + int(8.0 * setting.requests**0.5) + 64
    gaps = -np.log(draws.uniforms(ARRIVAL_GAP, 0, ahead)[:, 0])
    arrived_at = np.cumsum(gaps) / (setting.rho * setting.servers)
    count = int(np.searchsorted(arrived_at, setting.horizon_s))
    arrived_at = arrived_at[:count]
    work_s = -np.log(draws.uniforms(SERVICE_REQUEST, 0, count)[:, 0])
    wait_s = _wait_one(arrived_at, work_s) if setting.servers == 1 else _wait(setting.servers, arrived_at, work_s)
    started_at = arrived_at + wait_s
    zero = np.zeros(count, dtype=np.int32)
    table = AttemptTable(
        request=np.arange(count, dtype=np.int64), attempt=zero.astype(np.int16), arrived_at=arrived_at,
        started_at=started_at, finished_at=started_at + work_s, node=zero, status=np.full(count, OK, dtype=np.int8),
        work_s=work_s,
    )  # fmt: skip
    ended_at = float(table.finished_at.max())
    return RunRecord(table, _one_node(setting.servers), setting.horizon_s, ended_at, count, engine="twin")


def _wait_one(arrived_at: Floats, work_s: Floats) -> Floats:
    """Lindley's recursion (1952) in closed form: the walk of service less gap above its running minimum."""
    walk = np.concatenate(([0.0], np.cumsum(work_s[:-1] - np.diff(arrived_at))))
    return np.asarray(walk - np.minimum.accumulate(walk))


def _wait(servers: int, arrived_at: Floats, work_s: Floats) -> Floats:
    """Waits behind c servers: the next request takes the server that is free first."""
    free_at = [0.0] * servers
    waits = []
    for at, work in zip(arrived_at.tolist(), work_s.tolist(), strict=True):
        start = max(at, free_at[0])
        heapq.heapreplace(free_at, start + work)
        waits.append(start - at)
    return np.array(waits)


def _one_node(agents: int) -> NodeTable:
    zero, none = np.zeros(1), np.zeros(1, dtype=np.int64)
    return NodeTable(
        node_id=["node-0"], zone=["zone-1"], speed=np.ones(1), agents=np.array([agents]), born_at=zero,
        gone_at=np.array([np.nan]), area_present_s=zero, area_busy_s=zero, work_done_s=zero, truncated_work_s=zero,
        arrived=none, answered=none, refused=none, truncated=none,
    )  # fmt: skip

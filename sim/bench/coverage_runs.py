"""Runs for coverage: two systems, and for M/M/c two sources of the same run.

`product_run` is the real engine with manager and balancer; `twin_run` the Kiefer-Wolfowitz recursion (1955) in numpy on
the same draws: the same run in everything but rounding, without engine and control plane.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from sim.bench.assemble import run_replication
from sim.bench.compose import compose
from sim.bench.identity import engine_of
from sim.bench.schema import Config
from sim.errors import ConfigError
from sim.measure.summary import Floats
from sim.runtime.draws import ARRIVAL_GAP, SERVICE_REQUEST, CounterDraws
from sim.types.records import OK, AttemptTable, NodeTable, RunRecord

MMC, POWER_OF_TWO = "mmc", "power_of_two"
SYSTEMS = (MMC, POWER_OF_TWO)


@dataclass(frozen=True, slots=True)
class Setting:
    """What is covered: `requests` on average a replication at `rho`, mean service 1 s.

    `mmc`: one node of `servers` agents. `power_of_two`: as many nodes of one agent behind power of two choices.
    """

    servers: int = 1
    rho: float = 0.8
    replications: int = 10
    requests: int = 100_000
    confidence_ratio: float = 0.95
    system: str = MMC

    def __post_init__(self) -> None:
        if self.system not in SYSTEMS:
            raise ConfigError("system", self.system, "one of " + ", ".join(SYSTEMS))

    @property
    def horizon_s(self) -> float:
        """Length of one replication."""
        return self.requests / (self.rho * self.servers)


MacroRun = Callable[[Setting, int, int], RunRecord]  # setting, seed of the macro-replication, replication


def product_run(setting: Setting, seed: int, replication: int, engine: str = "auto") -> RunRecord:
    """One replication by the real engine, control plane and all."""
    return run_replication(replace(_config(setting), seed=seed, engine=engine), replication)


def source_of(setting: Setting, engine: str) -> str:
    """The engine that runs this setting when `engine` is asked for."""
    return engine_of(replace(_config(setting), engine=engine))


@lru_cache(maxsize=8)
def _config(setting: Setting) -> Config:
    if setting.system == MMC:
        fleet = ["fleet.nodes=1", f"fleet.agents_per_node={setting.servers}", "balancer=round_robin"]
    else:
        fleet = [f"fleet.nodes={setting.servers}", "fleet.agents_per_node=1", "balancer=power_of_d", "balancer.d=2"]
    overrides = [
        "fleet.capacity_agents=null", "arrivals=poisson", f"arrivals.utilization_ratio={setting.rho}",
        "service=exponential", "service.mean_s=1", f"horizon_s={setting.horizon_s!r}",
    ]  # fmt: skip
    return compose([*fleet, *overrides])


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

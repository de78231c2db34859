"""Small runs under fire: a config from dotted keys, every policy on, every kind of fault, and bit by bit comparison."""

from __future__ import annotations

from typing import Any

import numpy as np

from sim.bench.check import check
from sim.bench.schema import Config
from sim.types.records import RunRecord
from sim.world.faults.schedule import KINDS

EPISODES = {"mttf_s": 9.0, "mttr_s": 3.0}
FAULTS: dict[str, dict[str, Any]] = {
    "crash": EPISODES,
    "slow": {**EPISODES, "factor": 0.2},
    "pause": EPISODES,
    "partition": EPISODES,
    "packet_loss": {**EPISODES, "loss_prob": 0.3, "delay_s": 0.01, "delay_jitter_s": 0.02},
    "zone_outage": {**EPISODES, "mttf_s": 15.0},
    "flapping": {**EPISODES, "silent_s": 1.0, "sound_s": 0.5},
    "clock_skew": {**EPISODES, "offset_s": -5.0},
    "errors": {**EPISODES, "prob": 0.4},
    "poison_request": {"prob": 0.03, "restart_s": 1.0},
    "overload": {"at_s": 5.0, "for_s": 5.0, "ratio": 2.0},
    "preemption": {**EPISODES, "notice_s": 1.0},
}
assert set(FAULTS) == set(KINDS)

SMALL = {
    "fleet.nodes": 4,
    "fleet.agents_per_node": 2,
    "fleet.capacity_agents": 3,
    "fleet.queue_max": 5,
    "fleet.zones": ["a", "b"],
    "arrivals.rate_per_s": 7.0,
    "service.mean_s": 0.7,
    "horizon_s": 20.0,
    "drain_s": 10.0,
}
POLICIES: dict[str, Any] = {
    "deadline_s": 5.0,
    "retry.attempts_max": 3,
    "retry.attempt_timeout_s": 2.5,
    "retry.budget_ratio": 0.3,
    "retry.non_idempotent_ratio": 0.2,
    "hedge.after_s": 1.0,
    "hedge.hedges_max": 2,
    "breaker.enabled": True,
    "breaker.failures_max": 3,
    "breaker.open_s": 2.0,
    "breaker.successes_min": 2,
    "admission.kind": "concurrency",
    "admission.in_flight_max": 40,
    "admission.priority_mix": [1.0, 1.0],
    "admission.priority_shares": [1.0, 0.6],
    "balancer.queue_max": 6,
    "health.detector": "heartbeat_timeout",
    "health.interval_s": 0.5,
    "health.node_timeout_s": 1.6,
    "health.panic_ratio": 0.4,
    "health.slow_start_s": 2.0,
    "health.ejection.enabled": True,
    "health.ejection.failures_max": 4,
    "health.ejection.base_s": 2.0,
    "health.ejection.ejected_max_ratio": 0.5,
    "failover.enabled": True,
    "failover.save_interval_s": 2.0,
    "autoscaler.kind": "threshold",
    "autoscaler.min_nodes": 2,
    "autoscaler.max_nodes": 6,
    "autoscaler.interval_s": 2.0,
    "autoscaler.provisioning_s": 1.5,
    "autoscaler.stabilization_window_s": 3.0,
    "autoscaler.drain_s": 3.0,
}


def fire_config(*groups: dict[str, Any], faults: tuple[str, ...] = (), seed: int = 1) -> Config:
    """A checked config of the small fleet; later groups of dotted keys win, `faults` are on as in `FAULTS`."""
    config = Config(seed=seed)
    keys = {f"faults.{kind}.{key}": value for kind in faults for key, value in FAULTS[kind].items()}
    keys |= {f"faults.{kind}.enabled": True for kind in faults}
    for group in (SMALL, keys, *groups):
        for dotted, value in group.items():
            *path, last = dotted.split(".")
            part: Any = config
            for name in path:
                part = getattr(part, name)
            assert hasattr(part, last), dotted
            setattr(part, last, value)
    check(config)
    return config


COMPARED = ("request", "arrived_at", "started_at", "finished_at", "node", "status", "work_s", "first_token_at")


def same_requests(one: RunRecord, other: RunRecord, names: tuple[str, ...] = COMPARED) -> bool:
    """Whether the columns of both attempt tables are equal bit by bit, rows in order of (request, attempt)."""
    tables = []
    for record in (one, other):
        table = record.attempts
        rows = np.lexsort((table.attempt, table.request))
        columns = [(name, getattr(table, name)) for name in names]
        tables.append({name: column[rows] for name, column in columns if column is not None})
    first, second = tables
    if first.keys() != second.keys():
        return False
    return all(np.array_equal(first[name], second[name], equal_nan=True) for name in first)

"""Typed fleets: a request runs on an agent of its type, whatever the strategy; a type's pools are their own fleet."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim.bench.assemble import assemble
from sim.errors import ConfigError
from sim.runtime.draws import TYPE, CounterDraws
from sim.types.records import OK, RunRecord
from tests.integration.runs import STRATEGIES, OwnFleet, small_config

SEED = 21
TYPES = {"embed": 1, "chat": 2}
FLEET: dict[str, Any] = {"nodes": 3, "agents_per_node": 3, "agent_types": TYPES}
MIX = {"embed": 1.0, "chat": 3.0}


def asked_chat(requests: int) -> np.ndarray:
    uniforms = CounterDraws(SEED, 0).uniforms(TYPE, 0, requests)[:, 0]
    return uniforms >= MIX["embed"] / sum(MIX.values())


def run_with_pools(balancer: dict[str, Any]) -> tuple[RunRecord, np.ndarray]:
    """The record and the type of the pool that each attempt was sent to."""
    arrivals = {"type_mix": MIX, "keys_count": 5}
    assembly = assemble(small_config(seed=SEED, fleet=FLEET, arrivals=arrivals, balancer=balancer), 0)
    record = assembly.run()
    return record, np.asarray(assembly.world.columns.pool_type)


@pytest.mark.parametrize("dispatchers", [1, 3])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_request_goes_to_its_own_type(strategy: str, dispatchers: int) -> None:
    record, pool_type = run_with_pools({"kind": strategy, "dispatchers": dispatchers})
    wanted = asked_chat(len(record.attempts))
    assert 0.6 < wanted.mean() < 0.9
    assert pool_type.tolist() == wanted.astype(int).tolist()
    for kind in (0, 1):
        assert set(record.attempts.node[pool_type == kind].tolist()) == {0, 1, 2}, strategy


def test_with_a_queue_at_the_balancer_too() -> None:
    record, pool_type = run_with_pools({"queue": "central"})
    assert np.all(record.attempts.status == OK)
    assert pool_type.tolist() == asked_chat(len(record.attempts)).astype(int).tolist()


def test_a_type_never_runs_more_than_its_agents() -> None:
    record, pool_type = run_with_pools({"kind": "power_of_d"})
    table = record.attempts
    for node in range(3):
        for kind, agents in enumerate(TYPES.values()):
            mine = np.flatnonzero((table.node == node) & (pool_type == kind))
            steps = sorted([(at, 1) for at in table.started_at[mine]] + [(at, -1) for at in table.finished_at[mine]])
            assert np.cumsum([step for _, step in steps]).max() == agents, (node, kind)


def test_one_type_alone_is_an_untyped_fleet() -> None:
    """Requests for one type only: the other type's pools stay empty and change nothing."""
    balancer = {"kind": "power_of_d"}
    arrivals = {"type_mix": {"chat": 1.0}, "rate_per_s": 5.0}
    typed = assemble(small_config(seed=SEED, fleet=FLEET, arrivals=arrivals, balancer=balancer), 0).run()
    plain_fleet, plain_load = {"nodes": 3, "agents_per_node": 2}, {"rate_per_s": 5.0}
    plain = assemble(small_config(seed=SEED, fleet=plain_fleet, arrivals=plain_load, balancer=balancer), 0).run()
    for name in ("node", "started_at", "finished_at"):
        assert np.array_equal(getattr(typed.attempts, name), getattr(plain.attempts, name)), name
    assert typed.nodes.agents.tolist() == [3, 3, 3]


def test_nodes_that_lack_a_type_get_none_of_its_requests() -> None:
    config = small_config(seed=SEED, fleet={**FLEET, "nodes": 3}, arrivals={"type_mix": MIX, "rate_per_s": 4.0})
    fleet = OwnFleet(config).nodes("both", agents=TYPES).nodes("chat-only", "chat-too", agents={"chat": 2})
    record = fleet.run()
    wanted = asked_chat(len(record.attempts))
    assert set(record.attempts.node[~wanted].tolist()) == {0}
    assert set(record.attempts.node[wanted].tolist()) == {0, 1, 2}


def test_a_traces_own_types_decide(tmp_path: Any) -> None:
    path = tmp_path / "typed.csv"
    kinds = ["chat", "embed", "embed", "chat"] * 5
    path.write_text("time,type\n" + "".join(f"{number / 4},{kind}\n" for number, kind in enumerate(kinds)))
    arrivals = {"kind": "trace", "path": str(path), "resample": "none", "utilization_ratio": None}
    config = small_config(seed=SEED, fleet=FLEET)
    for key, value in arrivals.items():
        setattr(config.arrivals, key, value)
    assembly = assemble(config, 0)
    record = assembly.run()
    assert record.terminating
    assert assembly.world.columns.pool_type.tolist() == [list(TYPES).index(kind) for kind in kinds]


def test_clients_who_would_be_refused_for_ever_in_one_instant_are_refused_at_once() -> None:
    arrivals = {"kind": "closed_loop", "clients_count": 6, "think_s": 0.0}
    with pytest.raises(ConfigError, match=r"arrivals.think_s=0.0: accepted is above 0 with more clients \(6\)"):
        assemble(small_config(fleet={"queue_max": 3}, arrivals=arrivals), 0)
    assert assemble(small_config(fleet={"queue_max": 4}, arrivals=arrivals), 0).run().arrivals_count > 50

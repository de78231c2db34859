"""A queue at the balancer: c nodes of one agent behind it are one node of c agents; types wait in their own lines."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from sim.runtime.draws import TYPE, CounterDraws
from sim.scalability.manager import DistributedManager
from sim.types.fleet import NodeStatus
from sim.types.records import OK, REJECTED, TRUNCATED, RunRecord
from tests.integration.runs import STRATEGIES, OwnFleet, small_config, valid_run

SEED = 5
AGENTS = 4
CENTRAL = {"queue": "central"}


def one_node(**keys: object) -> RunRecord:
    fleet = {"nodes": 1, "agents_per_node": AGENTS}
    return valid_run(small_config(seed=SEED, horizon_s=60.0, fleet=fleet, **keys))  # type: ignore[arg-type]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_one_agent_nodes_behind_a_central_queue_are_one_node_of_many_agents(strategy: str) -> None:
    fleet = {"nodes": AGENTS, "agents_per_node": 1}
    split = valid_run(small_config(seed=SEED, horizon_s=60.0, fleet=fleet, balancer={"kind": strategy, **CENTRAL}))
    whole = one_node()
    assert len(split.attempts) > 150
    for name in ("arrived_at", "started_at", "finished_at", "work_s", "status"):
        assert np.array_equal(getattr(split.attempts, name), getattr(whole.attempts, name)), name
    assert split.ended_at == whole.ended_at
    waited_s = float((whole.attempts.started_at - whole.attempts.arrived_at).sum())
    assert waited_s > 1.0
    assert split.central_area_s == pytest.approx(waited_s, rel=1e-9)
    assert set(split.attempts.node.tolist()) == set(range(AGENTS))


def test_its_bound_is_the_bound_of_the_queue() -> None:
    """Refused are the same requests as of one node that has as many places."""
    fleet = {"nodes": AGENTS, "agents_per_node": 1}
    arrivals = {"utilization_ratio": 1.5}
    balancer = {"kind": "random", "queue_max": 3, **CENTRAL}
    split = valid_run(small_config(seed=SEED, horizon_s=60.0, fleet=fleet, arrivals=arrivals, balancer=balancer))
    whole_fleet = {"nodes": 1, "agents_per_node": AGENTS, "queue_max": 3}
    whole = valid_run(small_config(seed=SEED, horizon_s=60.0, fleet=whole_fleet, arrivals=arrivals))
    assert np.count_nonzero(split.attempts.status == REJECTED) > 20
    assert np.array_equal(split.attempts.status, whole.attempts.status)
    assert np.array_equal(split.attempts.finished_at, whole.attempts.finished_at)
    assert np.all(split.attempts.node[split.attempts.status == REJECTED] == -1)


def test_a_busy_type_does_not_hold_up_another() -> None:
    """Type a is overloaded, b idle most of the time: b's requests see a queue of their own."""
    fleet = {"nodes": 2, "agents_per_node": 2, "agent_types": {"a": 1, "b": 1}}
    arrivals = {"rate_per_s": 6.0, "type_mix": {"a": 0.9, "b": 0.1}}
    config = small_config(seed=SEED, horizon_s=30.0, drain_s=0.0, fleet=fleet, arrivals=arrivals, balancer=CENTRAL)
    record = valid_run(config)
    draws = CounterDraws(SEED, 0)
    asked_b = np.array([draws.uniform(TYPE, request) >= 0.9 for request in range(len(record.attempts))])
    table = record.attempts
    assert np.count_nonzero(table.status[~asked_b] == TRUNCATED) > 30
    assert np.count_nonzero(asked_b) > 10
    waits_s = (table.started_at - table.arrived_at)[asked_b & ~np.isnan(table.started_at)]
    assert np.median(waits_s) == 0.0


def test_requests_of_any_type_take_their_turn_among_the_typed() -> None:
    """Without a type mix every request asks for any agent: one line over all pools, in order of arrival."""
    fleet = {"nodes": 2, "agents_per_node": 2, "agent_types": {"a": 1, "b": 1}}
    record = valid_run(small_config(seed=SEED, horizon_s=60.0, fleet=fleet, balancer=CENTRAL))
    whole = one_node()
    assert np.array_equal(record.attempts.started_at, whole.attempts.started_at)
    assert np.array_equal(record.attempts.finished_at, whole.attempts.finished_at)


def set_status_at(at: float, status: NodeStatus) -> Callable[[OwnFleet], None]:
    """Every node gets the status at an instant of the load."""

    def arm(fleet: OwnFleet) -> None:
        manager: DistributedManager = fleet.assembly.manager

        async def change() -> None:
            await fleet.assembly.runtime.sleep_until(at)
            for node in manager.list_nodes():
                await manager.update_node(node.node_id, status=status)

        fleet.assembly.runtime.spawn(change(), "change")

    return arm


@pytest.mark.parametrize("queue", ["node", "central"])
def test_with_nothing_eligible_requests_wait_and_are_truncated(queue: str) -> None:
    fleet = OwnFleet(small_config(seed=SEED, drain_s=5.0, balancer={"queue": queue})).nodes("a", "b", "c")
    set_status_at(10.0, NodeStatus.MAINTENANCE)(fleet)
    table = fleet.run().attempts
    late = table.arrived_at > 10.0
    assert np.count_nonzero(late) > 20
    assert np.all(table.status[late] == TRUNCATED)
    assert np.all(table.node[late] == -1)
    assert np.all(table.status[(table.arrived_at < 10.0) & (table.node >= 0)] == OK)


@pytest.mark.parametrize("queue", ["node", "central"])
def test_what_waited_is_sent_on_at_the_instant_a_node_is_back(queue: str) -> None:
    config = small_config(seed=SEED, arrivals={"utilization_ratio": 0.3}, balancer={"queue": queue})
    fleet = OwnFleet(config).nodes("a", "b", "c")
    set_status_at(5.0, NodeStatus.MAINTENANCE)(fleet)
    set_status_at(12.5, NodeStatus.ONLINE)(fleet)
    record = fleet.run()
    table = record.attempts
    waited = (table.arrived_at > 5.0) & (table.arrived_at < 12.5)
    assert np.count_nonzero(waited) > 5
    assert np.all(table.status == OK)
    # the first six to have come start at once, on all of three nodes of two agents, not on the first alone
    assert np.flatnonzero(table.started_at == 12.5).tolist() == np.flatnonzero(waited)[:6].tolist()
    assert sorted(table.node[table.started_at == 12.5].tolist()) == [0, 0, 1, 1, 2, 2]
    if queue == "node":  # nothing is held back at the balancer once a node is eligible
        assert record.central_area_s == pytest.approx(float((12.5 - table.arrived_at[waited]).sum()), rel=1e-9)


def test_waiting_for_a_node_counts_as_no_latency_of_the_node() -> None:
    """The balancer hears the time since it sent the request on, so that the rule by response time is not misled."""
    heard: list[float] = []
    fleet = OwnFleet(small_config(seed=SEED, arrivals={"utilization_ratio": 0.1})).nodes("a")
    engine = fleet.assembly.world.engine
    complete = engine._complete

    def listening(*args: float) -> None:
        heard.append(args[4])
        complete(*args)  # type: ignore[arg-type]

    engine._complete = listening  # type: ignore[assignment]
    set_status_at(0.0, NodeStatus.MAINTENANCE)(fleet)
    set_status_at(20.0, NodeStatus.ONLINE)(fleet)
    table = fleet.run().attempts
    expected_s = table.finished_at - np.maximum(table.arrived_at, 20.0)
    assert sorted(heard) == pytest.approx(sorted(expected_s.tolist()), rel=1e-12)
    assert len(heard) > 3

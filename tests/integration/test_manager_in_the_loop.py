"""The real manager deploys the fleet of a run, hears its heartbeats, and says the same of it as the run's books."""

from __future__ import annotations

import ast
import math
from typing import Any

import numpy as np
import pytest

from sim.bench.assemble import HEARTBEAT_S, Assembly, assemble
from sim.types.fleet import AgentStatus, NodeStatus
from sim.types.records import OK
from tests.integration.runs import OwnFleet, small_config

SEED = 12
FLEETS: dict[str, dict[str, Any]] = {
    "plain": {},
    "typed": {"agents_per_node": 3, "agent_types": {"a": 1, "b": 2}},
    "room to spare": {"capacity_agents": 20, "speeds": [0.5, 1.0, 2.0]},
    "zones": {"nodes": 5, "zones": ["east", "west"]},
    "one": {"nodes": 1, "agents_per_node": 1},
}


def deployed(name: str, **keys: Any) -> Assembly:
    assembly = assemble(small_config(seed=SEED, fleet=FLEETS[name], **keys), 0)
    assembly.run()
    return assembly


@pytest.mark.parametrize("name", FLEETS)
def test_nodes_and_agents_of_the_world_are_those_of_the_manager(name: str) -> None:
    config = small_config(seed=SEED, fleet=FLEETS[name])
    assembly = assemble(config, 0)
    books = assembly.run().nodes
    manager, fleet = assembly.manager, config.fleet
    nodes = manager.list_nodes()
    assert books.node_id == [node.node_id for node in nodes] == [f"node-{n}" for n in range(fleet.nodes)]
    assert books.zone == [node.metadata["zone"] for node in nodes]
    assert books.agents.tolist() == [node.current_load for node in nodes] == [fleet.agents_per_node] * fleet.nodes
    assert books.speed.tolist() == [fleet.speeds[n % len(fleet.speeds)] for n in range(fleet.nodes)]
    assert np.all(books.born_at == 0.0)
    assert np.all(np.isnan(books.gone_at))
    for agent_type, count in (fleet.agent_types or {"agent": fleet.agents_per_node}).items():
        for node in nodes:
            assert manager.ready_count(node.node_id, agent_type) == count
            assert assembly.world.nodes[node.node_id].pools[agent_type].agents == count
    agents = manager.list_agents(status=AgentStatus.READY)
    assert len(agents) == fleet.nodes * fleet.agents_per_node
    placed = {(agent.node_id, agent.agent_id): agent.agent_type for agent in agents}
    assert placed == assembly.world.agent_types


@pytest.mark.parametrize("name", FLEETS)
def test_the_balancer_holds_what_the_manager_told(name: str) -> None:
    assembly = deployed(name)
    statistics = assembly.balancer.statistics()
    assert set(statistics.in_flight) == {0}  # all answered
    assert all(statistics.eligible)
    for (node_id, agent_type), capacity in zip(statistics.slots, statistics.capacity, strict=True):
        assert capacity == assembly.manager.ready_count(node_id, agent_type)
    pools = assembly.world.engine.pools
    assert [pool.node for pool in pools] == [int(node_id.split("-")[1]) for node_id, _ in statistics.slots]


def test_in_flight_is_what_is_there_when_the_run_is_cut() -> None:
    config = small_config(seed=SEED, drain_s=0.0, arrivals={"utilization_ratio": 1.5}, balancer={"dispatchers": 3})
    assembly = assemble(config, 0)
    record = assembly.run()
    assert record.nodes.truncated.sum() > 10
    assert list(assembly.balancer.statistics().in_flight) == record.nodes.truncated.tolist()


@pytest.mark.parametrize("horizon_s", [10.0, 100.0, 310.0])
def test_every_node_reports_every_thirty_seconds(horizon_s: float) -> None:
    assembly = assemble(small_config(seed=SEED, horizon_s=horizon_s, drain_s=0.0), 0)
    record = assembly.run()
    assert record.ended_at == horizon_s
    metrics = assembly.manager.metrics()
    assert metrics.heartbeats_received == math.floor(horizon_s / HEARTBEAT_S) * 3
    assert metrics.heartbeats_stale == 0
    usages = [node.cpu_usage for node in assembly.manager.list_nodes()]
    assert all(0.0 <= usage <= 1.0 for usage in usages)
    assert (max(usages) > 0.0) == (horizon_s > HEARTBEAT_S)


def test_a_heartbeat_tells_the_busy_share_of_that_instant() -> None:
    assembly = assemble(small_config(seed=SEED, horizon_s=31.0, drain_s=0.0), 0)
    table = assembly.run().attempts
    ended_at = np.where(np.isnan(table.finished_at), np.inf, table.finished_at)
    for ordinal, node in enumerate(assembly.manager.list_nodes()):
        busy = (table.node == ordinal) & (table.started_at < 30.0) & (ended_at > 30.0)
        assert node.cpu_usage == np.count_nonzero(busy) / 2


def test_the_record_keeps_the_managers_status() -> None:
    assembly = assemble(small_config(seed=SEED), 0)
    record = assembly.run()
    status = assembly.manager.status()
    assert str(status) == record.notes["fleet"]
    assert (status.nodes[NodeStatus.ONLINE.value], status.capacity, status.load, status.free) == (3, 6, 6, 0)
    assert status.at == record.ended_at
    assert ast.literal_eval(record.notes["fleet"].split("nodes=")[1].split(", nodes_max")[0]) == status.nodes


def test_the_event_log_is_part_of_the_digest() -> None:
    one, other = assemble(small_config(seed=SEED), 0), assemble(small_config(seed=SEED), 0)
    other.log.write(0.0, "something", "else")
    assert one.run().digest != other.run().digest


def test_a_node_removed_under_load_finishes_what_it_runs_and_gets_no_more() -> None:
    config = small_config(seed=SEED, arrivals={"utilization_ratio": 0.4}, balancer={"kind": "least_connections"})
    fleet = OwnFleet(config).nodes("a", "b", "c")
    manager, runtime = fleet.assembly.manager, fleet.assembly.runtime

    async def shrink() -> None:
        await runtime.sleep_until(7.25)
        await manager.remove_node("b")

    runtime.spawn(shrink(), "shrink")
    record = fleet.run()
    table, nodes = record.attempts, manager.list_nodes()
    at_b = table.node == 1
    assert [node.node_id for node in nodes] == ["a", "c"]
    assert np.all(table.status == OK)
    assert np.count_nonzero(at_b) > 0
    assert table.arrived_at[at_b].max() < 7.25 < table.finished_at[at_b].max()  # a late answer touches no count
    assert set(fleet.assembly.balancer.statistics().in_flight) == {0}
    assert record.nodes.agents.tolist() == [2, 0, 2]


def test_an_agent_deployed_under_load_serves_once_it_has_started() -> None:
    config = small_config(
        seed=SEED, fleet={"nodes": 1, "agents_per_node": 3, "agent_start_s": 4.0}, arrivals={"rate_per_s": 2.5}
    )
    fleet = OwnFleet(config)
    fleet.assembly.runtime.run_task(fleet.node("only"))
    manager, runtime = fleet.assembly.manager, fleet.assembly.runtime

    async def grow() -> None:
        await runtime.sleep_until(5.0)
        await manager.update_node("only", capacity=3)
        await manager.deploy_agent({"name": "late", "type": "agent", "model": "simulated"})

    runtime.spawn(grow(), "grow")
    record = fleet.run()
    table = record.attempts
    assert np.all(table.status == OK)
    assert record.nodes.agents.tolist() == [3]
    assert (manager.status().load, manager.ready_count("only", "agent")) == (3, 3)

    def most_at_once(begin_s: float, end_s: float) -> int:
        inside = (table.started_at < end_s) & (table.finished_at > begin_s)
        instants = np.concatenate([table.started_at[inside], [begin_s]])
        instants = instants[(instants >= begin_s) & (instants < end_s)]
        return max(np.count_nonzero((table.started_at <= at) & (table.finished_at > at)) for at in instants)

    assert most_at_once(0.0, 9.0) == 2
    assert most_at_once(9.0, record.ended_at) == 3

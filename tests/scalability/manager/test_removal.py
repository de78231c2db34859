"""A removed node is drained: its agents start elsewhere before they stop on it, or wait, or (failover off) stop."""

from __future__ import annotations

from typing import Any

import pytest

from sim.errors import NodeError
from sim.runtime.cancelled import Cancelled
from sim.scalability.health.params import HealthParams
from sim.types.fleet import AgentStatus, NodeStatus
from tests.scalability.manager.rig import AGENT, Rig


def fleet(nodes: int, agents: int, capacity: int = 2, **config: Any) -> Rig:
    rig = Rig(auto_scaling=False, **config)
    rig.add_nodes(nodes, capacity)
    rig.deploy(agents)
    return rig


def test_agents_move_before_they_stop() -> None:
    rig = fleet(2, 2)
    rig.host.start_s, rig.host.stop_s = 2.0, 1.0
    rig.host.calls.clear()
    rig.run(rig.manager.remove_node("node-0"))
    assert rig.runtime.now() == 3.0
    assert rig.host.calls == [("start", "node-1", "agent-1"), ("stop", "node-0", "agent-1")]
    assert rig.loads() == {"node-1": 2}
    assert rig.kinds("node-0")[-2:] == ["node_status", "node_removed"]
    assert (rig.manager.metrics().moves, rig.manager.metrics().nodes_removed) == (1, 1)
    rig.audit_at_rest()


def test_an_agent_answers_all_the_while_it_moves() -> None:
    rig = fleet(2, 2)
    rig.host.start_s = 2.0

    async def go() -> None:
        task = rig.runtime.spawn(rig.manager.remove_node("node-0"))
        await rig.runtime.sleep(1.0)
        assert rig.books.ready["node-0"] == {"research": 1}
        assert rig.books.eligible["node-0"] is False
        assert rig.loads() == {"node-0": 1, "node-1": 2}
        rig.audit()
        await task.join()

    rig.run(go())
    assert rig.books.ready == {"node-1": {"research": 2}}
    rig.audit_at_rest()


def test_what_fits_nowhere_waits() -> None:
    rig = fleet(2, 4)
    rig.run(rig.manager.remove_node("node-0"))
    assert rig.manager.status().pending == 2
    assert rig.host.running["node-0"] == set()
    rig.audit_at_rest()


def test_without_failover_agents_are_stopped() -> None:
    rig = fleet(2, 2, failover_enabled=False)
    rig.host.unstoppable.add("node-0")  # told by an event, and no reason to keep the node
    rig.run(rig.manager.remove_node("node-0"))
    assert rig.manager.get_agent("agent-1").status is AgentStatus.STOPPED
    assert rig.loads() == {"node-1": 1}
    rig.audit()


def test_a_move_that_fails_leaves_the_agent_pending() -> None:
    rig = fleet(2, 2)
    rig.host.broken.add("node-1")
    rig.run(rig.manager.remove_node("node-0"))
    assert rig.reasons("move_failed", "agent-1") == ["node-1 is broken"]
    assert rig.manager.get_agent("agent-1").status is AgentStatus.PENDING
    assert rig.reasons("agent_pending", "agent-1") == ["removed by the user; no other node took it"]
    rig.audit()
    rig.host.broken.clear()
    rig.run(rig.manager.start())
    rig.pass_time(31.0)
    assert rig.home("agent-1") == "node-1"
    rig.audit_at_rest()


def test_removal_waits_for_a_start_and_moves_it() -> None:
    rig = fleet(2, 0)
    rig.host.start_s = 2.0

    async def go() -> None:
        start = rig.runtime.spawn(rig.manager.deploy_agent(AGENT))
        await rig.runtime.sleep(1.0)
        await rig.manager.remove_node("node-0")
        await start.join()

    rig.run(go())
    assert rig.runtime.now() == 4.0
    assert rig.home("agent-1") == "node-1"
    rig.audit_at_rest()


def test_removal_of_an_agent_that_is_being_undeployed() -> None:
    rig = fleet(2, 1)
    rig.host.stop_s = 2.0

    async def go() -> None:
        stop = rig.runtime.spawn(rig.manager.undeploy_agent("agent-1"))
        await rig.runtime.sleep(1.0)
        await rig.manager.remove_node("node-0")
        await stop.join()

    rig.run(go())
    assert rig.runtime.now() == 2.0
    assert rig.manager.get_agent("agent-1").status is AgentStatus.STOPPED
    rig.audit_at_rest()


def test_a_lost_node_is_removed_without_being_asked() -> None:
    rig = fleet(2, 2)
    rig.run(rig.manager.update_node("node-0", status=NodeStatus.OFFLINE))
    rig.pass_time(1.0)
    rig.host.calls.clear()
    rig.run(rig.manager.remove_node("node-0"))
    assert rig.host.calls == []
    assert rig.loads() == {"node-1": 2}
    rig.audit_at_rest()


def test_a_lost_node_that_is_drained_is_not_picked_even_in_a_panic() -> None:
    rig = fleet(2, 0)
    rig.manager.heartbeat("node-0", status=NodeStatus.OFFLINE)
    assert (rig.books.eligible["node-0"], rig.books.silent["node-0"]) == (False, True)
    rig.run(rig.manager.drain_node("node-0"))
    assert rig.manager.get_node("node-0").status is NodeStatus.OFFLINE  # as before
    assert (rig.books.eligible["node-0"], rig.books.silent["node-0"]) == (False, False)


def test_a_node_lost_while_it_drains_hands_its_agents_over() -> None:
    rig = fleet(2, 2)
    rig.host.start_s = 2.0

    async def go() -> None:
        task = rig.runtime.spawn(rig.manager.remove_node("node-0"))
        await rig.runtime.sleep(1.0)
        rig.manager.heartbeat("node-0", status=NodeStatus.OFFLINE)
        await task.join()

    rig.run(go())
    assert rig.home("agent-1") == "node-1"
    rig.audit_at_rest()


def test_both_nodes_of_a_move_lost_leaves_the_agent_pending() -> None:
    rig = fleet(2, 2)
    rig.host.start_s = 2.0

    async def go() -> None:
        task = rig.runtime.spawn(rig.manager.remove_node("node-0"))
        await rig.runtime.sleep(1.0)
        rig.manager.heartbeat("node-0", status=NodeStatus.OFFLINE)
        rig.manager.heartbeat("node-1", status=NodeStatus.OFFLINE)
        await task.join()

    rig.run(go())
    assert rig.manager.status().pending == 2
    assert rig.loads() == {"node-1": 2}
    assert rig.orphans("node-1") == {"agent-1", "agent-2"}
    rig.audit()


def test_a_node_is_removed_once() -> None:
    rig = fleet(2, 2)
    rig.host.start_s = 2.0

    async def go() -> None:
        task = rig.runtime.spawn(rig.manager.remove_node("node-0"))
        await rig.runtime.sleep(1.0)
        with pytest.raises(NodeError, match="is being removed already"):
            await rig.manager.remove_node("node-0")
        with pytest.raises(NodeError, match="is being removed"):
            await rig.manager.update_node("node-0", status=NodeStatus.ONLINE)
        rig.manager.heartbeat("node-0", status=NodeStatus.ONLINE)
        assert rig.manager.get_node("node-0").status is NodeStatus.DRAINING
        await task.join()

    rig.run(go())
    rig.audit_at_rest()


@pytest.mark.parametrize(("after_s", "home"), [(0.0, "node-0"), (1.0, "node-0"), (2.5, "node-1")])
def test_a_cancelled_removal_leaves_the_node_draining(after_s: float, home: str) -> None:
    rig = fleet(2, 2)
    rig.host.start_s, rig.host.stop_s = 2.0, 1.0

    async def go() -> None:
        task = rig.runtime.spawn(rig.manager.remove_node("node-0"))
        await rig.runtime.sleep(after_s)
        task.cancel()
        with pytest.raises(Cancelled):
            await task.join()

    rig.run(go())
    rig.pass_time(10.0)
    assert rig.manager.get_node("node-0").status is NodeStatus.DRAINING
    assert rig.home("agent-1") == home
    rig.audit()
    rig.run(rig.manager.remove_node("node-0"))
    assert rig.home("agent-1") == "node-1"
    rig.audit()


def test_a_removal_cancelled_while_the_old_body_stops_without_another_waits_again() -> None:
    rig = fleet(1, 1)
    rig.host.stop_s = 2.0

    async def go() -> None:
        task = rig.runtime.spawn(rig.manager.remove_node("node-0"))
        await rig.runtime.sleep(1.0)
        task.cancel()
        with pytest.raises(Cancelled):
            await task.join()

    rig.run(go())
    rig.pass_time(1.0)
    assert rig.manager.get_agent("agent-1").status is AgentStatus.PENDING
    assert rig.reasons("agent_pending") == ["removed by the user; interrupted"]
    rig.audit()


@pytest.mark.parametrize("zones", ["aa", "ab"])
def test_a_node_that_an_agent_left_is_not_better_than_one_that_never_had_one(zones: str) -> None:
    rig = fleet(0, 0)
    for zone in zones:
        rig.add_nodes(1, 2, zone=zone)
    agent_id = rig.run(rig.manager.deploy_agent(AGENT, node_id="node-1"))
    rig.run(rig.manager.undeploy_agent(agent_id))
    assert [rig.home(agent_id) for agent_id in rig.deploy(2)] == ["node-0", "node-1"]  # of equals the oldest


def test_a_removed_node_is_watched_no_longer() -> None:
    rig = fleet(2, 0, health=HealthParams(detector="heartbeat_timeout", interval_s=10.0, node_timeout_s=25.0))
    health = rig.manager._health
    assert health.watch is not None
    rig.manager.heartbeat("node-0", status=NodeStatus.OFFLINE)
    assert (len(health._watched), len(health._leaving)) == (2, 1)
    rig.run(rig.manager.remove_node("node-0"))
    assert (len(health._watched), len(health._leaving)) == (1, 0)
    assert not health.watch.detector.down("node-1", 0.0)
    with pytest.raises(KeyError):
        health.watch.detector.down("node-0", 0.0)

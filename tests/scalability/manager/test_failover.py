"""Agents of a lost node are placed again; what fits nowhere waits, is counted, and is placed when room appears."""

from __future__ import annotations

from typing import Any

import pytest

from sim.errors import DeployError
from sim.scalability.health.params import HealthParams
from sim.types.fleet import AgentStatus, NodeStatus
from tests.scalability.manager.rig import AGENT, Rig, node

OFF, ON = NodeStatus.OFFLINE, NodeStatus.ONLINE


def fleet(nodes: int, agents: int, capacity: int = 2, **config: Any) -> Rig:
    rig = Rig(auto_scaling=False, **config)
    rig.add_nodes(nodes, capacity)
    rig.deploy(agents)
    return rig


def set_status(rig: Rig, node_id: str, status: NodeStatus) -> None:
    rig.run(rig.manager.update_node(node_id, status=status))
    rig.run(rig.runtime.sleep(0.0))


def test_agents_of_a_silent_node_start_elsewhere() -> None:
    rig = fleet(3, 3)
    lost = rig.manager.list_agents(node_id="node-0")[0].agent_id
    rig.host.start_s = 1.5
    rig.run(rig.manager.start())
    for _ in range(10):
        rig.beat("node-1", "node-2")
        rig.pass_time(10.0)
    assert rig.home(lost) == "node-1"
    assert rig.manager.get_agent(lost).ready_at == 91.5
    assert rig.kinds(lost)[2:] == ["agent_pending", "agent_starting", "agent_ready"]
    assert rig.reasons("agent_pending", lost) == ["silent for 90 s, over node_timeout=60 s"]
    assert rig.books.ready["node-0"] == {"research": 0}
    metrics = rig.manager.metrics()
    assert (metrics.failovers, metrics.restarts, metrics.nodes_lost) == (1, 1, 1)
    rig.audit_at_rest()


def test_a_node_that_joins_under_way_is_watched_as_the_others_are() -> None:
    beats = HealthParams(detector="heartbeat_timeout", interval_s=10.0, node_timeout_s=25.0)
    rig = Rig(auto_scaling=False, health=beats)
    rig.add_nodes(1)
    rig.run(rig.manager.start())
    rig.add_nodes(1)
    rig.run(rig.manager.deploy_agent(AGENT, node_id="node-1"))  # which is never heard of
    for _ in range(4):
        rig.beat("node-0")
        rig.pass_time(10.0)
    assert (rig.manager.get_node("node-1").status, rig.home("agent-1")) == (OFF, "node-0")
    rig.audit_at_rest()


def test_what_fits_nowhere_waits_and_is_placed_when_room_appears() -> None:
    rig = fleet(2, 4)
    set_status(rig, "node-0", OFF)
    assert rig.manager.status().pending == 2
    assert [info.agent_id for info in rig.manager.list_agents(status=AgentStatus.PENDING)] == ["agent-1", "agent-3"]
    rig.run(rig.manager.undeploy_agent("agent-2"))  # a place on node-1
    rig.pass_time(1.0)
    assert rig.home("agent-1") == "node-1"
    rig.run(rig.manager.register_node(node("node-9", 1)))
    rig.pass_time(1.0)
    assert rig.home("agent-3") == "node-9"
    assert rig.manager.status().pending == 0
    rig.audit_at_rest()


def test_who_waits_is_placed_when_a_node_has_more_places() -> None:
    rig = fleet(2, 4)
    set_status(rig, "node-0", OFF)
    assert rig.manager.status().pending == 2
    rig.run(rig.manager.update_node("node-1", capacity=3))
    rig.pass_time(1.0)
    assert (rig.home("agent-1"), rig.manager.status().pending) == ("node-1", 1)
    rig.audit_at_rest()


def test_a_node_that_returns_stops_what_it_still_runs_first() -> None:
    rig = fleet(2, 2)
    set_status(rig, "node-0", OFF)
    assert rig.home("agent-1") == "node-1"
    assert rig.host.running["node-0"] == {"agent-1"}  # a zombie
    rig.host.calls.clear()
    set_status(rig, "node-0", ON)
    assert rig.host.calls == [("stop", "node-0", "agent-1")]
    rig.audit_at_rest()


def test_a_silent_node_recovers_in_the_background() -> None:
    rig = fleet(2, 2)
    rig.manager.heartbeat("node-0", status=OFF)
    rig.pass_time(1.0)
    rig.host.stop_s = 3.0
    rig.beat("node-0")
    rig.pass_time(1.0)
    rig.beat("node-0")  # once is enough
    assert rig.manager.get_node("node-0").status is OFF  # its zombie still runs
    rig.pass_time(3.0)
    assert rig.manager.get_node("node-0").status is ON
    assert rig.host.calls.count(("stop", "node-0", "agent-1")) == 1
    rig.audit_at_rest()


def test_a_recovery_that_fails_is_told_and_tried_at_the_next_heartbeat() -> None:
    rig = fleet(2, 2)
    rig.manager.heartbeat("node-0", status=OFF)
    rig.host.unstoppable.add("node-0")
    rig.beat("node-0")
    rig.pass_time(1.0)
    assert rig.manager.get_node("node-0").status is OFF
    assert rig.reasons("clear_failed", "node-0") == ["node-0 does not listen"]
    rig.host.unstoppable.clear()
    rig.beat("node-0")
    rig.pass_time(1.0)
    assert rig.manager.get_node("node-0").status is ON
    rig.audit_at_rest()


def test_a_recovery_that_is_called_off_can_begin_again() -> None:
    rig = fleet(2, 2)
    rig.manager.heartbeat("node-0", status=OFF)
    rig.pass_time(1.0)

    async def beat_and_stop() -> None:
        rig.beat("node-0")
        await rig.manager.stop()

    rig.run(beat_and_stop())
    assert rig.manager.get_node("node-0").status is OFF
    rig.beat("node-0")
    rig.pass_time(1.0)
    assert rig.manager.get_node("node-0").status is ON


def test_a_node_removed_while_it_recovers_stays_gone() -> None:
    rig = fleet(2, 2)
    rig.manager.heartbeat("node-0", status=OFF)
    rig.pass_time(1.0)
    rig.host.stop_s = 3.0
    rig.beat("node-0")
    rig.run(rig.manager.remove_node("node-0"))
    rig.pass_time(5.0)
    assert [info.node_id for info in rig.manager.list_nodes()] == ["node-1"]
    rig.audit_at_rest()


def test_without_failover_agents_stay_and_return_with_their_node() -> None:
    rig = fleet(2, 2, failover_enabled=False)
    set_status(rig, "node-0", OFF)
    assert (rig.home("agent-1"), rig.manager.status().unreachable) == ("node-0", 1)
    assert rig.books.eligible["node-0"] is False
    set_status(rig, "node-0", ON)
    assert rig.manager.status().unreachable == 0
    rig.audit_at_rest()


def test_without_failover_an_agent_can_be_undeployed_from_a_lost_node() -> None:
    rig = fleet(1, 1, failover_enabled=False)
    set_status(rig, "node-0", OFF)
    rig.run(rig.manager.undeploy_agent("agent-1"))
    assert rig.host.running == {"node-0": {"agent-1"}}  # nobody could tell it
    set_status(rig, "node-0", ON)
    rig.audit_at_rest()


def test_a_failed_restart_is_tried_again_at_the_next_check() -> None:
    rig = fleet(2, 2)
    rig.run(rig.manager.start())
    rig.host.broken.add("node-1")
    rig.manager.heartbeat("node-0", status=OFF)
    rig.pass_time(1.0)
    assert rig.reasons("agent_pending", "agent-1")[-1] == "node-1 is broken"
    assert len([call for call in rig.host.calls if call[0] == "start"]) == 3  # not tried in a circle
    rig.host.broken.clear()
    rig.pass_time(30.0)
    assert rig.home("agent-1") == "node-1"
    rig.audit()


def test_starts_that_fail_side_by_side_do_not_try_each_other_again() -> None:
    rig = fleet(2, 4, capacity=4)
    rig.host.broken.add("node-1")
    rig.host.calls.clear()
    set_status(rig, "node-0", OFF)
    rig.pass_time(29.0)
    starts = [call for call in rig.host.calls if call[0] == "start"]
    assert starts == [("start", "node-1", "agent-1"), ("start", "node-1", "agent-3")]  # until the next check
    assert rig.manager.status().pending == 2
    rig.audit()


def test_a_pending_agent_can_be_undeployed() -> None:
    rig = fleet(1, 1)
    set_status(rig, "node-0", OFF)
    rig.run(rig.manager.undeploy_agent("agent-1"))
    status = rig.manager.status()
    assert (status.pending, status.agents["stopped"]) == (0, 1)
    rig.audit()
    rig.add_nodes(1)
    rig.pass_time(1.0)
    assert rig.manager.get_agent("agent-1").status is AgentStatus.STOPPED  # the room that it waited for is not its own
    rig.audit_at_rest()


def test_who_waits_is_placed_when_a_node_says_that_it_runs_less_of_others() -> None:
    rig = fleet(2, 3)
    rig.manager.heartbeat("node-1", current_load=2)  # one agent is ours
    set_status(rig, "node-0", OFF)
    assert rig.manager.status().pending == 2
    rig.manager.heartbeat("node-1", current_load=1)
    rig.pass_time(1.0)
    assert (rig.home("agent-1"), rig.manager.status().pending) == ("node-1", 1)
    rig.audit()


def test_failed_starts_count_anew_once_an_agent_was_ready() -> None:
    rig = fleet(2, 1, redeploy_attempts_max=2)
    for lost, other in (("node-0", "node-1"), ("node-1", "node-0")):
        rig.host.broken.add(other)
        rig.manager.heartbeat(lost, status=OFF)
        rig.pass_time(1.0)
        assert rig.manager.get_agent("agent-1").status is AgentStatus.PENDING  # one start of two has failed
        rig.host.broken.clear()
        rig.manager._health.check()
        rig.pass_time(1.0)
        assert rig.home("agent-1") == other
        rig.beat(lost)
        rig.pass_time(1.0)
    rig.audit_at_rest()


@pytest.mark.parametrize("steps", [0, 1])
def test_stopping_the_manager_calls_restarts_off(steps: int) -> None:
    rig = fleet(2, 2)
    rig.host.start_s = 5.0

    async def lose_and_stop() -> None:
        rig.manager.heartbeat("node-0", status=OFF)
        for _ in range(steps):
            await rig.runtime.sleep(1.0)
        await rig.manager.stop()

    rig.run(lose_and_stop())
    assert rig.manager.get_agent("agent-1").status is AgentStatus.PENDING
    assert rig.loads() == {"node-0": 1, "node-1": 1}  # node-0 may still run it
    rig.audit_at_rest()
    rig.run(rig.manager.update_node("node-1", capacity=3))  # more room is no reason to begin before the next check
    rig.pass_time(6.0)
    assert rig.manager.get_agent("agent-1").status is AgentStatus.PENDING
    rig.run(rig.manager.start())
    rig.beat("node-1")
    rig.pass_time(36.0)
    assert rig.home("agent-1") == "node-1"


def test_a_start_under_way_on_a_lost_node_ends_with_its_own_error() -> None:
    rig = Rig(auto_scaling=False)
    rig.add_nodes(2, 1)
    rig.deploy()
    rig.host.start_s = 5.0

    async def go() -> None:
        task = rig.runtime.spawn(rig.manager.deploy_agent(AGENT))
        await rig.runtime.sleep(1.0)
        rig.manager.heartbeat("node-1", status=OFF)
        assert rig.manager.status().agents["starting"] == 1
        with pytest.raises(DeployError, match="node-1 went offline while it started"):
            await task.join()

    rig.run(go())
    assert rig.manager.status().agents == {"pending": 0, "starting": 0, "ready": 1, "stopped": 1}
    rig.audit()

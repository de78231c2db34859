"""Where a stop was not confirmed the place stays taken, and nobody starts where his former self may still run."""

from __future__ import annotations

import pytest

from sim.errors import DeployError, NodeError
from sim.runtime.cancelled import Cancelled
from sim.types.fleet import AgentStatus, NodeStatus
from tests.scalability.manager.rig import Rig

OFF, ON = NodeStatus.OFFLINE, NodeStatus.ONLINE


def fleet(nodes: int, agents: int, capacity: int = 4) -> Rig:
    rig = Rig(auto_scaling=False)
    rig.add_nodes(nodes, capacity)
    rig.deploy(agents)
    return rig


def set_status(rig: Rig, node_id: str, status: NodeStatus) -> None:
    rig.run(rig.manager.update_node(node_id, status=status))
    rig.run(rig.runtime.sleep(0.0))


def stranded() -> Rig:
    """agent-1 has moved to node-1; node-0 stayed, because a cancel cut its removal short, and still runs agent-1."""
    rig = fleet(2, 2)
    rig.host.stop_s = 2.0

    async def go() -> None:
        task = rig.runtime.spawn(rig.manager.remove_node("node-0"))
        await rig.runtime.sleep(1.0)
        task.cancel()
        with pytest.raises(Cancelled):
            await task.join()

    rig.run(go())
    set_status(rig, "node-0", ON)
    assert rig.orphans("node-0") == {"agent-1"}
    assert rig.home("agent-1") == "node-1"
    rig.audit_at_rest()
    return rig


def test_an_agent_does_not_start_where_its_former_self_may_run() -> None:
    rig = stranded()
    set_status(rig, "node-1", OFF)  # agent-1 may not go back yet, agent-2 may
    assert rig.home("agent-2") == "node-0"
    assert rig.manager.get_agent("agent-1").status is AgentStatus.PENDING
    rig.run(rig.manager.start())
    rig.pass_time(33.0)
    assert rig.home("agent-1") == "node-0"
    rig.audit_at_rest()


def test_an_agent_does_not_move_where_its_former_self_may_run() -> None:
    rig = stranded()
    rig.run(rig.manager.remove_node("node-1"))
    assert rig.manager.get_agent("agent-1").status is AgentStatus.PENDING
    assert rig.home("agent-2") == "node-0"
    rig.audit_at_rest()


def test_a_node_is_cleared_by_one_at_a_time() -> None:
    rig = stranded()
    rig.host.calls.clear()
    rig.host.stop_s = 50.0
    rig.run(rig.manager.start())
    for _ in range(10):
        rig.beat("node-0", "node-1")
        rig.pass_time(9.0)
    assert rig.host.calls == [("stop", "node-0", "agent-1")]  # from the check at 30 s to 80 s, not again at 60 s
    assert rig.orphans("node-0") == set()


def test_a_removal_meets_a_node_that_comes_back_by_hand() -> None:
    rig = fleet(2, 2)
    rig.host.stop_s = 3.0
    set_status(rig, "node-0", OFF)

    async def go() -> None:
        back = rig.runtime.spawn(rig.manager.update_node("node-0", status=ON))
        await rig.runtime.sleep(1.0)
        await rig.manager.remove_node("node-0")
        with pytest.raises(NodeError, match="was removed meanwhile"):
            await back.join()

    rig.run(go())
    assert list(rig.loads()) == ["node-1"]
    rig.audit()


def test_a_node_that_falls_silent_while_it_is_cleared_stays_lost() -> None:
    rig = fleet(1, 2)
    rig.run(rig.manager.start())
    rig.host.unstoppable.add("node-0")
    with pytest.raises(DeployError):
        rig.run(rig.manager.undeploy_agent("agent-1"))
    rig.host.unstoppable.clear()
    rig.host.stop_s = 5.0
    rig.pass_time(31.0)  # the check at 30 s has it stopped, until 35 s
    rig.manager.heartbeat("node-0", status=OFF)
    rig.pass_time(14.0)
    assert rig.manager.get_node("node-0").status is OFF
    rig.beat("node-0")
    rig.pass_time(1.0)
    assert rig.manager.get_node("node-0").status is OFF  # asked anew: what a lost node answers is not heard
    rig.pass_time(10.0)
    assert rig.manager.get_node("node-0").status is ON
    rig.audit_at_rest()


def test_a_clearing_that_the_loss_of_its_node_cut_off_begins_again_when_it_returns() -> None:
    rig = stranded()
    rig.host.calls.clear()
    rig.host.stop_s = 1e9  # what is asked is lost with the machine
    rig.run(rig.manager.start())
    for _ in range(4):
        rig.beat("node-0", "node-1")
        rig.pass_time(9.0)
    assert rig.host.calls == [("stop", "node-0", "agent-1")]
    rig.manager.heartbeat("node-0", status=OFF)
    rig.host.stop_s = 0.0
    rig.pass_time(1.0)
    rig.beat("node-0", "node-1")
    rig.pass_time(1.0)  # and not `deployment_timeout` after the first try
    assert rig.host.calls == 2 * [("stop", "node-0", "agent-1")]
    assert rig.manager.get_node("node-0").status is ON
    assert rig.orphans("node-0") == set()

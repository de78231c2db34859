"""What is called off at the end begins nothing new: no start that is cancelled makes room for the next that waits."""

from __future__ import annotations

from sim.types.fleet import AgentStatus, NodeStatus
from tests.scalability.manager.rig import Rig

WAITING_COUNT = 30  # more than the rounds of cancels that a closing runtime takes


def crowded() -> Rig:
    """One start under way on a node that never answers, and more agents that wait for its only place."""
    rig = Rig(auto_scaling=False)
    rig.add_nodes(1, WAITING_COUNT + 1)
    rig.deploy(WAITING_COUNT + 1)
    rig.add_nodes(1, 1)
    rig.host.stuck.add("node-1")
    rig.run(rig.manager.start())
    rig.run(rig.manager.update_node("node-0", status=NodeStatus.OFFLINE))
    rig.pass_time(1.0)
    assert rig.manager.status().agents == {"pending": WAITING_COUNT, "starting": 1, "ready": 0, "stopped": 0}
    assert len(rig.manager.list_agents(status=AgentStatus.STARTING)) == 1
    return rig


def starts(rig: Rig) -> int:
    return sum(call[0] == "start" and call[1] == "node-1" for call in rig.host.calls)


def test_a_stop_begins_no_other_start() -> None:
    rig = crowded()
    rig.run(rig.manager.stop())
    assert starts(rig) == 1
    assert rig.manager.status().agents["pending"] == WAITING_COUNT + 1
    rig.host.stuck.clear()
    rig.run(rig.manager.start())
    rig.beat("node-1")
    rig.pass_time(31.0)
    assert starts(rig) == 2, "started again, it places again"


def test_a_runtime_closes_on_a_halted_manager() -> None:
    rig = crowded()
    rig.manager.halt()
    rig.runtime.close()
    assert starts(rig) == 1

"""A drain takes no new work, lets what runs end within its deadline, and only then moves or stops the agents."""

from __future__ import annotations

from typing import Any

import pytest

from sim.errors import FleetError, NodeError
from sim.runtime.cancelled import Cancelled
from sim.types.fleet import AgentStatus, NodeInfo, NodeStatus
from tests.scalability.manager.rig import Rig, node

OFF = NodeStatus.OFFLINE
CUT = "its drain was cut short: not done within 7.0 s; what it still holds goes to others"


class Machines:
    """A provider whose nodes are drained after `busy_s`."""

    def __init__(self, rig: Rig, busy_s: float) -> None:
        self.rig, self.busy_s = rig, busy_s
        self.asked: list[str] = []
        self.broken = False

    async def provide(self) -> NodeInfo:
        return node("extra")

    async def drained(self, node_id: str) -> None:
        self.asked.append(node_id)
        if self.broken:
            raise FleetError("nobody knows")
        await self.rig.runtime.sleep(self.busy_s)

    async def release(self, node_id: str) -> None:
        """Nothing to do."""


def fleet(nodes: int, agents: int, busy_s: float = 5.0, **config: Any) -> tuple[Rig, Machines]:
    rig = Rig(auto_scaling=False, **config)
    rig.manager.provider = machines = Machines(rig, busy_s)
    rig.add_nodes(nodes, 4)
    rig.deploy(agents)
    return rig, machines


def test_what_runs_ends_before_agents_move() -> None:
    rig, _ = fleet(2, 2)

    async def go() -> None:
        task = rig.runtime.spawn(rig.manager.remove_node("node-0", drain_s=30.0))
        await rig.runtime.sleep(4.0)
        assert rig.manager.get_node("node-0").status is NodeStatus.DRAINING
        assert rig.books.eligible["node-0"] is False
        assert rig.books.ready["node-0"] == {"research": 1}
        assert rig.host.calls[2:] == []
        await task.join()

    rig.run(go())
    assert rig.runtime.now() == 5.0
    assert rig.kinds("node-0")[-3:] == ["node_status", "node_drained", "node_removed"]
    assert rig.reasons("node_drained") == ["nothing waits or runs on it"]
    assert rig.loads() == {"node-1": 2}
    metrics = rig.manager.metrics()
    assert (metrics.drains, metrics.drains_cut, metrics.moves) == (1, 0, 1)
    rig.audit_at_rest()


def test_a_deadline_ends_the_wait() -> None:
    rig, _ = fleet(2, 2, busy_s=1e6)
    rig.run(rig.manager.remove_node("node-0", drain_s=7.0))
    assert rig.runtime.now() == 7.0
    assert rig.reasons("node_drained") == ["not done within 7.0 s"]
    assert rig.manager.metrics().drains_cut == 1
    assert rig.loads() == {"node-1": 2}


def test_what_a_cut_drain_leaves_behind_is_fenced() -> None:
    """Storms 2077 and 2263: the node stayed without agents, and what it still held waited there for ever."""
    rig, _ = fleet(2, 2, busy_s=1e6)
    rig.run(rig.manager.drain_node("node-0", 7.0))
    assert rig.kinds("node-0")[-2:] == ["node_drained", "node_fenced"]
    assert rig.reasons("node_fenced") == [CUT]
    assert rig.manager.metrics().nodes_fenced == 1
    calm, _ = fleet(2, 2)
    calm.run(calm.manager.drain_node("node-0", 7.0))
    assert calm.kinds("node-0")[-1] == "node_drained"


def test_a_drain_called_off_gives_back_what_the_gone_agents_served() -> None:
    """Storm 308081: two of three agents had gone when it was called off, and the node was opened again later."""
    rig, _ = fleet(2, 2, busy_s=1e6, deployment_timeout=100.0)
    rig.host.start_s = 50.0

    async def go() -> None:
        task = rig.runtime.spawn(rig.manager.drain_node("node-0", 7.0))
        await rig.runtime.sleep(10.0)
        assert rig.reasons("node_fenced") == []
        task.cancel()
        with pytest.raises(Cancelled):
            await task.join()

    rig.run(go())
    assert rig.reasons("node_fenced") == [CUT]
    rig.run(rig.manager.update_node("node-0", status=NodeStatus.ONLINE))
    assert rig.manager.get_node("node-0").status is NodeStatus.ONLINE
    rig.audit_at_rest()


def test_a_node_lost_while_a_cut_drain_moves_its_agents_is_fenced_once() -> None:
    rig, _ = fleet(2, 2, busy_s=1e6, deployment_timeout=100.0)
    rig.host.start_s = 50.0

    async def go() -> None:
        task = rig.runtime.spawn(rig.manager.drain_node("node-0", 7.0))
        await rig.runtime.sleep(10.0)
        rig.manager.heartbeat("node-0", status=OFF)
        await task.join()

    rig.run(go())
    assert len(rig.reasons("node_fenced")) == 1
    assert rig.manager.get_agent("agent-1").node_id == "node-1"
    assert rig.loads() == {"node-0": 1, "node-1": 2}, "nobody confirmed that its former self has stopped"


def test_without_failover_a_lost_node_is_fenced_by_its_drain() -> None:
    """Storm 910086: what it held waited for its agents to come back with it, and the drain took them."""
    rig, _ = fleet(2, 2, failover_enabled=False)
    rig.manager.heartbeat("node-0", status=OFF)
    assert rig.reasons("node_fenced") == []
    rig.run(rig.manager.drain_node("node-0", 7.0))
    assert rig.reasons("node_fenced") == ["it was offline before its drain; what it still holds goes to others"]
    failing, _ = fleet(2, 2)
    failing.manager.heartbeat("node-0", status=OFF)
    failing.run(failing.manager.drain_node("node-0", 7.0))
    assert len(failing.reasons("node_fenced")) == 1, "once, when it was lost"


def test_a_drain_without_a_deadline_waits_for_nothing_and_gives_back() -> None:
    rig, machines = fleet(2, 2, busy_s=1e6)
    rig.run(rig.manager.drain_node("node-0"))
    assert (machines.asked, rig.runtime.now()) == ([], 0.0)
    assert rig.kinds("node-0")[-1] == "node_fenced"
    assert rig.reasons("node_fenced") == ["its drain waits for nothing; what it still holds goes to others"]


def test_no_time_at_all_is_a_deadline_too() -> None:
    rig, _ = fleet(2, 2)
    rig.run(rig.manager.drain_node("node-0", 0.0))
    assert rig.reasons("node_drained") == ["not done within 0.0 s"]
    assert rig.loads() == {"node-0": 0, "node-1": 2}


def test_a_fence_after_a_drain_says_what_the_provider_said() -> None:
    rig, machines = fleet(2, 2)
    machines.broken = True
    rig.run(rig.manager.drain_node("node-0", 7.0))
    assert rig.reasons("node_fenced") == ["its drain was cut short: nobody knows; what it still holds goes to others"]


def test_a_provider_that_fails_ends_the_wait() -> None:
    rig, machines = fleet(2, 2)
    machines.broken = True
    rig.run(rig.manager.remove_node("node-0", drain_s=7.0))
    assert rig.reasons("node_drained") == ["nobody knows"]
    assert rig.loads() == {"node-1": 2}


def test_nobody_is_asked_about_a_lost_node_or_without_a_deadline() -> None:
    rig, machines = fleet(3, 3)
    rig.manager.heartbeat("node-0", status=OFF)
    rig.run(rig.manager.remove_node("node-0", drain_s=30.0))
    rig.run(rig.manager.remove_node("node-1"))
    assert machines.asked == []
    rig.manager.provider = None
    rig.run(rig.manager.drain_node("node-2", 30.0))
    assert rig.runtime.now() == 0.0
    rig.audit_at_rest()


def test_a_retiring_node_stops_its_agents() -> None:
    rig, _ = fleet(2, 2)
    rig.run(rig.manager.remove_node("node-0", stop_agents=True, drain_s=30.0, reason="too many nodes"))
    assert rig.manager.get_agent("agent-1").status is AgentStatus.STOPPED
    assert rig.reasons("agent_stopped") == ["too many nodes"]
    assert rig.reasons("node_removed") == ["too many nodes"]
    assert (rig.loads(), rig.manager.metrics().moves) == ({"node-1": 1}, 0)
    rig.audit_at_rest()


def test_a_retiring_node_that_is_lost_takes_its_agents_with_it() -> None:
    rig, _ = fleet(2, 2)

    async def go() -> None:
        task = rig.runtime.spawn(rig.manager.remove_node("node-0", stop_agents=True, drain_s=30.0))
        await rig.runtime.sleep(1.0)
        rig.manager.heartbeat("node-0", status=OFF)
        await task.join()

    rig.run(go())
    assert rig.manager.get_agent("agent-1").status is AgentStatus.STOPPED
    assert rig.loads() == {"node-1": 1}
    rig.audit_at_rest()


def test_an_agent_that_starts_on_a_retiring_node_that_is_lost_has_stopped() -> None:
    rig, _ = fleet(2, 1)
    rig.host.start_s = 10.0
    rig.manager.heartbeat("node-0", status=OFF)
    rig.pass_time(1.0)

    async def go() -> None:
        task = rig.runtime.spawn(rig.manager.remove_node("node-1", stop_agents=True, drain_s=30.0))
        await rig.runtime.sleep(1.0)
        rig.manager.heartbeat("node-1", status=OFF)
        await task.join()

    rig.run(go())
    assert rig.reasons("agent_stopped") == ["node-1 was lost while it started"]
    rig.audit()


def test_a_drained_node_stays_and_can_come_back() -> None:
    rig, _ = fleet(2, 2)
    rig.run(rig.manager.drain_node("node-0", 30.0))
    assert (rig.loads(), rig.manager.get_node("node-0").status) == ({"node-0": 0, "node-1": 2}, NodeStatus.DRAINING)
    assert rig.reasons("node_status", "node-0") == ["drained by the user"]
    rig.run(rig.manager.update_node("node-0", status=NodeStatus.ONLINE))
    rig.deploy()
    assert rig.loads() == {"node-0": 1, "node-1": 2}
    rig.run(rig.manager.drain_node("node-1"))  # without a deadline nothing is waited for
    assert rig.loads() == {"node-0": 3, "node-1": 0}
    rig.audit_at_rest()


@pytest.mark.parametrize("drain_s", [-1.0, float("nan"), float("inf"), "10"])
def test_a_bad_deadline_is_refused_before_anything_happens(drain_s: Any) -> None:
    rig, _ = fleet(1, 1)
    with pytest.raises(NodeError, match=r"drain_s=.*accepted is a finite number of seconds from 0"):
        rig.run(rig.manager.remove_node("node-0", drain_s=drain_s))
    assert rig.manager.get_node("node-0").status is NodeStatus.ONLINE


def test_a_drain_that_is_cancelled_can_be_asked_for_again() -> None:
    rig, _ = fleet(2, 2)

    async def go() -> None:
        task = rig.runtime.spawn(rig.manager.drain_node("node-0", 30.0))
        await rig.runtime.sleep(1.0)
        with pytest.raises(NodeError, match="is being removed already"):
            await rig.manager.drain_node("node-0", 30.0)
        task.cancel()
        with pytest.raises(Cancelled):
            await task.join()
        await rig.manager.remove_node("node-0", stop_agents=True)

    rig.run(go())
    assert rig.loads() == {"node-1": 1}

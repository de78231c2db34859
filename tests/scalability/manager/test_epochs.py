"""Every placement has an epoch of its own; at most one body of an agent counts; what is lost is fenced, once."""

from __future__ import annotations

from typing import Any

import pytest

from sim.errors import DeployError, NodeError
from sim.runtime.cancelled import Cancelled
from sim.types.fleet import AgentStatus, NodeStatus
from tests.scalability.manager.rig import AGENT, Rig

OFF, ON = NodeStatus.OFFLINE, NodeStatus.ONLINE


def fleet(nodes: int, agents: int, capacity: int = 2, **config: Any) -> Rig:
    rig = Rig(auto_scaling=False, **config)
    rig.add_nodes(nodes, capacity)
    rig.deploy(agents)
    return rig


def lose(rig: Rig, *node_ids: str) -> None:
    for node_id in node_ids:
        rig.manager.heartbeat(node_id, status=OFF)
    rig.pass_time(0.0)


def epoch(rig: Rig, agent_id: str = "agent-1") -> int:
    return rig.manager.get_agent(agent_id).epoch


def current(rig: Rig, agent_id: str = "agent-1") -> list[tuple[str, int]]:
    """Every body that counts, of all that there could be."""
    names = [info.node_id for info in rig.manager.list_nodes()]
    return [(name, number) for name in names for number in range(9) if rig.manager.is_current(agent_id, name, number)]


def test_an_epoch_rises_with_every_placement() -> None:
    rig = fleet(3, 1)
    assert current(rig) == [("node-0", 1)]
    lose(rig, "node-0")
    assert current(rig) == [("node-1", 2)]
    rig.run(rig.manager.remove_node("node-1"))
    assert current(rig) == [("node-2", 3)]
    rig.run(rig.manager.undeploy_agent("agent-1"))
    assert (current(rig), epoch(rig)) == ([], 3)
    assert rig.host.epochs == [("node-0", "agent-1", 1), ("node-1", "agent-1", 2), ("node-2", "agent-1", 3)]


def test_a_waiting_agent_has_no_body_that_counts() -> None:
    rig = fleet(1, 1)
    lose(rig, "node-0")
    assert (rig.manager.status().pending, current(rig), epoch(rig)) == (1, [], 1)
    assert not rig.manager.is_current("ghost", "node-0", 1)


def test_while_an_agent_moves_its_old_body_counts_until_the_new_one_is_ready() -> None:
    rig = fleet(2, 1)
    rig.host.start_s, rig.host.stop_s = 2.0, 2.0

    async def go() -> None:
        task = rig.runtime.spawn(rig.manager.remove_node("node-0"))
        await rig.runtime.sleep(1.0)
        assert current(rig) == [("node-0", 1)]
        await rig.runtime.sleep(2.0)  # the old one stops
        assert current(rig) == [("node-1", 2)]
        await task.join()

    rig.run(go())


def test_a_start_that_failed_has_used_its_epoch_up() -> None:
    rig = fleet(2, 1)
    rig.host.broken.add("node-1")
    lose(rig, "node-0")
    assert (rig.manager.status().pending, epoch(rig)) == (1, 2)
    rig.host.broken.clear()
    rig.manager._health.check()
    rig.pass_time(0.0)
    assert current(rig) == [("node-1", 3)]


def test_a_write_of_an_old_epoch_is_fenced() -> None:
    rig = fleet(2, 1)
    save = rig.manager.save_state
    assert rig.run(save("agent-1", {"step": 1}, epoch=1)) == 1
    lose(rig, "node-0")
    with pytest.raises(DeployError, match="agent agent-1: fenced: epoch 1 is not the live one, 2"):
        rig.run(save("agent-1", {"step": 2}, epoch=1))
    assert rig.manager.load_state("agent-1").state == {"step": 1}
    assert rig.run(save("agent-1", {"step": 3}, epoch=2)) == 2
    with pytest.raises(DeployError, match="fenced: epoch 3"):
        rig.run(save("agent-1", {}, epoch=3))
    assert rig.manager.metrics().saves_fenced == 2


def test_a_lost_node_is_fenced_once_for_each_loss() -> None:
    rig = fleet(2, 2)
    lose(rig, "node-0")
    lose(rig, "node-0")
    assert (rig.books.fenced, rig.books.silent["node-0"]) == (["node-0"], True)
    rig.beat("node-0")
    rig.pass_time(0.0)
    assert rig.books.silent["node-0"] is False
    lose(rig, "node-0")
    assert rig.books.fenced == ["node-0", "node-0"]
    rows = [dict(row.fields) for row in rig.log.rows if row.kind == "node_fenced"]
    assert [row["epoch"] for row in rows] == [3, 4]  # two nodes joined before
    assert rows[0]["reason"] == "the node said that it goes down"
    kinds = rig.kinds()
    assert kinds.index("node_status") < kinds.index("node_fenced") < kinds.index("agent_pending")
    assert rig.manager.metrics().nodes_fenced == 2


def test_without_failover_nothing_is_fenced() -> None:
    rig = fleet(2, 2, failover_enabled=False)
    lose(rig, "node-0")
    assert (rig.books.fenced, current(rig)) == ([], [("node-0", 1)])
    assert rig.books.silent["node-0"] is True


def test_a_restart_whose_node_is_lost_begins_elsewhere_at_once() -> None:
    rig = fleet(3, 1)
    rig.host.start_s = 50.0
    lose(rig, "node-0")
    rig.pass_time(10.0)
    assert rig.home("agent-1") == "node-1"
    lose(rig, "node-1")
    assert rig.manager.get_agent("agent-1").status is AgentStatus.STARTING
    rig.pass_time(50.0)
    info = rig.manager.get_agent("agent-1")
    assert (info.node_id, info.ready_at, info.epoch) == ("node-2", 60.0, 3)
    assert rig.reasons("agent_pending", "agent-1")[-1] == "node-1 was lost while it started"
    assert rig.orphans("node-1") == {"agent-1"}
    assert rig.manager.metrics().failovers == 2  # one from each node
    rig.audit_at_rest()


def test_a_restart_that_never_began_is_taken_back() -> None:
    rig = fleet(3, 3)
    lose(rig, "node-0", "node-1")  # at one instant: the first restart had not even begun
    assert {rig.home(name) for name in ("agent-1", "agent-2", "agent-3")} == {"node-2", None}
    assert rig.manager.status().pending == 1
    assert rig.orphans("node-1") == {"agent-2"}
    rig.audit_at_rest()


def test_a_start_does_not_count_if_its_node_was_away_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for it hears of the loss at once; a host may end the start all the same, and it does not count."""
    rig = fleet(1, 0)
    rig.host.start_s = 5.0
    start = rig.host.start_agent

    async def deaf(*asked: Any) -> None:
        task = rig.runtime.spawn(start(*asked))
        try:
            await task.join()
        except Cancelled:
            await task.join()

    monkeypatch.setattr(rig.host, "start_agent", deaf)

    async def go() -> None:
        task = rig.runtime.spawn(rig.manager.deploy_agent(AGENT))
        await rig.runtime.sleep(1.0)
        rig.manager.heartbeat("node-0", status=OFF)
        await rig.runtime.sleep(1.0)
        rig.beat("node-0")
        assert rig.manager.get_node("node-0").status is ON
        with pytest.raises(DeployError, match="node-0 went offline while it started"):
            await task.join()

    rig.run(go())
    assert rig.host.running["node-0"] == set()
    rig.audit_at_rest()


def test_an_agent_can_be_deployed_on_a_named_node() -> None:
    rig = fleet(3, 0, capacity=1)
    agent_id = rig.run(rig.manager.deploy_agent(AGENT, node_id="node-2"))
    assert rig.home(agent_id) == "node-2"
    assert rig.reasons("agent_starting", agent_id) == ["asked for"]
    with pytest.raises(DeployError, match="node-2 is online, 0 places free"):
        rig.run(rig.manager.deploy_agent(AGENT, node_id="node-2"))
    rig.run(rig.manager.update_node("node-1", status=NodeStatus.MAINTENANCE))
    with pytest.raises(DeployError, match="node-1 is maintenance, 1 places free"):
        rig.run(rig.manager.deploy_agent(AGENT, node_id="node-1"))
    with pytest.raises(NodeError, match="node ghost: is not registered"):
        rig.run(rig.manager.deploy_agent(AGENT, node_id="ghost"))
    assert rig.manager.status().registered == 3
    rig.audit_at_rest()


def test_a_move_that_failed_leaves_the_live_epoch_as_it_was() -> None:
    rig = fleet(2, 1)
    rig.host.broken.add("node-1")
    rig.run(rig.manager.remove_node("node-0"))
    assert (rig.host.epochs[-1], epoch(rig)) == (("node-1", "agent-1", 2), 1)
    assert (rig.manager.get_agent("agent-1").status, current(rig)) == (AgentStatus.PENDING, [])


def test_the_books_give_no_place_on_a_full_node() -> None:
    rig = fleet(1, 1, capacity=1)
    ledger = rig.manager._ledger
    late = ledger.admit(AGENT)
    with pytest.raises(AssertionError, match="node-0 is full"):
        ledger.take(late, ledger.nodes["node-0"])
    assert (late.epoch_last, rig.loads()) == (0, {"node-0": 1})

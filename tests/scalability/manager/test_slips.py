"""Small slips that mutants of the books and of the deployer showed to go unnoticed: each has its own test here."""

from __future__ import annotations

import pytest

from sim.errors import DeployError
from sim.scalability.manager.assignment import Record, replay
from sim.scalability.manager.journal import MemoryJournal
from sim.types.fleet import AgentStatus, NodeStatus
from tests.scalability.manager.rig import Rig, node


class FullDisk(MemoryJournal):
    """A journal that has no room for a departure while `full`."""

    full = False

    def append(self, record: Record) -> None:
        if self.full and record["kind"] == "node_left":
            raise OSError("no space left on device")
        super().append(record)


def test_a_removal_that_the_journal_did_not_take_can_be_asked_for_again() -> None:
    journal = FullDisk()
    rig = Rig(auto_scaling=False, journal=journal)
    rig.add_nodes(2)
    journal.full = True
    for stop_agents in (True, False):
        with pytest.raises(OSError, match="no space"):
            rig.run(rig.manager.remove_node("node-0", stop_agents=stop_agents))
    assert rig.manager.get_node("node-0").status is NodeStatus.DRAINING
    rig.run(rig.manager.update_node("node-0", status=NodeStatus.ONLINE))
    rig.deploy(1)
    assert rig.home("agent-1") == "node-0"
    journal.full = False
    rig.run(rig.manager.remove_node("node-0"))
    assert rig.home("agent-1") == "node-1", "it moved, since nobody stops agents this time"
    rig.audit_at_rest()


def test_a_removed_node_is_forgotten_by_the_placement() -> None:
    rig = Rig(auto_scaling=False)
    rig.add_nodes(2)
    rig.deploy(2)
    rig.run(rig.manager.remove_node("node-0"))
    kept = rig.manager._ledger.placement._nodes.values()
    assert [one.node_id for one in kept] == ["node-1"]


def test_a_place_whose_stop_is_confirmed_at_last_is_free_at_once() -> None:
    rig = Rig(auto_scaling=False)
    rig.add_nodes(1, 1)
    rig.deploy(1)
    rig.host.unstoppable.add("node-0")
    with pytest.raises(DeployError, match="keeps its place"):
        rig.run(rig.manager.undeploy_agent("agent-1"))
    with pytest.raises(DeployError, match="no online node"):
        rig.deploy(1)
    rig.host.unstoppable.clear()
    rig.run(rig.manager.start())
    rig.beat("node-0")
    rig.pass_time(31.0)
    assert rig.orphans("node-0") == set()
    assert rig.deploy(1) == ["agent-3"]
    rig.audit_at_rest()


def test_who_reads_the_books_hears_of_an_agent_that_answers_no_more() -> None:
    rig = Rig(auto_scaling=False)
    rig.add_nodes(1)
    rig.deploy(1)
    rig.host.stop_s = 2.0
    before = rig.manager.changes_count()
    rig.runtime.spawn(rig.manager.undeploy_agent("agent-1"))
    rig.pass_time(1.0)
    assert rig.books.ready["node-0"] == {"research": 0}
    assert rig.manager.get_agent("agent-1").status is AgentStatus.READY, "its stop is under way"
    assert rig.manager.changes_count() > before
    rig.pass_time(2.0)


@pytest.mark.parametrize("removes", [False, True])
def test_the_books_agree_with_the_journal_while_a_body_is_stopped(removes: bool) -> None:
    journal = MemoryJournal()
    rig = Rig(auto_scaling=False, journal=journal)
    rig.add_nodes(1 + removes)
    rig.deploy(1)
    rig.host.stop_s = 2.0
    manager, home = rig.manager, rig.home("agent-1")
    assert home is not None
    rig.runtime.spawn(manager.remove_node(home) if removes else manager.undeploy_agent("agent-1"))
    rig.pass_time(1.0)
    assert manager._ledger.agents["agent-1"].leaving is (None if removes else AgentStatus.STOPPED)
    assert manager.assignment_digest() == replay(journal.records()).settled().digest()
    rig.pass_time(2.0)
    assert manager.assignment_digest() == replay(journal.records()).settled().digest()


def test_room_that_appears_while_an_agent_leaves_its_node_is_taken_at_once() -> None:
    rig = Rig(auto_scaling=False)
    rig.add_nodes(1)
    rig.deploy(1)
    rig.host.stop_s = 2.0
    rig.runtime.spawn(rig.manager.remove_node("node-0"))
    rig.pass_time(1.0)
    rig.run(rig.manager.register_node(node("node-9")))
    rig.pass_time(1.5)
    assert rig.home("agent-1") == "node-9"
    rig.audit_at_rest()


def test_a_manager_without_a_provider_cuts_no_drain() -> None:
    rig = Rig(auto_scaling=False)
    rig.add_nodes(2)
    rig.deploy(2)
    rig.run(rig.manager.drain_node("node-0", 5.0))
    assert rig.books.fenced == []
    assert "node_fenced" not in rig.kinds("node-0")


def test_a_type_that_left_a_node_is_not_counted_there_any_more() -> None:
    rig = Rig(auto_scaling=False)
    rig.add_nodes(2)
    for agent_id in ("agent-1", "agent-2"):
        assert rig.deploy(1) == [agent_id]
        assert rig.home(agent_id) == "node-0", "equal nodes: the oldest"
        rig.run(rig.manager.undeploy_agent(agent_id))


def test_an_agent_is_given_up_once_after_so_many_starts() -> None:
    rig = Rig(auto_scaling=False, redeploy_attempts_max=3)
    rig.add_nodes(2)
    rig.deploy(1)
    rig.host.broken.add("node-1")
    rig.run(rig.manager.start())
    rig.manager.heartbeat("node-0", status=NodeStatus.OFFLINE)
    for _ in range(8):
        rig.beat("node-1")
        rig.pass_time(20.0)
    assert [call for call in rig.host.calls if call[:2] == ("start", "node-1")] == [("start", "node-1", "agent-1")] * 3
    assert rig.reasons("agent_stopped") == ["given up after 3 starts: node-1 is broken"]
    assert rig.manager.metrics().given_up == 1


def test_a_node_that_is_cleared_already_is_not_cleared_twice() -> None:
    rig = Rig(auto_scaling=False)
    rig.add_nodes(2)
    rig.deploy(1)
    rig.host.unstoppable.add("node-0")
    with pytest.raises(DeployError, match="keeps its place"):
        rig.run(rig.manager.undeploy_agent("agent-1"))
    rig.host.unstoppable.clear()
    rig.host.stop_s, asked = 2.0, len(rig.host.calls)
    rig.run(rig.manager.start())
    rig.beat("node-0", "node-1")
    rig.pass_time(30.5)  # the check has begun to clear it
    assert rig.host.calls[asked:] == [("stop", "node-0", "agent-1")]
    rig.runtime.spawn(rig.manager.remove_node("node-0"))
    rig.pass_time(5.0)
    assert rig.host.calls[asked:] == [("stop", "node-0", "agent-1")]


def test_an_empty_fleet_is_what_an_empty_journal_says() -> None:
    rig = Rig(auto_scaling=False, journal=MemoryJournal())
    assert rig.manager.assignment_digest() == replay([]).settled().digest()


def test_a_removal_tells_what_it_could_not_clear() -> None:
    rig = Rig(auto_scaling=False)
    rig.add_nodes(1)
    rig.deploy(1)
    rig.host.unstoppable.add("node-0")
    with pytest.raises(DeployError, match="keeps its place"):
        rig.run(rig.manager.undeploy_agent("agent-1"))
    rig.run(rig.manager.remove_node("node-0"))
    assert rig.reasons("clear_failed", "node-0") == ["node-0 does not listen"]

"""Small slips that mutants of the books and of the deployer showed to go unnoticed: each has its own test here."""

from __future__ import annotations

import pytest

from sim.errors import DeployError
from sim.scalability.manager.assignment import replay
from sim.scalability.manager.journal import MemoryJournal
from sim.types.fleet import AgentStatus
from tests.scalability.manager.rig import Rig, node


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

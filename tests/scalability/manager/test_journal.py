"""The journal says what the books say, at every prefix; a manager restored from it holds the same assignment."""

from __future__ import annotations

from typing import Any

import pytest

from sim.errors import ConfigError, DeployError, NodeError
from sim.scalability.manager import DistributedManager
from sim.scalability.manager.assignment import AgentBook, Assignment, NodeBook, replay
from sim.scalability.manager.journal import Journal, MemoryJournal
from sim.types.fleet import AgentStatus, NodeStatus
from tests.scalability.manager.rig import AGENT, Books, Rig, node

OFF = NodeStatus.OFFLINE


def busy_fleet(records_max: int = 100_000) -> tuple[Rig, MemoryJournal]:
    """Losses, a return, moves, a drain, a stop that is not confirmed, waiting agents, states."""
    journal = MemoryJournal(records_max)
    rig = Rig(auto_scaling=False, journal=journal)
    rig.add_nodes(3, 3, zone="a")
    rig.deploy(7)
    rig.run(rig.manager.save_state("agent-1", {"step": 1}))
    rig.manager.heartbeat("node-0", status=OFF)
    rig.pass_time(1.0)
    rig.host.unstoppable.add("node-1")
    with pytest.raises(DeployError):
        rig.run(rig.manager.undeploy_agent(rig.manager.list_agents(node_id="node-1")[0].agent_id))
    rig.run(rig.manager.update_node("node-2", capacity=4, port=99, metadata={"rack": 7}))
    rig.beat("node-0")
    rig.pass_time(1.0)
    rig.manager.heartbeat("node-0", current_load=3)
    rig.run(rig.manager.register_node(node("node-4", 1)))
    rig.run(rig.manager.remove_node("node-2", stop_agents=False))
    rig.run(rig.manager.save_state(rig.manager.list_agents(node_id="node-4")[0].agent_id, {"step": 2}))
    rig.run(rig.manager.drain_node("node-4"))
    rig.manager.heartbeat("node-0", status=OFF)
    rig.pass_time(1.0)
    return rig, journal


def restore(rig: Rig, journal: MemoryJournal, books: Books | None = None) -> DistributedManager:
    return DistributedManager.restore(
        journal,
        {"auto_scaling": False},
        runtime=rig.runtime,
        membership=books or Books(),
        host=rig.host,
        disks=rig.manager._states.disks,
    )


def test_a_restored_manager_holds_the_same_assignment() -> None:
    rig, journal = busy_fleet()
    digest, before = rig.manager.assignment_digest(), rig.manager.status().as_dict()
    books = Books()
    manager = restore(rig, journal, books)
    assert manager.assignment_digest() == digest
    after = manager.status().as_dict()
    assert {name: after[name] for name in after if name != "scale_reason"} == {
        name: before[name] for name in before if name != "scale_reason"
    }
    assert manager.list_nodes() == rig.manager.list_nodes()
    assert manager.list_agents() == rig.manager.list_agents()
    assert books.eligible == rig.books.eligible
    assert {name: sum(of.values()) for name, of in books.ready.items()} == {
        name: sum(of.values()) for name, of in rig.books.ready.items()
    }
    assert len(journal) == 1  # one snapshot from here on
    assert restore(rig, journal).assignment_digest() == digest


def test_ids_and_epochs_go_on_above_the_old_ones() -> None:
    rig, journal = busy_fleet()
    registered = rig.manager.status().registered
    epochs = {info.agent_id: info.epoch for info in rig.manager.list_agents()}
    manager = restore(rig, journal)
    rig.host.unstoppable.clear()
    rig.run(manager.start())
    rig.run(manager.register_node(node("node-9", 12)))
    rig.pass_time(1.0)
    assert rig.run(manager.deploy_agent(AGENT)) == f"agent-{registered + 1}"
    moved = [info for info in manager.list_agents() if info.node_id == "node-9" and info.agent_id in epochs]
    assert moved
    assert all(info.epoch > epochs[info.agent_id] for info in moved)
    fenced = [dict(row.fields)["epoch"] for row in rig.log.rows if row.kind == "node_fenced"]
    manager.heartbeat("node-9", status=OFF)
    assert manager._ledger.nodes["node-9"].epoch > max(fenced)
    rig.run(manager.stop())


def test_the_journal_adds_up_to_the_books_after_every_record() -> None:
    rig, journal = busy_fleet()
    records = journal.records()
    assert len(records) > 60
    assert {record["kind"] for record in records} >= {
        "node_registered", "node_updated", "node_foreign", "node_status", "node_fenced", "node_left", "agent_admitted",
        "place_taken", "agent_changed", "agent_leaving", "place_freed", "place_stranded", "orphan_stopped",
        "state_saved",
    }  # fmt: skip
    assert replay(records).settled().digest() == rig.manager.assignment_digest()
    for count in range(len(records) + 1):
        book = replay(records[:count]).settled()
        placed = [agent_id for of in book.nodes.values() for agent_id in of.places]
        assert len(placed) == len(set(placed))  # M1: one live body each
        assert sorted([*placed, *book.pending]) == sorted(book.agents)  # M2: none vanishes, none twice
        assert book.registered_count == len(placed) + len(book.pending) + book.stopped_count
        for of in book.nodes.values():
            assert len(of.places) + len(of.orphans) + of.foreign <= of.facts["capacity"]
        assert book.settled().digest() == book.digest()
        manager = DistributedManager.restore(_journal_of(records[:count]), runtime=rig.runtime, membership=Books())
        assert manager.assignment_digest() == book.digest()


def test_a_status_is_written_down_only_when_it_changes() -> None:
    journal = MemoryJournal()
    rig = Rig(auto_scaling=False, journal=journal)
    rig.add_nodes(1)
    for status in (NodeStatus.ONLINE, NodeStatus.DRAINING, NodeStatus.DRAINING):
        rig.manager.heartbeat("node-0", status=status)
    assert [record["kind"] for record in journal.records()] == ["node_registered", "node_status"]


def test_an_agent_that_started_again_after_its_stop_is_on_its_way_out_no_more() -> None:
    journal = MemoryJournal()
    rig = Rig(auto_scaling=False, journal=journal)
    rig.add_nodes(1)
    rig.deploy()
    rig.run(rig.manager.remove_node("node-0"))  # nobody takes agent-1: it waits
    rig.run(rig.manager.register_node(node("node-9")))
    rig.pass_time(1.0)
    assert rig.home("agent-1") == "node-9"
    assert rig.manager.assignment_digest() == replay(journal.records()).settled().digest()


def test_the_digest_tells_places_orphans_and_versions_apart() -> None:
    def digest(places: dict[str, int], orphans: dict[str, int], versions: dict[str, int]) -> str:
        node_book = NodeBook({"capacity": 3}, 0, 1, "online", places=places, orphans=orphans)
        return Assignment({"n": node_book}, versions=versions).digest()

    one, other, none = {"a": 1, "b": 2}, {"b": 2, "a": 1}, dict[str, int]()
    told = [digest(none, none, none), digest(one, none, none), digest(none, one, none), digest(none, none, one)]
    assert len(set(told)) == len(told)
    assert digest({"a": 1}, none, none) not in told
    assert told[1] == digest(other, none, none), "in whatever order they came"


@pytest.mark.parametrize("book", [Assignment(), AgentBook({}), NodeBook({}, 0, 0, "online")])
def test_books_have_no_fields_but_their_own(book: Assignment | AgentBook | NodeBook) -> None:
    with pytest.raises(AttributeError):
        book.epochs = 1  # type: ignore[union-attr]


def test_an_assignment_is_told_by_32_hex_digits() -> None:
    digest = Assignment().digest()
    assert len(digest) == 32
    assert set(digest) <= set("0123456789abcdef")


def _journal_of(records: list[dict[str, Any]]) -> MemoryJournal:
    journal = MemoryJournal()
    journal.rewrite(records)
    return journal


def test_a_long_history_becomes_a_snapshot() -> None:
    rig, journal = busy_fleet(records_max=5)
    assert 1 <= len(journal) <= 5
    assert journal.records()[0]["kind"] == "snapshot"
    assert replay(journal.records()).settled().digest() == rig.manager.assignment_digest()
    assert rig.manager.assignment_digest() == busy_fleet()[0].manager.assignment_digest()


def test_a_settled_book_takes_back_what_was_under_way() -> None:
    book = Assignment()
    journal = Journal(MemoryJournal(), book)
    facts = {"host": "h", "port": 1, "capacity": 9, "metadata": {}}
    journal.note({"kind": "node_registered", "node": "n", "facts": facts, "birth": 0, "epoch": 1, "wanted": "online",
                  "foreign": 0})  # fmt: skip
    waiting = {"agent": "a0", "node": None, "epoch": 0}
    journal.note({"kind": "agent_admitted", "config": {"type": "t"}, **waiting})
    journal.note({"kind": "agent_changed", "status": "pending", "at": 0.0, **waiting})
    for number in range(1, 6):
        agent = {"agent": f"a{number}", "node": "n", "epoch": 1}
        journal.note({"kind": "agent_admitted", "config": {"type": "t"}, **agent})
        if number == 5:
            break  # admitted and no more
        journal.note({"kind": "place_taken", **agent})
        journal.note({"kind": "agent_changed", "status": "starting", "at": 1.0, **agent})
        if number > 1:
            journal.note({"kind": "agent_changed", "status": "ready", "at": 2.0, **agent})
    journal.note({"kind": "agent_leaving", "agent": "a2", "then": "pending"})
    journal.note({"kind": "agent_leaving", "agent": "a3", "then": "stopped"})
    journal.note({"kind": "state_saved", "agent": "a3", "version": 4})
    settled = book.settled()
    assert list(settled.pending) == ["a1", "a5", "a0", "a2"]
    assert settled.nodes["n"].places == {"a4": 1}
    assert settled.nodes["n"].orphans == {"a1": 1, "a2": 1, "a3": 1}
    assert (settled.registered_count, settled.stopped_count, settled.versions) == (6, 1, {})
    assert (settled.agents["a5"].epoch, settled.agents["a5"].epoch_last) == (0, 0)  # it never had a place
    assert (settled.agents["a4"].deployed_at, settled.agents["a4"].ready_at) == (1.0, 2.0)
    assert book.nodes["n"].places == {"a1": 1, "a2": 1, "a3": 1, "a4": 1}  # the book itself is as it was


def test_an_agent_whose_last_copy_is_gone_is_told_so_at_the_restore() -> None:
    rig, journal = busy_fleet()
    manager = DistributedManager.restore(journal, runtime=rig.runtime, membership=Books())  # with empty disks
    assert manager.metrics().states_lost == rig.manager.status().states > 0


def test_a_history_is_not_written_over() -> None:
    rig, journal = busy_fleet()
    with pytest.raises(ConfigError, match=r"journal=.* records: accepted is an empty one; `restore` takes a history"):
        DistributedManager(runtime=rig.runtime, journal=journal)


def test_what_is_not_json_is_refused_before_anything_happens() -> None:
    rig = Rig(auto_scaling=False, journal=MemoryJournal())
    with pytest.raises(NodeError, match="metadata is not JSON, which the journal keeps"):
        rig.run(rig.manager.register_node(node("node-0", tags={1, 2})))
    assert (rig.books.weights, rig.manager.list_nodes()) == ({}, [])
    rig.add_nodes(1)
    with pytest.raises(NodeError, match="metadata is not JSON"):
        rig.run(rig.manager.update_node("node-0", port=99, metadata={"tags": {1, 2}}))
    assert rig.manager.get_node("node-0").port == 8080
    with pytest.raises(DeployError, match="agent Research Agent: its config is not JSON"):
        rig.deploy(tools={1, 2})
    assert rig.manager.status().registered == 0
    rig.deploy()
    assert rig.manager.get_agent("agent-1").status is AgentStatus.READY


def test_a_restored_manager_places_and_clears_at_its_start() -> None:
    journal = MemoryJournal()
    rig = Rig(auto_scaling=False, journal=journal)
    rig.add_nodes(2, 1)
    rig.host.start_s = 5.0
    rig.runtime.spawn(rig.manager.deploy_agent(AGENT))
    rig.pass_time(1.0)
    copy = _journal_of(journal.records())
    other = Rig()
    manager = DistributedManager.restore(
        copy, {"auto_scaling": False}, runtime=other.runtime, membership=Books(), host=other.host
    )
    assert manager.status().pending == 1
    assert manager.status().orphans == 1
    other.run(manager.start())
    other.pass_time(1.0)
    info = manager.get_agent("agent-1")
    assert (info.status, info.node_id, info.epoch) == (AgentStatus.READY, "node-1", 2)
    assert sorted(other.host.calls) == [("start", "node-1", "agent-1"), ("stop", "node-0", "agent-1")]
    assert manager.status().orphans == 0
    other.run(manager.stop())

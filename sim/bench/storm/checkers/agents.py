"""Agents and their places: M1, M2, M5 and M11's half about places, from the journal's records and the agents' events.

The journal sees every change of a place before anybody outside can: here its records are added up anew, by node, into
places held, bodies that may still run (orphans) and foreign ones, and held against the capacity at every record.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sim.bench.storm.checkers.nodes import DRAINING, NodeBooks
from sim.bench.storm.findings import Findings
from sim.runtime.events import Row
from sim.scalability.manager.assignment import Record
from sim.scalability.manager.journal import MemoryJournal

LIVE = ("agent_starting", "agent_ready", "agent_pending")


@dataclass(slots=True)
class Places:
    """What one node holds."""

    capacity: int
    held: dict[str, int] = field(default_factory=dict)  # agent -> epoch
    orphans: dict[str, int] = field(default_factory=dict)
    foreign: int = 0

    def load(self) -> int:
        """Places taken."""
        return len(self.held) + len(self.orphans) + self.foreign


class WatchedJournal(MemoryJournal):
    """A journal in memory that somebody reads along."""

    def __init__(self, heard: Callable[[Record], None], records_max: int) -> None:
        super().__init__(records_max)
        self._heard = heard
        self.rewrites_count = 0

    def append(self, record: Record) -> None:
        """As its parent; then the reader."""
        super().append(record)
        self._heard(record)

    def rewrite(self, records: Any) -> None:
        """As its parent."""
        super().rewrite(records)
        self.rewrites_count += 1


class Agents:
    """`record` takes the journal's records, `read` the events, `look` compares with the manager."""

    def __init__(self, findings: Findings, books: NodeBooks, now: Callable[[], float]) -> None:
        self.findings, self.books, self.now = findings, books, now
        self.nodes: dict[str, Places] = {}
        self.registered_count = self.stopped_count = 0
        self.status: dict[str, tuple[str, str, int]] = {}  # live agent -> event, node, epoch
        self._admitted: dict[str, None] = {}
        self._epochs: dict[str, int] = {}  # the highest that was ever given
        self._saved: dict[str, int] = {}

    def record(self, record: Record) -> None:
        """One change of the assignment."""
        kind = record["kind"]
        if kind == "agent_admitted":
            self.registered_count += 1
            self._admitted[record["agent"]] = None
        elif kind == "agent_changed" and record["status"] == "stopped":
            self._saved.pop(record["agent"], None)
        elif kind == "state_saved":
            self._state_saved(record["agent"], record["version"])
        elif kind == "node_registered":
            self.nodes[record["node"]] = Places(record["facts"]["capacity"], foreign=record["foreign"])
        elif kind == "node_left":
            self._left(record["node"])
        elif "node" in record and record["node"] in self.nodes:
            self._place(kind, self.nodes[record["node"]], record)

    def _left(self, node_id: str) -> None:
        held = list(self.nodes.pop(node_id).held)
        self.findings.hold("M11", not held, self.now(), node_id, lambda: f"it leaves with places of {held}")

    def _place(self, kind: str, places: Places, record: Record) -> None:
        agent_id = record.get("agent", "")
        if kind == "place_taken":
            self._taken(places, agent_id, record)
        elif kind == "place_freed":
            del places.held[agent_id]
        elif kind == "place_stranded":
            places.orphans[agent_id] = places.held.pop(agent_id)
            self.findings.seen("a place that is stranded")
        elif kind == "orphan_stopped":
            del places.orphans[agent_id]
        elif kind == "node_foreign":
            places.foreign = record["count"]
        elif kind == "node_updated":
            places.capacity = record["facts"].get("capacity", places.capacity)
        elif kind == "node_fenced":
            self.findings.seen("a fence")
        text = f"{places.load()} places taken of {places.capacity}"
        self.findings.hold("M5", places.load() <= places.capacity, self.now(), record["node"], lambda: text)

    def _taken(self, places: Places, agent_id: str, record: Record) -> None:
        hold, now, epoch, node_id = self.findings.hold, self.now(), record["epoch"], record["node"]
        last = self._epochs.get(agent_id, 0)
        hold("M1", epoch > last, now, agent_id, lambda: f"epoch {epoch} is given after {last}")
        self._epochs[agent_id] = max(last, epoch)
        places.held[agent_id] = epoch
        node = self.books.nodes.get(node_id)
        drains = node is not None and node.status == DRAINING
        hold("M11", not drains, now, agent_id, lambda: f"it is placed on {node_id}, which drains")

    def _state_saved(self, agent_id: str, version: int) -> None:
        last = self._saved.get(agent_id, 0)
        told = f"version {version} is saved after {last}"
        self.findings.hold("M12", version > last, self.now(), agent_id, lambda: told)
        self._saved[agent_id] = version

    def saved(self) -> dict[str, int]:
        """The newest acknowledged version of each agent's state."""
        return self._saved

    def read(self, row: Row) -> None:
        """An agent's event."""
        if not row.kind.startswith("agent_"):
            return
        told, agent_id = dict(row.fields), row.subject
        before = self.status.get(agent_id)
        if row.kind == "agent_stopped":
            self.status.pop(agent_id, None)
            self._admitted.pop(agent_id, None)
            self.stopped_count += 1
            return
        self._admitted.pop(agent_id, None)
        self.status[agent_id] = (row.kind, told["node"], told["epoch"])
        if row.kind == "agent_ready":
            held = self.nodes[told["node"]].held.get(agent_id) if told["node"] in self.nodes else None
            text = f"ready on {told['node']} under epoch {told['epoch']}, its place there has {held}"
            self.findings.hold("M1", held == told["epoch"], row.at, agent_id, lambda: text)
            newer = before is None or told["epoch"] >= before[2]
            was = before
            self.findings.hold("M1", newer, row.at, agent_id, lambda: f"epoch {told['epoch']} after {was}")
            if before is not None and before[1] not in ("", told["node"]):
                self.findings.seen("an agent that moved")

    def look(self, manager: Any, now: float) -> None:
        """Own counts against the manager's."""
        status = manager.status()
        live = len(self.status) + len(self._admitted)
        balance = f"{self.registered_count} registered, {live} live, {self.stopped_count} stopped"
        self.findings.hold("M2", self.registered_count == live + self.stopped_count, now, "agents", lambda: balance)
        counts = dict.fromkeys(LIVE, 0)
        for kind, _, _ in self.status.values():
            counts[kind] += 1
        mine = {"ready": counts["agent_ready"], "starting": counts["agent_starting"]}
        theirs = {name: status.agents[name] for name in mine}
        self.findings.hold("M2", mine == theirs, now, "agents", lambda: f"the manager has {theirs}, own count {mine}")
        text = f"{status.registered} registered, own count {self.registered_count}"
        self.findings.hold("M2", status.registered == self.registered_count, now, "agents", lambda: text)
        load = sum(self.nodes[name].load() for name, node in self.books.nodes.items() if node.status == "online")
        told = f"{status.load} places taken on online nodes, own count {load}"
        self.findings.hold("M5", status.load == load, now, "places", lambda: told)
        if status.pending:
            self.findings.seen("an agent that waits")

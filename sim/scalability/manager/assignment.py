"""Who is where, as plain data: what the journal's records add up to, and what a manager is rebuilt from.

Every record is one change of the books, so that each prefix of a journal is a fleet. `settled` is the fleet as a
control plane that died at this instant leaves it: a body that was not ready, or was being stopped, is an orphan of its
node, and its agent waits (those that were starting first, in order of birth, then the queue) or, if it was on its way
out, has stopped. Epochs and versions never go back. Idea: write-ahead logging (Gray, 1978).
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

READY, PENDING, STOPPED = "ready", "pending", "stopped"
Record = Mapping[str, Any]


@dataclass(slots=True)
class NodeBook:
    """A node: its facts, what was wanted and heard of it, and the bodies it runs or may run."""

    facts: dict[str, Any]  # host port capacity metadata
    birth: int
    epoch: int
    wanted: str
    silent: bool = False
    foreign: int = 0
    places: dict[str, int] = field(default_factory=dict)  # agent -> epoch
    orphans: dict[str, int] = field(default_factory=dict)  # agent -> epoch


@dataclass(slots=True)
class AgentBook:
    """An agent that is not stopped."""

    config: dict[str, Any]
    status: str = PENDING
    node_id: str | None = None
    epoch: int = 0
    epoch_last: int = 0
    leaving: str = ""  # its body is being stopped; what it is afterwards
    deployed_at: float | None = None
    ready_at: float | None = None


@dataclass(slots=True)
class Assignment:
    """Nodes and live agents in order of birth, who waits in order, and the newest acknowledged state of each agent."""

    nodes: dict[str, NodeBook] = field(default_factory=dict)
    agents: dict[str, AgentBook] = field(default_factory=dict)
    pending: dict[str, None] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    registered_count: int = 0
    stopped_count: int = 0
    births_count: int = 0
    epochs_count: int = 0

    def apply(self, record: Record) -> None:
        """One more record; raises KeyError for a kind, node or agent that is not known."""
        _APPLY[record["kind"]](self, record)

    def settled(self) -> Assignment:
        """What a control plane that starts now must take as given."""
        book = Assignment(
            versions=dict(self.versions),
            registered_count=self.registered_count,
            stopped_count=self.stopped_count,
            births_count=self.births_count,
            epochs_count=self.epochs_count,
        )
        for name, node in self.nodes.items():
            book.nodes[name] = dataclasses.replace(node, places={}, orphans=dict(node.orphans))
            for agent_id, epoch in node.places.items():
                agent = self.agents.get(agent_id)
                live = agent is not None and _is_live(agent, name, epoch)
                (book.nodes[name].places if live else book.nodes[name].orphans)[agent_id] = epoch
        starting: dict[str, None] = {}
        stopping: dict[str, None] = {}
        for agent_id, agent in self.agents.items():
            if agent.node_id in book.nodes and agent_id in book.nodes[agent.node_id].places:
                book.agents[agent_id] = dataclasses.replace(agent)
            elif agent.leaving == STOPPED:
                book.stopped_count += 1
                book.versions.pop(agent_id, None)
            else:
                book.agents[agent_id] = dataclasses.replace(agent, status=PENDING, node_id=None, leaving="")
                if agent_id not in self.pending:
                    (stopping if agent.leaving else starting)[agent_id] = None
        book.pending = {**starting, **self.pending, **stopping}
        return book

    def digest(self) -> str:
        """Hex digest (32 digits) of nodes, agents, epochs, places, queue and versions; without instants and configs."""
        nodes = [
            [name, n.birth, n.epoch, n.wanted, n.silent, n.facts["capacity"], *map(_sorted, (n.places, n.orphans))]
            for name, n in self.nodes.items()
        ]
        agents = [[name, a.status, a.node_id, a.epoch, a.epoch_last, a.leaving] for name, a in self.agents.items()]
        counts = [self.registered_count, self.stopped_count, self.births_count, self.epochs_count]
        text = json.dumps([nodes, agents, list(self.pending), _sorted(self.versions), counts])
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    def as_record(self) -> dict[str, Any]:
        """One record that stands for all before it."""
        told = {"kind": "snapshot", **{name: _copied(getattr(self, name)) for name in _names(Assignment)}}
        for group, kind in (("nodes", NodeBook), ("agents", AgentBook)):
            told[group] = {
                name: {key: _copied(getattr(book, key)) for key in _names(kind)} for name, book in told[group].items()
            }
        return told


def replay(records: Iterable[Record]) -> Assignment:
    """The assignment after all records, not settled."""
    book = Assignment()
    for record in records:
        book.apply(record)
    return book


@cache
def _names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(kind))


def _copied(value: Any) -> Any:
    """A copy of plain data; what is no dict or list is shared."""
    if isinstance(value, dict):
        return {name: _copied(part) for name, part in value.items()}
    return [_copied(part) for part in value] if isinstance(value, list) else value


def _sorted(numbers: dict[str, int]) -> list[tuple[str, int]]:
    return sorted(numbers.items())


def _is_live(agent: AgentBook, node_id: str, epoch: int) -> bool:
    return (agent.status, agent.node_id, agent.epoch, agent.leaving) == (READY, node_id, epoch, "")


def _snapshot(book: Assignment, record: Record) -> None:
    record = _copied(record)  # what follows changes the book, never the record
    for name in ("pending", "versions", "registered_count", "stopped_count", "births_count", "epochs_count"):
        setattr(book, name, record[name])
    book.nodes = {name: NodeBook(**fields) for name, fields in record["nodes"].items()}
    book.agents = {name: AgentBook(**fields) for name, fields in record["agents"].items()}


def _registered(book: Assignment, record: Record) -> None:
    node = NodeBook(record["facts"], record["birth"], record["epoch"], record["wanted"], foreign=record["foreign"])
    book.nodes[record["node"]] = node
    book.births_count, book.epochs_count = node.birth + 1, node.epoch


def _updated(book: Assignment, record: Record) -> None:
    facts = book.nodes[record["node"]].facts
    book.nodes[record["node"]].facts = {**facts, **record["facts"]}


def _foreign(book: Assignment, record: Record) -> None:
    book.nodes[record["node"]].foreign = record["count"]


def _status(book: Assignment, record: Record) -> None:
    node = book.nodes[record["node"]]
    node.wanted, node.silent = record["wanted"], record["silent"]


def _fenced(book: Assignment, record: Record) -> None:
    book.nodes[record["node"]].epoch = book.epochs_count = record["epoch"]


def _left(book: Assignment, record: Record) -> None:
    del book.nodes[record["node"]]


def _admitted(book: Assignment, record: Record) -> None:
    book.registered_count += 1
    book.agents[record["agent"]] = AgentBook(record["config"])


def _placed(book: Assignment, record: Record) -> None:
    book.nodes[record["node"]].places[record["agent"]] = record["epoch"]
    book.agents[record["agent"]].epoch_last = record["epoch"]


def _changed(book: Assignment, record: Record) -> None:
    agent_id, at = record["agent"], record["at"]
    agent = book.agents[agent_id]
    agent.status, agent.node_id, agent.leaving = record["status"], record["node"], ""
    book.pending.pop(agent_id, None)
    if agent.node_id is not None:
        agent.epoch = record["epoch"]
    if agent.status == "starting":
        agent.deployed_at = at
    elif agent.status == READY:
        agent.ready_at = at
    elif agent.status == PENDING:
        book.pending[agent_id] = None
    else:
        book.stopped_count += 1
        del book.agents[agent_id]
        book.versions.pop(agent_id, None)


def _leaving(book: Assignment, record: Record) -> None:
    book.agents[record["agent"]].leaving = record["then"]


def _freed(book: Assignment, record: Record) -> None:
    del book.nodes[record["node"]].places[record["agent"]]


def _stranded(book: Assignment, record: Record) -> None:
    node = book.nodes[record["node"]]
    node.orphans[record["agent"]] = node.places.pop(record["agent"])


def _orphan_stopped(book: Assignment, record: Record) -> None:
    del book.nodes[record["node"]].orphans[record["agent"]]


def _state_saved(book: Assignment, record: Record) -> None:
    book.versions[record["agent"]] = record["version"]


_APPLY: dict[str, Callable[[Assignment, Record], None]] = {
    "snapshot": _snapshot,
    "node_registered": _registered,
    "node_updated": _updated,
    "node_foreign": _foreign,
    "node_status": _status,
    "node_fenced": _fenced,
    "node_left": _left,
    "agent_admitted": _admitted,
    "place_taken": _placed,
    "agent_changed": _changed,
    "agent_leaving": _leaving,
    "place_freed": _freed,
    "place_stranded": _stranded,
    "orphan_stopped": _orphan_stopped,
    "state_saved": _state_saved,
}

"""Nodes as the event log tells them: who is in service, who is out and why, what truly struck them.

Kept from events alone, so that a bug of the membership chain shows as a difference to these books. An event is written
before its effect. What the log does not tell: connections that broke are excluded without an event, and the trials of
a half open breaker; there these books allow more than the fleet does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sim.runtime.events import Row

SILENCING = ("crash", "pause", "zone_outage")  # while on, no answer and no heartbeat comes
CUTTING = ("partition",)  # no check is answered, whatever the direction; heartbeats may still come
ONLINE, OFFLINE, DRAINING = "online", "offline", "draining"


@dataclass(slots=True)
class NodeBook:
    """One registered node; instants in virtual seconds."""

    status: str
    capacity: int
    since: float  # of the status
    ejected: bool = False
    ejected_at: float = 0.0
    breaker: str = "closed"
    breaker_at: float = 0.0
    fenced_at: list[float] = field(default_factory=list)


class NodeBooks:
    """Nodes by id while they are registered; `fences` by node for ever; `silent` since when, by fault."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock, self.spoken = clock, dict[str, float]()
        self.nodes: dict[str, NodeBook] = {}
        self.fences: dict[str, list[float]] = {}
        self.struck: dict[tuple[str, str, int], float] = {}  # (kind, node, occurrence) -> began
        self.kinds_struck: dict[str, int] = {}
        self.silencing: tuple[str, ...] = SILENCING
        self.panic = False
        self.panics_count = 0

    def read(self, row: Row) -> None:
        """Take in the next event."""
        kind, node_id = row.kind, row.subject
        if kind == "fault_began":
            told = dict(row.fields)
            self.struck[told["kind"], node_id, told["occurrence"]] = row.at
            self.kinds_struck[told["kind"]] = self.kinds_struck.get(told["kind"], 0) + 1
        elif kind == "fault_ended":
            told = dict(row.fields)
            self.struck.pop((told["kind"], node_id, told["occurrence"]), None)
        elif kind == "node_registered":
            told = dict(row.fields)
            self.nodes[node_id] = NodeBook(told["status"], told["capacity"], row.at)
        elif kind in ("panic_began", "panic_ended"):
            self.panic = kind == "panic_began"
            self.panics_count += self.panic
        elif node_id in self.nodes:
            self._read_node(row.at, kind, node_id, dict(row.fields))

    def _read_node(self, at: float, kind: str, node_id: str, told: dict[str, Any]) -> None:
        node = self.nodes[node_id]
        if kind == "node_status":
            node.status, node.since = told["new"], at
        elif kind == "node_updated":
            node.capacity = told.get("capacity", node.capacity)
        elif kind == "node_ejected":
            node.ejected, node.ejected_at = True, at
        elif kind == "node_readmitted":
            node.ejected = False
        elif kind.startswith("breaker_"):
            node.breaker = {"breaker_opened": "open", "breaker_half_open": "half_open"}.get(kind, "closed")
            node.breaker_at = at
        elif kind == "node_fenced":
            node.fenced_at.append(at)
            self.fences.setdefault(node_id, []).append(at)
        elif kind == "node_removed":
            del self.nodes[node_id]

    def spoke(self, node_id: str) -> None:
        """A heartbeat of it, or in its name, comes now: what is silent is so from here on."""
        self.spoken[node_id] = self.clock()

    def silent_since(self, node_id: str) -> float | None:
        """Since when nothing comes of a machine that truly says nothing; None while it may speak."""
        began = [at for (kind, where, _), at in self.struck.items() if where == node_id and kind in self.silencing]
        return max(min(began), self.spoken.get(node_id, 0.0)) if began else None

    def in_service_count(self) -> int:
        """Nodes that requests may be sent to in a panic at the latest."""
        return sum(node.status in (ONLINE, OFFLINE) for node in self.nodes.values())

    def why_not(self, node_id: str) -> str | None:
        """Why nothing may be sent to a node now; None where it may."""
        node = self.nodes.get(node_id)
        if node is None:
            return "it is not registered"
        if node.status == ONLINE and not node.ejected and node.breaker != "open":
            return None
        if self.panic and node.status in (ONLINE, OFFLINE):
            return None
        if node.status != ONLINE:
            return f"it is {node.status} since {node.since:g} s"
        return "it is ejected" if node.ejected else "its breaker is open"

"""The registry of nodes: validation, lookup, and the count of agents placed on each (reservations included)."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from sim.errors import NodeError
from sim.types.fleet import NodeInfo, NodeStatus

NODE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


@dataclass(slots=True)
class NodeEntry:
    """A registered node with what the manager knows beyond what the user gave."""

    info: NodeInfo
    serial: int  # birth order
    registered_at: float
    heard_at: float  # last heartbeat, manager's clock
    weight: float  # of one agent
    zone: str
    agents: dict[str, str] = field(default_factory=dict)  # agent id -> type, placed or reserved
    ready: Counter[str] = field(default_factory=Counter)  # type -> ready agents
    reported_load: int | None = None
    user_heard_at: float | None = None  # the latest timestamp a heartbeat carried

    @property
    def free(self) -> int:
        """Agents that still fit."""
        return self.info.capacity - len(self.agents)

    @property
    def placeable(self) -> bool:
        """True when an agent may be placed here."""
        return self.info.status is NodeStatus.ONLINE and self.free > 0


def validate(info: NodeInfo) -> None:
    """Raises `NodeError` that names the field and what is accepted."""
    node_id = str(info.node_id)
    if not isinstance(info.node_id, str) or not NODE_ID.fullmatch(info.node_id):
        raise NodeError(node_id, "node_id: letters, digits, '.', '_' and '-', at most 128, a letter or digit first")
    if not info.host or any(letter.isspace() for letter in info.host):
        raise NodeError(node_id, f"host={info.host!r}: a name or address without blanks")
    if not _whole(info.port) or not 1 <= info.port <= 65_535:
        raise NodeError(node_id, f"port={info.port}: a whole number, 1 to 65535")
    if not _whole(info.capacity) or info.capacity < 1:
        raise NodeError(node_id, f"capacity={info.capacity}: a whole number, at least 1")
    if not _whole(info.current_load) or not 0 <= info.current_load <= info.capacity:
        raise NodeError(node_id, f"current_load={info.current_load}: a whole number, 0 to capacity ({info.capacity})")
    if not isinstance(info.status, NodeStatus):
        raise NodeError(node_id, f"status={info.status!r}: a NodeStatus")
    for name in ("cpu_usage", "memory_usage"):
        check_ratio(node_id, name, getattr(info, name))
    if not isinstance(info.last_heartbeat, int | float) or not math.isfinite(info.last_heartbeat):
        raise NodeError(node_id, f"last_heartbeat={info.last_heartbeat}: a finite number of seconds")
    speed = info.metadata.get("speed", 1.0)
    if not isinstance(speed, int | float) or not 0.0 < speed < math.inf:
        raise NodeError(node_id, f"metadata speed={speed}: a finite number above 0")


def check_ratio(node_id: str, name: str, value: Any) -> None:
    """Raises `NodeError` unless the value is a number in 0..1."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 <= value <= 1.0:
        raise NodeError(node_id, f"{name}={value}: a ratio, 0 to 1")


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


class NodeRegistry:
    """Nodes by id, in birth order."""

    def __init__(self) -> None:
        self._entries: dict[str, NodeEntry] = {}
        self._born = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Any:
        return iter(list(self._entries.values()))

    def __contains__(self, node_id: str) -> bool:
        return node_id in self._entries

    def add(self, info: NodeInfo, now: float) -> NodeEntry:
        """Enter a validated node; raises `NodeError` for a duplicate."""
        if info.node_id in self._entries:
            raise NodeError(info.node_id, "is registered already")
        metadata = info.metadata
        entry = NodeEntry(
            info=info,
            serial=self._born,
            registered_at=now,
            heard_at=now,
            weight=float(metadata.get("speed", 1.0)),
            zone=str(metadata.get("zone", metadata.get("region", ""))),
        )
        self._born += 1
        self._entries[info.node_id] = entry
        return entry

    def get(self, node_id: str) -> NodeEntry:
        """Raises `NodeError` for an unknown node."""
        if node_id not in self._entries:
            raise NodeError(node_id, "is not registered")
        return self._entries[node_id]

    def remove(self, node_id: str) -> NodeEntry:
        """Take a node out; raises `NodeError` for an unknown one."""
        entry = self.get(node_id)
        del self._entries[node_id]
        return entry

"""Agent state and its copies: a version and a value on the agent's node, and on one other when replication is on.

Copies live with their nodes: a node that is lost takes its copies along. Versions never go back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sim.scalability.manager_draft.nodes import NodeRegistry
from sim.types.fleet import NodeStatus


@dataclass(frozen=True, slots=True)
class Saved:
    """One version of an agent's state."""

    version: int
    value: Any


class StateCopies:
    """Copies by node and agent; at most one a node and agent."""

    def __init__(self, nodes: NodeRegistry, *, replicate: bool) -> None:
        self._nodes, self._replicate = nodes, replicate
        self._copies: dict[str, dict[str, Saved]] = {}
        self._versions: dict[str, int] = {}  # newest version ever written, by agent

    def save(self, agent_id: str, node_id: str, value: Any) -> int:
        """Write the next version at the agent's node and its copy; gives the version."""
        saved = Saved(self._versions.get(agent_id, 0) + 1, value)
        self._versions[agent_id] = saved.version
        self._put(agent_id, node_id, saved)
        return saved.version

    def restore(self, agent_id: str, node_id: str, saved: Saved) -> None:
        """Put the newest version at the agent's new node, and its copy elsewhere."""
        self._put(agent_id, node_id, saved)

    def was_saved(self, agent_id: str) -> bool:
        """True when a version was ever written (and not forgotten)."""
        return agent_id in self._versions

    def _put(self, agent_id: str, node_id: str, saved: Saved) -> None:
        self._copies.setdefault(node_id, {})[agent_id] = saved
        if self._replicate:
            other = self._other(node_id)
            if other is not None:
                self._copies.setdefault(other, {})[agent_id] = saved

    def newest(self, agent_id: str) -> Saved | None:
        """The newest version that is still there; None when all copies are lost."""
        found = [held[agent_id] for held in self._copies.values() if agent_id in held]
        return max(found, key=lambda saved: saved.version, default=None)

    def node_lost(self, node_id: str) -> None:
        """A node is gone with what it held."""
        self._copies.pop(node_id, None)

    def copies_count(self, agent_id: str) -> int:
        """Nodes that hold a version of the agent's state."""
        return sum(agent_id in held for held in self._copies.values())

    def forget(self, agent_id: str) -> None:
        """Drop every copy of an agent that ended."""
        self._versions.pop(agent_id, None)
        for held in self._copies.values():
            held.pop(agent_id, None)

    def _other(self, node_id: str) -> str | None:
        """The online node with the fewest copies, the older one at a tie."""
        others = [
            entry
            for entry in self._nodes
            if entry.info.node_id != node_id and entry.info.status is NodeStatus.ONLINE
        ]
        held = {entry.info.node_id: len(self._copies.get(entry.info.node_id, {})) for entry in others}
        return min((e.info.node_id for e in others), key=lambda name: held[name], default=None)

"""The state of agents, kept where they run and copied to one other node.

A save is acknowledged once the agent's node and, with `data_replication`, one partner hold it. The partner is the next
online node in order of birth, in another zone if there is one (ring order). When a node is lost its copies are gone:
what another node still holds is copied again, and an agent that starts elsewhere finds its newest copy there. A state
that nobody holds any more is reported lost, once. Versions only grow, also over a loss.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sim.errors import DeployError
from sim.scalability.manager.context import Context
from sim.scalability.manager.counters import Counters
from sim.scalability.manager.entries import Node
from sim.scalability.manager.ledger import Ledger
from sim.types.fleet import AgentStatus


@dataclass(frozen=True, slots=True)
class SavedState:
    """One agent's state as last acknowledged; `node_ids` hold it."""

    agent_id: str
    version: int
    state: dict[str, Any]
    node_ids: tuple[str, ...]


@dataclass(slots=True)
class _Entry:
    version: int = 0  # newest acknowledged
    text: str = ""  # JSON, so that no two copies share an object
    holders: dict[str, None] = field(default_factory=dict)  # nodes that hold this version


class StateStore:
    """States by agent; what a node holds is indexed, so that its loss costs what it held."""

    def __init__(self, context: Context, ledger: Ledger, counters: Counters) -> None:
        self._context, self._ledger, self._counters = context, ledger, counters
        self._entries: dict[str, _Entry] = {}
        self._held: dict[str, dict[str, None]] = {}  # node -> agents whose state it holds
        ledger.on_stopped = self.forget

    def __len__(self) -> int:
        return len(self._entries)

    def save(self, agent_id: str, state: Mapping[str, Any], version: int | None = None) -> int:
        """Keep a new state, give its version. `version`, if given, must be above the last one.

        Raises `DeployError`: an agent that is not ready on a reachable node, a version that goes back, a state that is
        not JSON or over `state_bytes_max`.
        """
        info = self._ledger.agent(agent_id).info
        node = self._ledger.node(info.node_id) if info.status is AgentStatus.READY and info.node_id else None
        if node is None or not node.reachable:
            raise DeployError(agent_id, "is not ready on a reachable node, so that its state cannot be saved")
        text = self._text(agent_id, state)
        entry = self._entries.setdefault(agent_id, _Entry())
        if version is not None and version <= entry.version:
            raise DeployError(agent_id, f"state version {version}: {entry.version} is saved already")
        entry.version = entry.version + 1 if version is None else version
        entry.text = text
        self._hold(agent_id, entry, self._homes(entry, node))
        self._counters.states_saved += 1
        return entry.version

    def load(self, agent_id: str) -> SavedState:
        """The newest acknowledged state that a reachable node holds; raises `DeployError` if there is none."""
        entry = self._entries.get(agent_id)
        if entry is None:
            raise DeployError(agent_id, "has saved no state")
        holders = tuple(name for name in entry.holders if self._ledger.node(name).reachable)
        if not holders:
            raise DeployError(agent_id, f"state version {entry.version} is on no reachable node")
        return SavedState(agent_id, entry.version, json.loads(entry.text), holders)

    def placed(self, agent_id: str, node_id: str) -> None:
        """The agent is ready on a node: its newest state comes to it from whoever holds it."""
        entry = self._entries.get(agent_id)
        if entry is None or not entry.holders:
            return
        if node_id not in entry.holders:
            source = next(iter(entry.holders))
            self._counters.states_restored += 1
            self._context.write("state_restored", agent_id, node=node_id, source=source, version=entry.version)
        self._hold(agent_id, entry, self._homes(entry, self._ledger.node(node_id)))

    def node_lost(self, node_id: str, readable: bool) -> None:
        """A node's copies go: after a loss at once, from a leaving (`readable`) node they may still be copied away."""
        for agent_id in list(self._held.pop(node_id, {})):
            entry = self._entries[agent_id]
            del entry.holders[node_id]
            if not entry.holders and not readable:
                self._counters.states_lost += 1
                self._context.write("state_lost", agent_id, node=node_id, version=entry.version, reason="last copy")
            else:
                self._copy_again(agent_id, entry, self._ledger.node(node_id))

    def forget(self, agent_id: str) -> None:
        """The agent is stopped for good."""
        entry = self._entries.pop(agent_id, None)
        if entry is not None:
            for node_id in entry.holders:
                del self._held[node_id][agent_id]

    def single_count(self) -> int:
        """States that exactly one node holds."""
        return sum(len(entry.holders) == 1 for entry in self._entries.values())

    def _copy_again(self, agent_id: str, entry: _Entry, origin: Node) -> None:
        info = self._ledger.agents[agent_id].info
        home = self._ledger.node(info.node_id) if info.node_id in entry.holders else None
        if home is not None:
            self._hold(agent_id, entry, self._homes(entry, home))
            return
        other = self._partner(origin, entry.holders)
        if other is not None:
            self._hold(agent_id, entry, [*entry.holders, other])
        elif not entry.holders:
            self._counters.states_lost += 1
            self._context.write(
                "state_lost", agent_id, node=origin.node_id, version=entry.version, reason="no other node"
            )

    def _homes(self, entry: _Entry, node: Node) -> list[str]:
        """Where a state belongs: the agent's node and one partner, a present one if it is online."""
        if not self._context.config.data_replication:
            return [node.node_id]
        for name in entry.holders:
            if name != node.node_id and self._ledger.node(name).online:
                return [node.node_id, name]
        other = self._partner(node, {node.node_id: None})
        return [node.node_id] if other is None else [node.node_id, other]

    def _partner(self, node: Node, taken: Mapping[str, None]) -> str | None:
        """The next online node after `node` by birth, in another zone if possible."""
        able = [other for other in self._ledger.nodes.values() if other.online and other is not node]
        able = [other for other in able if other.node_id not in taken and not other.removing]
        if not able:
            return None
        return min(able, key=lambda other: (other.zone == node.zone, other.birth < node.birth, other.birth)).node_id

    def _hold(self, agent_id: str, entry: _Entry, node_ids: list[str]) -> None:
        for name in entry.holders:
            del self._held[name][agent_id]
        entry.holders = dict.fromkeys(node_ids)
        for name in node_ids:
            self._held.setdefault(name, {})[agent_id] = None

    def _text(self, agent_id: str, state: Mapping[str, Any]) -> str:
        try:
            text = json.dumps(dict(state), allow_nan=False)
        except (TypeError, ValueError) as error:
            raise DeployError(agent_id, f"a state is a mapping that JSON can hold: {error}") from error
        limit = self._context.config.state_bytes_max
        if len(text.encode()) > limit:
            raise DeployError(
                agent_id, f"a state of {len(text.encode())} bytes: accepted are {limit} (state_bytes_max)"
            )
        return text

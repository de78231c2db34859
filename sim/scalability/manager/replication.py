"""The state of agents: on the agent's node and `copies_min` others, in different zones first.

A write is acknowledged once it stands on all of them, or on as many as there are (counted as under-replicated). When a
node is lost what others still hold is copied again, when one joins or returns what is short is completed. A node that
returns is asked for its copies: those of the acknowledged version count again, others are stale or were never
acknowledged and go (anti-entropy, as in Dynamo; DeCandia 2007). Versions only grow. A state that nobody holds is
reported lost, once, and found if its node comes back with it. A write takes the time of the link, if there is one;
repair takes none.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from sim.errors import DeployError
from sim.scalability.manager.context import Context
from sim.scalability.manager.counters import Counters
from sim.scalability.manager.disks import Copy, Disks
from sim.scalability.manager.entries import Node
from sim.scalability.manager.ledger import Ledger
from sim.scalability.manager.ring import Ring
from sim.scalability.manager.rounds import Changes, Rounds
from sim.types.fleet import AgentStatus

AS_JSON = json.JSONEncoder(allow_nan=False)  # `json.dumps` with an option makes one at every call


@dataclass(frozen=True, slots=True)
class SavedState:
    """One agent's state as last acknowledged; `node_ids` hold it."""

    agent_id: str
    version: int
    state: dict[str, Any]
    node_ids: tuple[str, ...]


@dataclass(slots=True)
class Entry:
    """What is known of one agent's state."""

    version: int = 0  # newest acknowledged
    holders: dict[str, None] = field(default_factory=dict)  # reachable nodes that hold this version
    home: str = ""  # where the agent was last ready
    stamp: int = -1  # of the nodes when the holders were chosen
    lost: bool = False


class StateStore:
    """States by agent; what a node holds is indexed, so that its loss costs what it held."""

    def __init__(self, context: Context, ledger: Ledger, counters: Counters, disks: Disks) -> None:
        self.context, self.ledger, self.counters, self.disks = context, ledger, counters, disks
        self.entries: dict[str, Entry] = {}
        self._held: dict[str, dict[str, None]] = {}  # node -> agents whose state it holds
        self._short: dict[str, None] = {}  # held by fewer nodes than asked for
        self._stamp = 0  # moves with every change of the nodes
        self._holds_count = 0  # moves with every change of who holds what
        self.rounds = Rounds(self.entries, disks)
        self._ring = Ring(ledger)
        ledger.on_stopped = self.forget
        ledger.on_node = self.node_changed

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def changes(self) -> Changes:
        """What a round of saves must not change in: nodes, and who holds what."""
        return self._stamp, self._holds_count

    def load(self, agent_id: str) -> SavedState:
        """The newest acknowledged state that a reachable node holds; raises `DeployError` if there is none."""
        entry = self.entries.get(agent_id)
        if entry is None:
            raise DeployError(agent_id, "has saved no state")
        if not entry.holders:
            raise DeployError(agent_id, f"state version {entry.version} is on no reachable node")
        copy = self.disks.read(next(iter(entry.holders)), agent_id)
        assert copy is not None and copy.version == entry.version, f"{agent_id}: a holder without its version"
        return SavedState(agent_id, entry.version, json.loads(copy.text), tuple(entry.holders))

    def text(self, agent_id: str, state: Mapping[str, Any]) -> str:
        """The state as JSON; raises `DeployError` if it is not, or longer than `state_bytes_max`."""
        try:
            text = AS_JSON.encode(dict(state))
        except (TypeError, ValueError) as error:
            raise DeployError(agent_id, f"a state is a mapping that JSON can hold: {error}") from error
        limit = self.context.config.state_bytes_max
        if len(text.encode()) > limit:
            raise DeployError(
                agent_id, f"a state of {len(text.encode())} bytes: accepted are {limit} (state_bytes_max)"
            )
        return text

    def home(self, agent_id: str, epoch: int | None) -> Node:
        """Where the agent may save; raises `DeployError` for an old epoch or an agent that is not ready."""
        info = self.ledger.agent(agent_id).info
        if epoch is not None and epoch != info.epoch:
            self.counters.saves_fenced += 1
            raise DeployError(agent_id, f"fenced: epoch {epoch} is not the live one, {info.epoch}")
        node = self.ledger.node(info.node_id) if info.status is AgentStatus.READY and info.node_id else None
        if node is None or not node.reachable:
            raise DeployError(agent_id, "is not ready on a reachable node, so that its state cannot be saved")
        return node

    def next_version(self, agent_id: str, version: int | None) -> int:
        """The number of the next write; raises `DeployError` for one that is not above what is acknowledged."""
        saved = self.entries[agent_id].version if agent_id in self.entries else 0
        if version is not None and version <= saved:
            raise DeployError(agent_id, f"state version {version}: {saved} is saved already")
        return saved + 1 if version is None else version

    def targets(self, agent_id: str, home: Node, avoid: Collection[str] = ()) -> list[str]:
        """The nodes for the agent's next version, its own first, none that is to be avoided."""
        entry = self.entries.get(agent_id) or Entry()
        if entry.home == home.node_id and entry.stamp == self._stamp and not avoid:
            return list(entry.holders)
        return self._choose(entry, home, avoid)

    def acknowledge(self, agent_id: str, copy: Copy, home: Node, node_ids: list[str]) -> None:
        """The version is staged on all these nodes: it counts from now on."""
        self.context.note("state_saved", agent=agent_id, version=copy.version)  # the point of no return
        entry = self.entries.setdefault(agent_id, Entry())
        entry.version, entry.home, entry.lost = copy.version, home.node_id, False
        for node_id in node_ids:
            self.disks.settle(node_id, agent_id, copy.version)
        self._hold(agent_id, entry, node_ids)
        self.counters.states_saved += 1

    def placed(self, agent_id: str, node_id: str) -> None:
        """The agent is ready on a node: its newest state comes to it from whoever holds it."""
        entry = self.entries.get(agent_id)
        self._holds_count += 1
        if entry is None:
            return
        entry.home = node_id
        if entry.holders:
            if node_id not in entry.holders:
                source = next(iter(entry.holders))
                self.counters.states_restored += 1
                self.context.write("state_restored", agent_id, node=node_id, source=source, version=entry.version)
            self._complete(agent_id, entry)

    def node_changed(self, node: Node, change: str) -> None:
        """The ledger tells: a node `joined`, was `lost`, has `returned`, is about to have `left`, or else changed."""
        self._stamp += 1
        if change == "lost":
            self._give_up(node, "last copy")
        elif change == "left":
            self._give_up(node, "last copy" if not node.reachable else "no other node")
            self.disks.erase(node.node_id)
        elif change == "returned":
            self._ask(node)
        if node.online:
            for agent_id in list(self._short):
                self._complete(agent_id, self.entries[agent_id])

    def restarted(self, node: Node, kept_state: bool) -> None:
        """The machine has begun anew, with its disk or without."""
        if kept_state:
            return
        self.disks.erase(node.node_id)
        self._give_up(node, "its disk is gone", erased=True)

    def adopt(self, versions: Mapping[str, int], homes: Mapping[str, str]) -> None:
        """Take over what an earlier control plane acknowledged: every reachable node is asked for its copies."""
        self._holds_count += 1
        for agent_id, version in versions.items():
            self.entries[agent_id] = Entry(version, home=homes.get(agent_id, ""))
            self._short[agent_id] = None
        for node in self.ledger.nodes.values():
            if node.reachable:
                self._ask(node)
        for agent_id in list(self._short):
            self._complete(agent_id, self.entries[agent_id])
            self._report_lost(agent_id, "", "no node kept it")

    def forget(self, agent_id: str) -> None:
        """The agent is stopped for good."""
        entry = self.entries.pop(agent_id, None)
        self._holds_count += 1
        self._short.pop(agent_id, None)
        if entry is not None:
            for node_id in entry.holders:
                del self._held[node_id][agent_id]
                self.disks.drop(node_id, agent_id)

    def versions(self) -> dict[str, int]:
        """The newest acknowledged version of each agent's state."""
        return {agent_id: entry.version for agent_id, entry in self.entries.items()}

    def single_count(self) -> int:
        """States that exactly one node holds."""
        return sum(len(entry.holders) == 1 for entry in self.entries.values())

    def short_count(self) -> int:
        """States that fewer nodes hold than are asked for."""
        return len(self._short)

    def _give_up(self, node: Node, reason: str, erased: bool = False) -> None:
        """A node's copies do not count any more; a node that leaves, and can be read, is copied from first."""
        readable = node.reachable and not erased
        agents = list(self._held.get(node.node_id, {}))
        for agent_id in agents:
            entry = self.entries[agent_id]
            if readable:
                self._complete(agent_id, entry, (node.node_id,))
            if node.node_id in entry.holders:
                self._hold(agent_id, entry, [name for name in entry.holders if name != node.node_id])
            if not readable:
                self._complete(agent_id, entry)
            self._report_lost(agent_id, node.node_id, reason)

    def _report_lost(self, agent_id: str, node_id: str, reason: str) -> None:
        entry = self.entries[agent_id]
        if entry.holders or entry.lost or not self.context.config.failover_enabled:
            return  # without failover nothing was given up: it comes back with its node
        entry.lost = True
        self.counters.states_lost += 1
        self.context.write("state_lost", agent_id, node=node_id, version=entry.version, reason=reason)

    def _ask(self, node: Node) -> None:
        """A node is there (again): which of its copies are the acknowledged ones?"""
        dropped = 0
        for agent_id in self.disks.agents(node.node_id):
            entry = self.entries.get(agent_id)
            copy = None if entry is None else self.disks.settle(node.node_id, agent_id, entry.version)
            if entry is None or copy is None or copy.version != entry.version:
                self.disks.drop(node.node_id, agent_id)
                dropped += 1
                continue
            if entry.lost:
                entry.lost = False
                self.counters.states_found += 1
                self.context.write("state_found", agent_id, node=node.node_id, version=entry.version)
            self._hold(agent_id, entry, [*entry.holders, node.node_id])
            self._complete(agent_id, entry)
        if dropped:
            self.counters.states_dropped += dropped
            reason = "older than acknowledged, never acknowledged, or of a stopped agent"
            self.context.write("states_dropped", node.node_id, count=dropped, reason=reason)

    def _complete(self, agent_id: str, entry: Entry, avoid: Collection[str] = ()) -> None:
        """Copy the state to where it belongs, from whoever holds it; copies elsewhere go."""
        if not entry.holders:
            return
        copy = self.disks.read(next(iter(entry.holders)), agent_id)
        assert copy is not None and copy.version == entry.version, f"{agent_id}: a holder without its version"
        home = self.ledger.nodes.get(entry.home)
        chosen = self._choose(entry, home if home is not None and home.reachable else None, avoid)
        for node_id in chosen:
            if node_id not in entry.holders:
                self.disks.write(node_id, agent_id, copy)
                self.counters.states_copied += 1
        self._hold(agent_id, entry, chosen)

    def _choose(self, entry: Entry, home: Node | None, avoid: Collection[str] = ()) -> list[str]:
        """The best nodes: home, then new zones first, then who holds it already, then in ring order behind home."""
        wanted = self.context.config.copies
        return self._ring.choose(entry.holders, home, avoid, wanted, self._stamp)

    def _hold(self, agent_id: str, entry: Entry, node_ids: list[str]) -> None:
        self._holds_count += 1
        for name in entry.holders:
            del self._held[name][agent_id]
            if name not in node_ids and name in self.ledger.nodes and self.ledger.nodes[name].reachable:
                self.disks.drop(name, agent_id)
        entry.holders = dict.fromkeys(node_ids)
        entry.stamp = self._stamp
        for name in node_ids:
            self._held.setdefault(name, {})[agent_id] = None
        if len(node_ids) < self.context.config.copies:
            self._short[agent_id] = None
        else:
            self._short.pop(agent_id, None)

"""How one write of an agent's state comes to be acknowledged: staged on every node that is to hold it, then counted.

Without a link the copies stand at once. With one each is carried from the agent's node within `deployment_timeout`;
a node that fails is replaced by another, and a write that stands on fewer nodes than there are is not acknowledged.
Writes of one agent come one after the other. An agent that was placed elsewhere meanwhile is fenced: its epoch is old.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Protocol

from sim.contracts import Event
from sim.errors import DeployError, FleetError
from sim.scalability.manager.deployment import HOST_ERRORS
from sim.scalability.manager.disks import Copy
from sim.scalability.manager.entries import Node
from sim.scalability.manager.replication import StateStore
from sim.types.fleet import AgentStatus


class StateLink(Protocol):
    """Carries a state from one node to another; fails with `FleetError` or `OSError`."""

    async def carry(self, source: str, target: str, agent_id: str, version: int, size_bytes: int) -> None:
        """Ends once the target has it."""


class Saver:
    """Owns the writes under way."""

    def __init__(self, states: StateStore, link: StateLink | None) -> None:
        self.states, self.link = states, link
        self._saving: dict[str, Event] = {}  # agents whose write is under way; set when it has ended
        self._ready_of: tuple[int, frozenset[str]] | None = None  # changes of the ledger and nodes that `_ready` is of
        self._ready: list[str] = []

    async def save(self, agent_id: str, state: Mapping[str, Any], version: int | None, epoch: int | None) -> int:
        """Keep a new state, give its version. `version`, if given, must be above the last one.

        Raises `DeployError`: an old epoch, an agent that is not ready on a reachable node, a version that goes back, a
        state that is not JSON or over `state_bytes_max`, too few nodes that took it.
        """
        while agent_id in self._saving:
            await self._saving[agent_id].wait()
        states = self.states
        home = states.home(agent_id, epoch)
        if self.link is None:
            return self._save_now(agent_id, home, state, version)
        copy = Copy(states.next_version(agent_id, version), states.text(agent_id, state))
        self._saving[agent_id] = states.context.runtime.event()
        try:
            await self._carry(self.link, agent_id, copy, home)
        finally:
            self._saving.pop(agent_id).set()
        return copy.version

    def save_all(self, state: Mapping[str, Any], node_ids: Collection[str]) -> tuple[int, list[tuple[str, str]]]:
        """Save the same state for all ready agents on these nodes; gives how many, and who failed with what reason."""
        assert self.link is None, "what is carried takes time"
        states = self.states
        agents, ids = states.ledger.agents, self._ready_on(frozenset(node_ids))
        if ids and states.context.journal is None and states.rounds.is_last(states.changes, ids):
            states.rounds.repeat(states.text(ids[0], state))
            states.counters.states_saved += len(ids)
            return len(ids), []
        failed, text = [], ""  # the same for all, made once
        for agent_id in ids:
            try:
                home = states.home(agent_id, agents[agent_id].info.epoch)
                text = text or states.text(agent_id, state)
                self._keep(agent_id, home, Copy(states.next_version(agent_id, None), text))
            except FleetError as error:
                failed.append((agent_id, str(error)))
        if not failed:
            states.rounds.end(states.changes, ids)
        return len(ids) - len(failed), failed

    def _ready_on(self, node_ids: frozenset[str]) -> list[str]:
        """Ready agents on these nodes, oldest first; the same list until something has changed."""
        asked = (self.states.ledger.changes_count, node_ids)
        if self._ready_of != asked:
            self._ready_of, ready = asked, AgentStatus.READY
            infos = [agent.info for agent in self.states.ledger.agents.values()]
            self._ready = [info.agent_id for info in infos if info.status is ready and info.node_id in node_ids]
        return self._ready

    def _save_now(self, agent_id: str, home: Node, state: Mapping[str, Any], version: int | None) -> int:
        states = self.states
        copy = Copy(states.next_version(agent_id, version), states.text(agent_id, state))
        self._keep(agent_id, home, copy)
        return copy.version

    def _keep(self, agent_id: str, home: Node, copy: Copy) -> None:
        states = self.states
        targets = states.targets(agent_id, home)
        for node_id in targets:
            states.disks.stage(node_id, agent_id, copy)
        states.acknowledge(agent_id, copy, home, targets)

    async def _carry(self, link: StateLink, agent_id: str, copy: Copy, home: Node) -> None:
        states, disks = self.states, self.states.disks
        epoch = states.ledger.agent(agent_id).info.epoch
        failed: dict[str, str] = {}  # nodes that did not take it, and why
        limit_s = states.context.config.deployment_timeout
        touched = [home.node_id]
        disks.stage(home.node_id, agent_id, copy)
        try:
            while True:
                states.home(agent_id, epoch)  # raises once the agent is elsewhere
                targets = states.targets(agent_id, home, failed)
                missing = [name for name in targets if disks.staged(name, agent_id) is not copy]
                if not missing:
                    break
                try:
                    async with states.context.runtime.timeout(limit_s):
                        await link.carry(home.node_id, missing[0], agent_id, copy.version, len(copy.text.encode()))
                except HOST_ERRORS as error:
                    failed[missing[0]] = str(error) or type(error).__name__
                else:
                    touched.append(missing[0])
                    disks.stage(missing[0], agent_id, copy)
            if failed and len(targets) < states.context.config.copies:
                why = "; ".join(f"{name}: {problem}" for name, problem in failed.items())
                raise DeployError(agent_id, f"state version {copy.version} is not acknowledged: {why}")
            states.acknowledge(agent_id, copy, home, targets)
        finally:
            for name in touched:  # a node out of reach keeps what it has until it is asked
                if name in states.ledger.nodes and states.ledger.nodes[name].reachable:
                    disks.unstage(name, agent_id, copy)

"""Agents: what a deploy request must hold, and the bookkeeping of placement, start, stop and reservation.

A slot on the node is reserved before the first await, so that concurrent deploys never over-fill a node; whatever ends
a start early (timeout, failure, cancellation) frees it and stops the agent again.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

from sim.contracts import AgentHost, EventSink, Membership, Runtime
from sim.errors import DeployError
from sim.scalability.manager_draft.config import ManagerConfig
from sim.scalability.manager_draft.nodes import NodeEntry, NodeRegistry
from sim.scalability.manager_draft.placement import Placement
from sim.types.fleet import AgentInfo, AgentStatus


def validate_agent(config: Mapping[str, Any], name: str) -> None:
    """Raises `DeployError` naming the field; unknown fields are kept as they are."""
    for field in ("name", "type"):
        value = config.get(field)
        if not isinstance(value, str) or not value.strip():
            raise DeployError(name, f"{field}={value!r}: a text that is not empty")
    model = config.get("model")
    if model is not None and (not isinstance(model, str) or not model.strip()):
        raise DeployError(name, f"model={model!r}: a text that is not empty")
    temperature = config.get("temperature")
    if temperature is not None:
        number = isinstance(temperature, int | float) and not isinstance(temperature, bool)
        if not number or not 0.0 <= temperature <= 2.0 or math.isnan(temperature):
            raise DeployError(name, f"temperature={temperature}: a number, 0 to 2")


class Deployments:
    """Registered agents by id; tells the membership how many of a type are ready on a node."""

    def __init__(
        self,
        config: ManagerConfig,
        nodes: NodeRegistry,
        placement: Placement,
        runtime: Runtime,
        membership: Membership | None,
        events: EventSink,
    ) -> None:
        self.config, self.nodes, self.placement, self.runtime = config, nodes, placement, runtime
        self.membership, self.events = membership, events
        self.host: AgentHost | None = None
        self.agents: dict[str, AgentInfo] = {}  # at most config.agents_bound()
        self.counts: Counter[str] = Counter()  # deployed, failed, timed_out, stopped, failovers
        self.latency_s_total = 0.0
        self._serial = 0

    def admit(self, config: Mapping[str, Any]) -> AgentInfo:
        """Validate and register an agent as pending; raises `DeployError`."""
        validate_agent(config, str(config.get("name", "?")))
        if len(self.agents) >= self.config.agents_bound():
            raise DeployError(str(config["name"]), f"{len(self.agents)} agents are registered, which is the most allowed")
        self._serial += 1
        agent = AgentInfo(f"agent-{self._serial}", dict(config), str(config["type"]))
        self.agents[agent.agent_id] = agent
        return agent

    async def place(self, agent: AgentInfo) -> bool:
        """Reserve a node and start the agent on it; False when nothing has room. Raises `DeployError`."""
        entry = self.placement.choose(agent.agent_type)
        if entry is None:
            return False
        self._reserve(agent, entry)
        started_at = self.runtime.now()
        done = False
        try:
            async with self.runtime.timeout(self.config.deployment_timeout):
                if self.host is not None:
                    await self.host.start_agent(entry.info.node_id, agent.agent_id, agent.config)
            done = True
        except TimeoutError:
            self.counts["timed_out"] += 1
            raise DeployError(agent.agent_id, f"not ready within {self.config.deployment_timeout:g} s") from None
        finally:
            if not done:
                self._release(agent, entry)
                if self.host is not None:
                    await self.host.stop_agent(entry.info.node_id, agent.agent_id)
        if agent.node_id != entry.info.node_id or entry.agents.get(agent.agent_id) is None:
            return False  # the node was lost while the agent started
        self._ready(agent, entry, started_at)
        return True

    def _reserve(self, agent: AgentInfo, entry: NodeEntry) -> None:
        agent.node_id, agent.status = entry.info.node_id, AgentStatus.STARTING
        entry.agents[agent.agent_id] = agent.agent_type
        entry.info.current_load = len(entry.agents)
        self.placement.placed(entry, agent.agent_type)

    def _release(self, agent: AgentInfo, entry: NodeEntry) -> None:
        if entry.agents.pop(agent.agent_id, None) is not None:
            entry.info.current_load = len(entry.agents)
            self.placement.unplaced(entry, agent.agent_type)
        agent.node_id, agent.status = None, AgentStatus.PENDING

    def _ready(self, agent: AgentInfo, entry: NodeEntry, started_at: float) -> None:
        now = self.runtime.now()
        agent.status, agent.ready_at = AgentStatus.READY, now
        agent.deployed_at = started_at
        entry.ready[agent.agent_type] += 1
        self.counts["deployed"] += 1
        self.latency_s_total += now - started_at
        self._tell(entry, agent.agent_type)
        self.events.write(now, "agent_ready", agent.agent_id, node=entry.info.node_id, type=agent.agent_type)

    def _tell(self, entry: NodeEntry, agent_type: str) -> None:
        if self.membership is not None:
            self.membership.agents_changed(entry.info.node_id, agent_type, entry.ready[agent_type])

    def lose(self, agent: AgentInfo, entry: NodeEntry, reason: str) -> None:
        """The agent is no longer on the node (which may be dead): it is pending again."""
        if agent.status is AgentStatus.READY:
            entry.ready[agent.agent_type] -= 1
            self._tell(entry, agent.agent_type)
        self._release(agent, entry)
        self.events.write(self.runtime.now(), "agent_lost", agent.agent_id, node=entry.info.node_id, reason=reason)

    async def stop(self, agent_id: str, reason: str) -> None:
        """Stop an agent and forget it; raises `DeployError` for an unknown one."""
        agent = self.agents.get(agent_id)
        if agent is None:
            raise DeployError(agent_id, "is not deployed")
        node_id = agent.node_id
        if node_id is not None:
            self.lose(agent, self.nodes.get(node_id), reason)
        self.forget(agent)
        self.counts["stopped"] += 1
        if node_id is not None and self.host is not None:
            await self.host.stop_agent(node_id, agent_id)

    def forget(self, agent: AgentInfo) -> None:
        """Take an agent off the books."""
        agent.status = AgentStatus.STOPPED
        self.agents.pop(agent.agent_id, None)

    def pending(self) -> list[AgentInfo]:
        """Agents that wait for room, oldest first."""
        return [agent for agent in self.agents.values() if agent.status is AgentStatus.PENDING]

"""A manager and a provider of machines that obey a script, with the calls that the actuator makes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sim.contracts import Runtime
from sim.errors import DeployError, FleetError, NodeError
from sim.types.fleet import AgentInfo, AgentStatus, NodeInfo, NodeStatus


class FakeProvider:
    """Machines m-0, m-1, ... after `provide_s`; notes who was released."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.provide_s = self.release_s = 0.0
        self.given = 0
        self.released: list[str] = []

    async def provide(self) -> NodeInfo:
        await self.runtime.sleep(self.provide_s)
        self.given += 1
        return NodeInfo(f"m-{self.given - 1}", "127.0.0.1", 8080)

    async def drained(self, node_id: str) -> None:
        """Nothing runs."""

    async def release(self, node_id: str) -> None:
        await self.runtime.sleep(self.release_s)
        self.released.append(node_id)


class FakeManager:
    """Nodes and agents in dicts; agents start in `start_s`, all but those whose number is in `failing`."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.nodes: dict[str, NodeInfo] = {}
        self.agents: dict[str, AgentInfo] = {}
        self.start_s = 0.0
        self.failing: set[int] = set()
        self.bug = self.full = False
        self.busy = ""  # a node that somebody drains
        self.pending: list[str] = []  # types that wait for a place
        self.removals: list[tuple[str, bool, float]] = []

    async def register_node(self, node: NodeInfo) -> bool:
        if self.full:
            raise NodeError(node.node_id, "the fleet is full")
        self.nodes[node.node_id] = node
        while self.pending:
            self._agent(self.pending.pop(0), node.node_id)
        return True

    def _agent(self, agent_type: str, node_id: str) -> str:
        name = f"agent-{len(self.agents)}"
        self.agents[name] = AgentInfo(name, {}, agent_type, node_id, AgentStatus.READY)
        return name

    async def deploy_agent(self, config: Mapping[str, Any], *, node_id: str) -> str:
        if self.bug:
            raise ZeroDivisionError
        number = int(config["name"].rsplit("-", 1)[1])
        await self.runtime.sleep(self.start_s)
        if number in self.failing:
            raise DeployError(config["name"], "did not start")
        return self._agent(str(config["type"]), node_id)

    async def remove_node(self, node_id: str, *, stop_agents: bool, drain_s: float, reason: str) -> None:
        if node_id not in self.nodes:
            raise NodeError(node_id, "is not registered")
        if node_id == self.busy:
            raise NodeError(node_id, "is being removed already")
        self.nodes[node_id].status = NodeStatus.DRAINING
        self.removals.append((node_id, stop_agents, drain_s))
        await self.runtime.sleep(drain_s)
        if self.full:
            raise FleetError("its host does not answer")
        del self.nodes[node_id]
        for name in [name for name, agent in self.agents.items() if agent.node_id == node_id]:
            del self.agents[name]

    def node_statuses(self) -> dict[str, NodeStatus]:
        return {node_id: node.status for node_id, node in self.nodes.items()}

    def list_agents(self, *, node_id: str) -> list[AgentInfo]:
        return [agent for agent in self.agents.values() if agent.node_id == node_id]

    def ready_count(self, node_id: str, agent_type: str) -> int:
        there = self.list_agents(node_id=node_id)
        return sum(agent.agent_type == agent_type and agent.status is AgentStatus.READY for agent in there)

    def ready_agents(self, node_id: str) -> int:
        return len(self.list_agents(node_id=node_id))

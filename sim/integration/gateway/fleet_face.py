"""Nodes and agents over REST: every call goes to the real manager, and what it refuses becomes a problem."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from fastapi import Request, Response

from sim.errors import DeployError, NodeError
from sim.integration.gateway.face import Entry, told
from sim.integration.gateway.kinds import ADMIN, OPERATE, READ
from sim.integration.gateway.models import AgentIn, AgentOut, DrainIn, Name, NodeIn, NodeOut
from sim.integration.gateway.ports import FleetManager
from sim.integration.gateway.problem import Problem
from sim.integration.gateway.redact import redact
from sim.types.fleet import AgentInfo, AgentStatus, NodeInfo

BY_REST = "asked for over the API"


class FleetFace:
    """`manager()` gives the manager, or None while there is none."""

    def __init__(self, manager: Callable[[], FleetManager | None]) -> None:
        self._manager = manager

    def entries(self) -> list[Entry]:
        """All endpoints."""
        node, agent = "/v1/nodes/{node_id}", "/v1/agents/{agent_id}"
        return [
            Entry("GET", "/v1/nodes", READ, self.list_nodes, "All nodes, oldest first", list[NodeOut]),
            Entry("POST", "/v1/nodes", ADMIN, self.add_node, "Register a node", NodeOut, 201, (409,)),
            Entry("GET", node, READ, self.get_node, "One node", NodeOut, problems=(404,)),
            Entry("DELETE", node, ADMIN, self.remove_node, "Move its agents and let it go", None, 204, (404, 409)),
            Entry("POST", f"{node}/drain", OPERATE, self.drain_node, "Get everything off it", NodeOut, 200, (404, 409)),
            Entry("GET", "/v1/agents", READ, self.list_agents, "All agents, oldest first", list[AgentOut]),
            Entry("POST", "/v1/agents", OPERATE, self.add_agent, "Place and start an agent", AgentOut, 201, (404, 409)),
            Entry("GET", agent, READ, self.get_agent, "One agent", AgentOut, problems=(404,)),
            Entry("DELETE", agent, OPERATE, self.remove_agent, "Stop it and free its place", None, 204, (404, 409)),
        ]  # fmt: skip

    @property
    def manager(self) -> FleetManager:
        """The manager; raises `Problem` 503 without one."""
        found = self._manager()
        if found is None:
            raise Problem(503, "no manager is connected to this gateway")
        return found

    async def list_nodes(self, request: Request) -> Response:
        return told([node_dict(info) for info in self.manager.list_nodes()])

    async def get_node(self, request: Request, node_id: Name) -> Response:
        return told(node_dict(self._node(node_id)))

    async def add_node(self, request: Request, node: NodeIn) -> Response:
        manager = self.manager
        info = NodeInfo(node.node_id, node.host, node.port, capacity=node.capacity, metadata=dict(node.metadata))
        await _refusable(manager.register_node(info))
        return told(node_dict(manager.get_node(node.node_id)), 201)

    async def remove_node(self, request: Request, node_id: Name) -> Response:
        self._node(node_id)
        await _refusable(self.manager.remove_node(node_id, reason=BY_REST))
        return Response(status_code=204)

    async def drain_node(self, request: Request, node_id: Name, how: DrainIn | None = None) -> Response:
        self._node(node_id)
        await _refusable(self.manager.drain_node(node_id, None if how is None else how.deadline_s, reason=BY_REST))
        return told(node_dict(self._node(node_id)))

    async def list_agents(self, request: Request) -> Response:
        return told([agent_dict(info) for info in self.manager.list_agents()])

    async def get_agent(self, request: Request, agent_id: Name) -> Response:
        return told(agent_dict(self._agent(agent_id)))

    async def add_agent(self, request: Request, agent: AgentIn) -> Response:
        manager = self.manager
        if agent.node_id is not None:
            self._node(agent.node_id)
        config = agent.model_dump(exclude={"node_id"}, exclude_none=True)
        agent_id = await _refusable(manager.deploy_agent(config, agent.node_id))
        return told(agent_dict(manager.get_agent(agent_id)), 201)

    async def remove_agent(self, request: Request, agent_id: Name) -> Response:
        self._agent(agent_id)
        await _refusable(self.manager.undeploy_agent(agent_id))
        return Response(status_code=204)

    def _node(self, node_id: str) -> NodeInfo:
        try:
            return self.manager.get_node(node_id)
        except NodeError:
            raise Problem(404, "no such node") from None

    def _agent(self, agent_id: str) -> AgentInfo:
        """A live one; who was stopped is remembered by the manager, not served."""
        try:
            info = self.manager.get_agent(agent_id)
        except DeployError:
            raise Problem(404, "no such agent") from None
        if info.status is AgentStatus.STOPPED:
            raise Problem(404, "no such agent")
        return info


async def _refusable(call: Any) -> Any:
    """What the manager refuses is a conflict with the fleet as it is."""
    try:
        return await call
    except (NodeError, DeployError) as error:
        raise Problem(409, redact(str(error))) from error


def node_dict(info: NodeInfo) -> dict[str, Any]:
    """A node as JSON."""
    return {**dataclasses.asdict(info), "status": info.status.value}


def agent_dict(info: AgentInfo) -> dict[str, Any]:
    """An agent as JSON."""
    return {**dataclasses.asdict(info), "status": info.status.value}

"""The books of the fleet: the one writer of node and agent records, of their counts and of what the balancer hears.

At every instant placed (starting or ready) + pending + stopped = registered agents, and a node's load is at most its
capacity. Every call is synchronous, so that no await lies between a decision and its entry.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from sim.errors import DeployError, NodeError
from sim.scalability.manager.context import Context
from sim.scalability.manager.entries import Agent, Node
from sim.scalability.manager.placement import Placement
from sim.types.fleet import AgentInfo, AgentStatus, NodeInfo, NodeStatus

_EVENTS = {status: f"agent_{status.value}" for status in AgentStatus}


class Ledger:
    """Nodes by id in birth order, live agents by id, pending agents in order of waiting."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.placement = Placement()
        self.nodes: dict[str, Node] = {}
        self.agents: dict[str, Agent] = {}
        self.pending: dict[str, Agent] = {}
        self.stopped: deque[AgentInfo] = deque(maxlen=context.config.stopped_max)
        self.agents_count = dict.fromkeys(AgentStatus, 0)  # STOPPED counts all that ever stopped
        self.registered_count = 0
        self.births_count = 0
        self.on_room: Callable[[], None] = _nobody
        self.on_stopped: Callable[[str], None] = _nothing  # an agent's state goes with it

    def node(self, node_id: str) -> Node:
        """The node; raises `NodeError` if it is unknown."""
        try:
            return self.nodes[node_id]
        except KeyError:
            raise NodeError(node_id, "is not registered") from None

    def agent(self, agent_id: str) -> Agent:
        """The live agent; raises `DeployError` if it is unknown or stopped."""
        try:
            return self.agents[agent_id]
        except KeyError:
            raise DeployError(agent_id, "is not deployed") from None

    def join(self, node: Node) -> None:
        """A node enters the books and the balancer."""
        context = self.context
        speed = float(node.info.metadata.get("speed", 1.0))
        context.membership.node_joined(node.node_id, speed)
        self.nodes[node.node_id] = node
        self.births_count += 1
        self.placement.join(node)
        if not node.online:
            context.membership.set_eligible(node.node_id, False)

    def leave(self, node: Node) -> None:
        """An empty node leaves the books and the balancer."""
        assert not node.agents, f"{node.node_id} leaves with agents"
        node.gone = True
        del self.nodes[node.node_id]
        self.placement.leave(node)
        self.context.membership.node_left(node.node_id)

    def set_status(self, node: Node, reason: str) -> None:
        """Bring the status up to what was wanted and heard of the node."""
        new = NodeStatus.OFFLINE if node.silent else node.wanted
        old = node.info.status
        if new is old:
            return
        node.info.status = new
        self.context.write("node_status", node.node_id, old=old.value, new=new.value, reason=reason)
        if NodeStatus.ONLINE in (old, new):
            self.context.membership.set_eligible(node.node_id, new is NodeStatus.ONLINE)
        self.placement.touch(node)
        if new is NodeStatus.ONLINE:
            self.on_room()

    def set_capacity(self, node: Node, capacity: int) -> None:
        """A new number of places; raises `NodeError` when more are taken."""
        if capacity < node.load:
            raise NodeError(node.node_id, f"capacity={capacity}: {node.load} agents are on it")
        node.info.capacity = capacity
        self.placement.touch(node)
        self.on_room()

    def set_reported_load(self, node: Node, load: int) -> None:
        """What the node says it runs; more than we placed is foreign and takes places."""
        foreign = max(0, load - node.placed - len(node.orphans))
        if foreign != node.foreign:
            node.foreign = foreign
            self.placement.touch(node)
            self.on_room()

    def admit(self, config: dict[str, Any]) -> Agent:
        """A new agent, pending; raises `DeployError` when there are as many agents or types as are allowed."""
        limits = self.context.config
        name, agent_type = str(config["name"]), str(config["type"])
        if len(self.agents) >= limits.agents_limit:
            raise DeployError(name, f"agents_max={limits.agents_limit} agents are deployed or pending already")
        if not self.placement.knows(agent_type) and self.placement.types_count() >= limits.agent_types_max:
            raise DeployError(name, f"type {agent_type!r} is one more than agent_types_max={limits.agent_types_max}")
        self.registered_count += 1
        agent = Agent(AgentInfo(f"agent-{self.registered_count}", config, agent_type), busy=True)
        self.agents[agent.info.agent_id] = agent
        self.agents_count[AgentStatus.PENDING] += 1
        return agent

    def take(self, agent: Agent, node: Node) -> None:
        """The agent holds a place on the node from now on."""
        assert node.free > 0, f"{node.node_id} is full"
        kind = agent.info.agent_type
        node.placed += 1
        node.by_type[kind] = node.by_type.get(kind, 0) + 1
        node.agents[agent.info.agent_id] = agent
        self.placement.place(node, kind, 1)

    def free(self, agent: Agent, node: Node) -> None:
        """The agent gives its place back; who waits for room is told."""
        self._drop(agent, node)
        self.on_room()

    def strand(self, agent: Agent, node: Node) -> None:
        """The agent left the books of a node that may still run it: its place stays taken until a stop is confirmed."""
        node.orphans[agent.info.agent_id] = None
        self._drop(agent, node)

    def clear_orphan(self, node: Node, agent_id: str) -> None:
        """The node has stopped what it still ran of an agent."""
        del node.orphans[agent_id]
        self.placement.touch(node)
        self.on_room()

    def _drop(self, agent: Agent, node: Node) -> None:
        kind = agent.info.agent_type
        node.placed -= 1
        node.by_type[kind] -= 1
        del node.agents[agent.info.agent_id]
        self.placement.place(node, kind, -1)

    def add_ready(self, agent: Agent, node: Node, change: int) -> None:
        """One more (1) or one less (-1) agent of its type answers on the node; the balancer hears first."""
        kind = agent.info.agent_type
        count = node.ready.get(kind, 0) + change
        self.context.membership.agents_changed(node.node_id, kind, count)
        node.ready[kind] = count

    def set_agent(self, agent: Agent, status: AgentStatus, node: Node | None, reason: str) -> None:
        """Note where the agent is in its life; a pending one waits for room, a stopped one leaves the live books."""
        info = agent.info
        self.agents_count[info.status] -= 1
        self.agents_count[status] += 1
        info.status = status
        info.node_id = None if node is None else node.node_id
        now = self.context.now()
        if status is AgentStatus.STARTING:
            info.deployed_at = now
            self.pending.pop(info.agent_id, None)
        elif status is AgentStatus.READY:
            info.ready_at = now
            agent.attempts = 0
        elif status is AgentStatus.PENDING:
            self.pending[info.agent_id] = agent
        else:
            self.pending.pop(info.agent_id, None)
            del self.agents[info.agent_id]
            self.stopped.append(agent.snapshot())
            self.on_stopped(info.agent_id)
        self.context.events.write(now, _EVENTS[status], info.agent_id, node=info.node_id or "", reason=reason)


def begin(agent: Agent) -> None:
    """One coroutine starts to work on the agent."""
    assert not agent.busy, f"{agent.info.agent_id} is busy"
    agent.busy = True


def end(agent: Agent) -> None:
    """That coroutine is done; who waited goes on."""
    agent.busy = False
    if agent.settled is not None:
        agent.settled.set()
        agent.settled = None


def _nobody() -> None:
    """Room appeared and nothing waits for it."""


def _nothing(agent_id: str) -> None:
    """An agent stopped and nobody kept anything for it."""


def new_node(info: NodeInfo, birth: int, zone: str, now: float) -> Node:
    """The record of a node that was just heard of."""
    return Node(info, birth, zone, heard_at=now, wanted=info.status, foreign=info.current_load)

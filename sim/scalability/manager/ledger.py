"""The books of the fleet: the one writer of node and agent records, of their counts and of what the balancer hears.

At every instant placed (starting or ready) + pending + stopped = registered agents, and a node's load is at most its
capacity. Each place an agent is given has an epoch of its own, above all earlier ones of that agent; `is_current` names
the one body that counts. Every call is synchronous and journaled, so that no await lies between a decision and its
entry.
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
        self.epochs_count = 0  # of nodes
        self.changes_count = 0  # of nodes and agents: which there are, where, and what answers
        self.on_room: Callable[[], None] = _nobody
        self.on_stopped: Callable[[str], None] = _nothing  # an agent's state goes with it
        self.on_node: Callable[[Node, str], None] = _unheard  # joined lost returned left changed

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
        facts = {name: getattr(node.info, name) for name in ("host", "port", "capacity")}
        facts["metadata"] = node.info.metadata
        epoch = self.epochs_count + 1
        try:
            context.note(
                "node_registered",
                node=node.node_id,
                facts=facts,
                birth=node.birth,
                epoch=epoch,
                wanted=node.wanted.value,
                foreign=node.foreign,
            )
        except (TypeError, ValueError) as error:
            raise NodeError(node.node_id, f"its metadata is not JSON, which the journal keeps: {error}") from error
        context.membership.node_joined(node.node_id, speed)
        self.nodes[node.node_id] = node
        self.births_count = node.birth + 1
        node.epoch = self.epochs_count = epoch
        node.noted = (node.wanted, False)
        self.changes_count += 1
        self.placement.join(node)
        self._tell(node)
        self.on_node(node, "joined")

    def leave(self, node: Node) -> None:
        """An empty node leaves the books and the balancer."""
        assert not node.agents, f"{node.node_id} leaves with agents"
        self.on_node(node, "left")
        self.context.note("node_left", node=node.node_id)
        node.gone = True
        self.changes_count += 1
        del self.nodes[node.node_id]
        self.placement.leave(node)
        self.context.membership.node_left(node.node_id)

    def set_status(self, node: Node, reason: str) -> None:
        """Bring the status up to what was wanted and heard of the node."""
        new = NodeStatus.OFFLINE if node.silent else node.wanted
        old = node.info.status
        if node.noted != (node.wanted, node.silent):
            node.noted = (node.wanted, node.silent)
            self.context.note("node_status", node=node.node_id, wanted=node.wanted.value, silent=node.silent)
        if new is old:
            self._tell(node)
            return
        node.info.status = new
        self.changes_count += 1
        self.context.write("node_status", node.node_id, old=old.value, new=new.value, reason=reason)
        self._tell(node)
        self.placement.touch(node)
        reach = {(False, True): "returned", (True, False): "lost"}
        self.on_node(node, reach.get((old is not NodeStatus.OFFLINE, new is not NodeStatus.OFFLINE), "changed"))
        if new is NodeStatus.ONLINE:
            self.on_room()

    def _tell(self, node: Node) -> None:
        """Whether it may be picked; a silent node that drains or is under maintenance not even in a panic."""
        told = (node.online, node.silent and node.wanted is NodeStatus.ONLINE)
        if told != node.told:
            node.told = told
            self.context.membership.set_eligible(node.node_id, told[0], silent=told[1])

    def fence(self, node: Node, reason: str) -> None:
        """The node's agents go to others: what was sent to it has failed, and nothing it still answers counts."""
        node.epoch = self.epochs_count = self.epochs_count + 1
        self.changes_count += 1
        self.context.note("node_fenced", node=node.node_id, epoch=node.epoch)
        self.context.membership.fence(node.node_id)
        self.context.write("node_fenced", node.node_id, epoch=node.epoch, reason=reason)

    def is_current(self, agent_id: str, node_id: str, epoch: int) -> bool:
        """Whether the agent's body of that epoch on that node is the one that counts."""
        agent = self.agents.get(agent_id)
        return agent is not None and (agent.info.node_id, agent.info.epoch) == (node_id, epoch)

    def set_facts(self, node: Node, facts: dict[str, Any]) -> None:
        """Host, port, metadata and figures as the user gives them now; raises `NodeError` if they are not JSON."""
        kept = {name: value for name, value in facts.items() if name in ("host", "port", "metadata")}
        try:
            self.context.note("node_updated", node=node.node_id, facts=kept)
        except (TypeError, ValueError) as error:
            raise NodeError(node.node_id, f"its metadata is not JSON, which the journal keeps: {error}") from error
        for name, value in facts.items():
            setattr(node.info, name, value)

    def set_capacity(self, node: Node, capacity: int) -> None:
        """A new number of places; raises `NodeError` when more are taken."""
        if capacity < node.load:
            raise NodeError(node.node_id, f"capacity={capacity}: {node.load} agents are on it")
        self.context.note("node_updated", node=node.node_id, facts={"capacity": capacity})
        node.info.capacity = capacity
        self.placement.touch(node)
        self.on_room()

    def set_reported_load(self, node: Node, load: int) -> None:
        """What the node says it runs; more than we placed is foreign and takes places."""
        foreign = max(0, load - node.placed - len(node.orphans))
        if foreign != node.foreign:
            self.context.note("node_foreign", node=node.node_id, count=foreign)
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
        agent_id = f"agent-{self.registered_count + 1}"
        try:
            self.context.note("agent_admitted", agent=agent_id, config=config)
        except (TypeError, ValueError) as error:
            raise DeployError(name, f"its config is not JSON, which the journal keeps: {error}") from error
        self.registered_count += 1
        agent = Agent(AgentInfo(agent_id, config, agent_type), busy=True)
        self.agents[agent.info.agent_id] = agent
        self.agents_count[AgentStatus.PENDING] += 1
        return agent

    def take(self, agent: Agent, node: Node) -> None:
        """The agent holds a place on the node from now on, under a new epoch."""
        assert node.free > 0, f"{node.node_id} is full"
        agent.epoch_last += 1
        self.context.note("place_taken", agent=agent.info.agent_id, node=node.node_id, epoch=agent.epoch_last)
        self.put(agent, node, agent.epoch_last)

    def put(self, agent: Agent, node: Node, epoch: int) -> None:
        """The agent holds a place on the node; not journaled."""
        kind = agent.info.agent_type
        node.placed += 1
        node.by_type[kind] = node.by_type.get(kind, 0) + 1
        node.agents[agent.info.agent_id] = agent
        node.epochs[agent.info.agent_id] = epoch
        self.placement.place(node, kind, 1)

    def free(self, agent: Agent, node: Node) -> None:
        """The agent gives its place back; who waits for room is told."""
        self.context.note("place_freed", agent=agent.info.agent_id, node=node.node_id)
        self._drop(agent, node)
        self.on_room()

    def strand(self, agent: Agent, node: Node) -> None:
        """The agent left the books of a node that may still run it: its place stays taken until a stop is confirmed."""
        agent_id = agent.info.agent_id
        self.context.note("place_stranded", agent=agent_id, node=node.node_id)
        node.orphans[agent_id] = node.epochs[agent_id]
        self._drop(agent, node)

    def clear_orphan(self, node: Node, agent_id: str) -> None:
        """The node has stopped what it still ran of an agent."""
        self.context.note("orphan_stopped", agent=agent_id, node=node.node_id)
        del node.orphans[agent_id]
        self.placement.touch(node)
        self.on_room()

    def _drop(self, agent: Agent, node: Node) -> None:
        kind = agent.info.agent_type
        node.placed -= 1
        node.by_type[kind] -= 1
        del node.agents[agent.info.agent_id]
        del node.epochs[agent.info.agent_id]
        self.placement.place(node, kind, -1)

    def add_ready(self, agent: Agent, node: Node, change: int) -> None:
        """One more (1) or one less (-1) agent of its type answers on the node; the balancer hears first."""
        kind = agent.info.agent_type
        count = node.ready.get(kind, 0) + change
        self.changes_count += 1
        self.context.membership.agents_changed(node.node_id, kind, count)
        node.ready[kind] = count

    def set_leaving(self, agent: Agent, then: AgentStatus) -> None:
        """The agent's only body is about to be stopped; `then` it waits or is gone."""
        self.context.note("agent_leaving", agent=agent.info.agent_id, then=then.value)
        agent.leaving = then

    def set_agent(self, agent: Agent, status: AgentStatus, node: Node | None, reason: str) -> None:
        """Note where the agent is in its life; a pending one waits for room, a stopped one leaves the live books."""
        info = agent.info
        now, node_id = self.context.now(), None if node is None else node.node_id
        epoch = info.epoch if node is None else node.epochs[info.agent_id]
        self.context.note("agent_changed", agent=info.agent_id, status=status.value, node=node_id, epoch=epoch, at=now)
        self.changes_count += 1
        self.agents_count[info.status] -= 1
        self.agents_count[status] += 1
        info.status, info.node_id, info.epoch = status, node_id, epoch
        agent.leaving = None
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
        self.context.events.write(now, _EVENTS[status], info.agent_id, node=node_id or "", epoch=epoch, reason=reason)


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


def _unheard(node: Node, change: str) -> None:
    """A node changed and nobody keeps anything there."""


def _nothing(agent_id: str) -> None:
    """An agent stopped and nobody kept anything for it."""


def new_node(info: NodeInfo, birth: int, zone: str, now: float) -> Node:
    """The record of a node that was just heard of."""
    return Node(info, birth, zone, heard_at=now, wanted=info.status, foreign=info.current_load)

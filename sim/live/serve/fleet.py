"""The real control plane over nodes that are connected: what `sim.bench.fire` is to a simulated fleet.

manager -> EligibleSet -> relay (who waits, connections) -> Balancer. Orders to agents, checks and attempts go over the
nodes' connections. A node that comes back is told which agents are its own under which epoch (`agents`), so that both
sides agree before it is picked again; one that was given up meanwhile comes back empty. A fence closes the connection:
what the node still does belongs to a session that is over. Implements `AgentHost`, `Prober` and `LinkListener`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from sim.bench.fire import health_params, slow_start_params
from sim.bench.fleet_shape import FleetShape
from sim.bench.params import copy
from sim.bench.rules import check_requests, make_rules, request_params
from sim.bench.schema import Config
from sim.contracts import EventSink, Runtime
from sim.errors import DeployError, FleetError, NodeError
from sim.live.link.frames import Message
from sim.live.serve.attempts import Attempts
from sim.live.serve.links import Links, NodeLink
from sim.live.serve.load_view import LiveLoad
from sim.live.serve.probes import Probes
from sim.live.serve.relay import Relay
from sim.live.serve.requests import LiveRequests
from sim.runtime.draws import CounterDraws
from sim.scalability.balancer.balancer import make_balancer
from sim.scalability.balancer.params import BalancerParams
from sim.scalability.health.breaker import Breaker
from sim.scalability.health.ejection import Ejection
from sim.scalability.health.eligible import EligibleSet
from sim.scalability.health.outcomes import make_hub
from sim.scalability.health.params import BreakerParams
from sim.scalability.health.watch import make_watch
from sim.scalability.manager import DistributedManager
from sim.scalability.manager.journal import JournalSink
from sim.types.fleet import AgentStatus, NodeInfo

MODEL = "live"
TYPES_SPARE = 64  # names of unknown types that a manager may have heard of


class LiveFleet:
    """`start` begins the loops once the sockets are there. Raises `ConfigError` for what cannot run."""

    def __init__(
        self, config: Config, runtime: Runtime, events: EventSink, links: Links, journal: JournalSink,
        shape: FleetShape, nodes_max: int, external_joins: bool = True,
    ) -> None:  # fmt: skip
        self.config, self.runtime, self.events, self.links, self.shape = config, runtime, events, links, shape
        self.external_joins, self.nodes_max = external_joins, nodes_max
        self.own: dict[str, asyncio.Event] = {}  # nodes of the provider; set once they have joined
        self.release_own: Callable[[str], None] = _nobody_of
        links.listener = self
        health, draws = health_params(config), CounterDraws(config.seed, 0)
        slots_max = nodes_max * len(shape.types)
        self.balancer = make_balancer(
            copy(BalancerParams, config.balancer), shape.types, slots_max, slow_start_params(config, runtime.now)
        )
        relay = Relay(self.balancer, self._changed, self._fenced, self._left)
        self.eligible = EligibleSet(relay, runtime, events, health.panic_ratio)
        self.ejection, hub = None, None
        if health.ejection.enabled:
            self.ejection = Ejection(health.ejection, slots_max, self.eligible, runtime, events, draws)
        breaker = None
        if config.breaker.enabled:
            breaker = Breaker(copy(BreakerParams, config.breaker), slots_max, self.eligible, runtime, events)
        hub = make_hub(self.ejection, breaker)
        if hub is not None:
            self.balancer.slot_listeners.append(hub.slot_added)
        check_requests(config)
        self.on_demand: Callable[[], None] = _nobody
        rules = make_rules(request_params(config), hub, lambda: self.on_demand())
        attempts = Attempts(runtime, self.balancer, hub, links.by_node.get, slots_max)
        self.probes = Probes(runtime, draws, self.balancer, links)
        self.requests = LiveRequests(
            runtime, draws, self.balancer, attempts, rules, shape.types, config.balancer.queue_max, self.probes.ask
        )
        self.load = LiveLoad(self.balancer, self.requests)
        watch = make_watch(health, draws, self)
        if self.ejection is not None and health.ejection.readmit_on_check:
            watch.passed_listeners.append(self.ejection.check_passed)
        parts: dict[str, Any] = {
            "runtime": runtime, "membership": self.eligible, "host": self, "events": events, "watch": watch,
        }  # fmt: skip
        self.restored = len(journal) > 0
        settings = self._manager_settings()
        if self.restored:
            self.manager = DistributedManager.restore(journal, settings, **parts)
        else:
            self.manager = DistributedManager(settings, journal=journal, **parts)
        for info in self.manager.list_nodes():  # they were members, and none is connected yet
            self.eligible.exclude(info.node_id, "connection", "not connected since the control plane began")

    def _manager_settings(self) -> dict[str, Any]:
        config, failover, health = self.config, self.config.failover, self.config.health
        return {
            "load_balancing_strategy": config.balancer.kind, "max_nodes": self.nodes_max, "min_nodes": 0,
            "auto_scaling": False, "failover_enabled": failover.enabled,
            "data_replication": failover.enabled and failover.copies_min > 0,
            "copies_min": max(failover.copies_min, 1), "health_check_interval": health.interval_s,
            "node_timeout": health.node_timeout_s, "deployment_timeout": failover.deployment_timeout_s,
            "agents_max": self.nodes_max * self.shape.capacity,
            "agent_types_max": len(self.shape.types) + TYPES_SPARE,
        }  # fmt: skip

    async def start(self) -> None:
        """The loops of the control plane."""
        await self.manager.start()
        self.probes.start()
        if self.ejection is not None:
            self.runtime.spawn(self.ejection.run(), "ejection")

    # What nodes tell

    def refusal(self, node_id: str) -> str:
        """Why a node that proved itself is not wanted."""
        if node_id in self.own or node_id in self.manager.node_statuses():
            return ""
        if not self.external_joins:
            return f"{node_id} is not known here"
        return "" if len(self.manager.node_statuses()) < self.nodes_max else f"there are {self.nodes_max} nodes"

    async def joined(self, link: NodeLink) -> None:
        """A node has connected: it gets its agents, then requests."""
        node_id = link.node_id
        try:
            if node_id in self.manager.node_statuses():
                await self._resume(link)
            elif node_id in self.own:
                link.ready.set()
            else:
                await self.manager.register_node(self.describe(node_id))
                link.ready.set()
                await self.deploy_standard(node_id)
            if node_id in self.own:
                self.own[node_id].set()
        except (FleetError, OSError) as error:
            reason = str(error) or type(error).__name__
            self.events.write(self.runtime.now(), "join_failed", node_id, reason=reason)
            if node_id not in self.manager.node_statuses() or not link.ready.is_set():
                link.exchange.close()

    async def _resume(self, link: NodeLink) -> None:
        """The node has exactly the agents that are ready on it in our books."""
        node_id = link.node_id
        agents = [
            [info.agent_id, info.agent_type, info.epoch]
            for info in self.manager.list_agents(node_id=node_id, status=AgentStatus.READY)
        ]
        answer = await link.exchange.ask("agents", self.config.server.order_s, agents=agents)
        if "error" in answer:
            raise NodeError(node_id, str(answer["error"]))
        link.ready.set()
        self.events.write(self.runtime.now(), "node_connected", node_id, agents=len(agents))
        self.manager.heartbeat(node_id)
        self.eligible.include(node_id, "connection")

    async def deploy_standard(self, node_id: str) -> None:
        """The agents of a standard node, as far as they are missing and fit."""
        here = [info.agent_type for info in self.manager.list_agents(node_id=node_id)]
        free = self.manager.get_node(node_id).capacity - len(here)
        link = self.links.by_node.get(node_id)
        for agent_type, count in self.shape.agents.items():
            if link is None or agent_type not in link.types:
                continue
            for number in range(min(count - here.count(agent_type), free)):
                name = f"{agent_type}-{node_id}-{number}"
                await self.manager.deploy_agent({"name": name, "type": agent_type, "model": MODEL}, node_id)
                free -= 1

    def beat(self, link: NodeLink, message: Message) -> None:
        """A heartbeat: a sign of life, with the node's load."""
        self.load.heard(link.node_id, link.incarnation, link.load)
        if not link.ready.is_set():
            return
        with suppress(NodeError):  # not registered yet, or removed already
            self.manager.heartbeat(
                link.node_id, at=message.get("at"), cpu_usage=message.get("cpu"), memory_usage=message.get("memory")
            )

    def leaving(self, link: NodeLink) -> None:
        """The node asks to be let go."""
        self.runtime.spawn(self._leave(link.node_id), f"leave {link.node_id}")

    async def _leave(self, node_id: str) -> None:
        try:
            drain_s = self.config.autoscaler.drain_s
            await self.manager.remove_node(node_id, drain_s=drain_s, reason="it asked to be let go")
        except (FleetError, OSError) as error:
            self.events.write(self.runtime.now(), "leave_failed", node_id, reason=str(error) or type(error).__name__)
            self.let_go(node_id)

    def lost(self, link: NodeLink, reason: str) -> None:
        """A connection ended, and with it every attempt over it."""
        self.events.write(self.runtime.now(), "node_disconnected", link.node_id, reason=reason)
        self.eligible.exclude(link.node_id, "connection", reason)

    # What the control plane asks of nodes

    async def start_agent(self, node_id: str, agent_id: str, config: dict[str, Any], epoch: int = 0) -> None:
        """Have a node run an agent; raises `DeployError`, ConnectionError, TimeoutError."""
        if config["type"] not in self.shape.types:
            raise DeployError(agent_id, f"type {config['type']!r}: accepted is one of {', '.join(self.shape.types)}")
        answer = await self._order(node_id, "start", agent=agent_id, type=config["type"], epoch=epoch)
        if "error" in answer:
            raise DeployError(agent_id, str(answer["error"]))

    async def stop_agent(self, node_id: str, agent_id: str) -> None:
        """Have a node stop an agent; raises ConnectionError, TimeoutError."""
        await self._order(node_id, "stop", agent=agent_id)

    async def _order(self, node_id: str, op: str, **fields: object) -> Message:
        link = self._link(node_id)
        async with self.runtime.timeout(self.config.server.order_s):
            await link.ready.wait()
            return await link.exchange.ask(op, None, **fields)

    async def probe(self, node_id: str, number: int) -> bool:
        """Whether the node answers; raises ConnectionError."""
        return "error" not in await self._link(node_id).exchange.ask("ping", None)

    def _link(self, node_id: str) -> NodeLink:
        link = self.links.by_node.get(node_id)
        if link is None:
            raise ConnectionError(f"{node_id} is not connected")
        return link

    def describe(self, node_id: str) -> NodeInfo:
        """A node that is connected, as it tells of itself; raises ConnectionError."""
        link = self._link(node_id)
        host, port = link.place
        return NodeInfo(node_id, host, port, capacity=link.capacity, metadata=dict(link.metadata))

    def attempts_count(self) -> int:
        """Attempts that wait or run on nodes."""
        return sum(link.running_count for link in self.links.by_node.values())

    async def drained(self, node_id: str) -> None:
        """Ends once nothing runs on the node."""
        link = self.links.by_node.get(node_id)
        if link is not None:
            await link.idle.wait()

    def let_go(self, node_id: str) -> None:
        """The node may end."""
        link = self.links.by_node.get(node_id)
        if link is not None and not link.exchange.channel.closed:
            link.exchange.channel.post({"op": "bye"})

    # What follows a change of membership

    def _changed(self) -> None:
        asyncio.get_running_loop().call_soon(self.requests.line.pull)

    def _fenced(self, node_id: str) -> None:
        link = self.links.by_node.get(node_id)
        if link is not None:
            link.exchange.close()

    def _left(self, node_id: str) -> None:
        self.load.forget(node_id)
        if self.own.pop(node_id, None) is None:
            self.let_go(node_id)
        else:
            self.release_own(node_id)


def _nobody() -> None:
    """Nothing scales on demand."""


def _nobody_of(node_id: str) -> None:
    """There is no provider."""

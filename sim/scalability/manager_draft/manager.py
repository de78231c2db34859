"""DistributedManager: the registry of nodes, the deployment of agents over them, their health and number.

The control plane's center. It gets time and tasks from a `Runtime`, starts agents through an `AgentHost` and tells a
`Membership` (the balancer) who may answer; it knows neither SimPy nor asyncio, so that the same object runs on virtual
time and live. Every change of state is an event with its reason.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

from sim.contracts import AgentHost, EventSink, Membership, Runtime, Task
from sim.errors import DeployError, NodeError
from sim.runtime.events import EventLog
from sim.scalability.manager_draft.agents import Deployments
from sim.scalability.manager_draft.config import ManagerConfig, manager_config
from sim.scalability.manager_draft.nodes import NodeEntry, NodeRegistry, check_ratio, validate
from sim.scalability.manager_draft.placement import Placement
from sim.scalability.manager_draft.scaling import NodeProvider, recommended_nodes
from sim.scalability.manager_draft.snapshots import FleetMetrics, FleetStatus, fleet_status
from sim.scalability.manager_draft.state import StateCopies
from sim.types.fleet import AgentInfo, NodeInfo, NodeStatus


class DistributedManager:
    """See the module; without a runtime it runs live, without a host agents are ready at once."""

    def __init__(
        self,
        config: Mapping[str, Any] | ManagerConfig | None = None,
        *,
        runtime: Runtime | None = None,
        membership: Membership | None = None,
        host: AgentHost | None = None,
        events: EventSink | None = None,
        provider: NodeProvider | None = None,
    ) -> None:
        self.config = manager_config(config)
        self.runtime: Runtime = runtime if runtime is not None else _live_runtime()
        self.membership = membership if membership is not None else _own_balancer(self.config)
        self.events: EventSink = events if events is not None else EventLog()
        self.provider = provider
        self.nodes = NodeRegistry()
        self.placement = Placement(self.nodes)
        self.deployments = Deployments(
            self.config, self.nodes, self.placement, self.runtime, self.membership, self.events
        )
        self.deployments.host = host
        self.states = StateCopies(self.nodes, replicate=self.config.data_replication)
        self.recommended = 0
        self._counts: Counter[str] = Counter()
        self._loop: Task | None = None

    @property
    def host(self) -> AgentHost | None:
        """Who starts and stops agents."""
        return self.deployments.host

    @host.setter
    def host(self, host: AgentHost) -> None:
        self.deployments.host = host

    # nodes

    async def register_node(self, node: NodeInfo) -> bool:
        """Enter a node and let waiting agents have its room; True, or `NodeError` naming what is wrong."""
        validate(node)
        if len(self.nodes) >= self.config.max_nodes and node.node_id not in self.nodes:
            raise NodeError(node.node_id, f"{len(self.nodes)} nodes are registered, which is max_nodes")
        now = self.runtime.now()
        node.current_load = 0  # agents that this manager placed there; a report of others comes with heartbeats
        entry = self.nodes.add(node, now)
        self._counts["registrations"] += 1
        if self.membership is not None:
            self.membership.node_joined(node.node_id, entry.weight)
            self.membership.set_eligible(node.node_id, node.status is NodeStatus.ONLINE)
        self.placement.touch(entry)
        self.events.write(now, "node_registered", node.node_id, capacity=node.capacity, zone=entry.zone)
        await self._place_pending()
        return True

    async def update_node(
        self,
        node_id: str,
        *,
        capacity: int | None = None,
        status: NodeStatus | None = None,
        cpu_usage: float | None = None,
        memory_usage: float | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Change what is given; raises `NodeError`, and then nothing is changed."""
        entry = self.nodes.get(node_id)
        if capacity is not None and (not isinstance(capacity, int) or capacity < max(1, len(entry.agents))):
            raise NodeError(node_id, f"capacity={capacity}: at least the {len(entry.agents)} agents placed there")
        for name, value in (("cpu_usage", cpu_usage), ("memory_usage", memory_usage)):
            if value is not None:
                check_ratio(node_id, name, value)
        info = entry.info
        info.capacity = capacity if capacity is not None else info.capacity
        info.cpu_usage = cpu_usage if cpu_usage is not None else info.cpu_usage
        info.memory_usage = memory_usage if memory_usage is not None else info.memory_usage
        info.metadata.update(metadata or {})
        if status is not None and status is not info.status:
            self._set_status(entry, status, "asked for")
            if status is NodeStatus.OFFLINE:
                await self._fail_over(entry, "node set offline")
        self.placement.touch(entry)
        await self._place_pending()

    async def remove_node(self, node_id: str) -> None:
        """Take a node out: its agents are placed elsewhere (failover on) or stopped. Raises `NodeError`."""
        entry = self.nodes.get(node_id)
        self._set_status(entry, NodeStatus.DRAINING, "removal")
        moved = [self.deployments.agents[agent_id] for agent_id in entry.agents]
        for agent in moved:
            if self.host is not None:
                await self.host.stop_agent(node_id, agent.agent_id)
        await self._fail_over(entry, "node removed")
        self.nodes.remove(node_id)
        self.states.node_lost(node_id)
        self._counts["removals"] += 1
        if self.membership is not None:
            self.membership.node_left(node_id)
        self.events.write(self.runtime.now(), "node_removed", node_id)

    def get_node(self, node_id: str) -> NodeInfo:
        """Raises `NodeError` for an unknown node."""
        return self.nodes.get(node_id).info

    def list_nodes(self) -> list[NodeInfo]:
        """In birth order."""
        return [entry.info for entry in self.nodes]

    def heartbeat(
        self,
        node_id: str,
        *,
        at: float | None = None,
        current_load: int | None = None,
        cpu_usage: float | None = None,
        memory_usage: float | None = None,
    ) -> bool:
        """A sign of life, stamped by the manager's clock; False when its own timestamp `at` is not newer than the last.

        Raises `NodeError` for an unknown node or a value out of range. An offline node comes back by it.
        """
        entry = self.nodes.get(node_id)
        if at is not None:
            if not math.isfinite(at):
                raise NodeError(node_id, f"heartbeat at={at}: a finite number of seconds")
            if entry.user_heard_at is not None and at <= entry.user_heard_at:
                self._counts["heartbeats_stale"] += 1
                return False
        if current_load is not None and current_load < 0:
            raise NodeError(node_id, f"current_load={current_load}: 0 or more")
        for name, value in (("cpu_usage", cpu_usage), ("memory_usage", memory_usage)):
            if value is not None:
                check_ratio(node_id, name, value)
        entry.user_heard_at = at if at is not None else entry.user_heard_at
        entry.heard_at = self.runtime.now()
        entry.reported_load = current_load if current_load is not None else entry.reported_load
        info = entry.info
        info.last_heartbeat = self.runtime.wall_at()
        info.cpu_usage = cpu_usage if cpu_usage is not None else info.cpu_usage
        info.memory_usage = memory_usage if memory_usage is not None else info.memory_usage
        self._counts["heartbeats"] += 1
        if info.status is NodeStatus.OFFLINE:
            self._set_status(entry, NodeStatus.ONLINE, "heartbeat")
        return True

    # agents

    async def deploy_agent(self, config: Mapping[str, Any]) -> str:
        """Place and start an agent; gives its id. Raises `DeployError`, and then nothing of it is left."""
        agent = self.deployments.admit(config)
        try:
            if not await self.deployments.place(agent):
                self.deployments.counts["failed"] += 1
                raise DeployError(agent.agent_id, "no online node has room for it")
        except BaseException:
            self.deployments.forget(agent)
            raise
        return agent.agent_id

    async def undeploy_agent(self, agent_id: str) -> None:
        """Stop an agent; waiting ones may have its room. Raises `DeployError` for an unknown one."""
        await self.deployments.stop(agent_id, "asked for")
        self.states.forget(agent_id)
        await self._place_pending()

    def get_agent(self, agent_id: str) -> AgentInfo:
        """Raises `DeployError` for an unknown agent."""
        if agent_id not in self.deployments.agents:
            raise DeployError(agent_id, "is not deployed")
        return self.deployments.agents[agent_id]

    def list_agents(self) -> list[AgentInfo]:
        """In order of deployment."""
        return list(self.deployments.agents.values())

    def save_state(self, agent_id: str, value: Any) -> int:
        """Keep an agent's state at its node (and a copy, with data_replication); gives its version."""
        agent = self.get_agent(agent_id)
        if agent.node_id is None:
            raise DeployError(agent_id, "is not placed, so that its state has no home")
        return self.states.save(agent_id, agent.node_id, value)

    def load_state(self, agent_id: str) -> Any:
        """The newest state that is left; None when there is none."""
        saved = self.states.newest(agent_id)
        return None if saved is None else saved.value

    # loops

    async def start(self) -> None:
        """Begin the check loop; starting twice is starting once."""
        if self._loop is None and self.config.health_checks:
            self._loop = self.runtime.spawn(self.run(), "manager checks")

    async def stop(self) -> None:
        """End the check loop."""
        if self._loop is not None:
            self._loop.cancel()
            self._loop = None

    async def run(self) -> None:
        """Check health and size every `health_check_interval`, at multiples of it from now."""
        started_at, tick = self.runtime.now(), 0
        while True:
            tick += 1
            await self.runtime.sleep_until(started_at + tick * self.config.health_check_interval)
            await self.check()

    async def check(self) -> None:
        """One round: silent nodes go offline, their agents move, waiting ones are placed, the fleet is sized."""
        now = self.runtime.now()
        for entry in self.nodes:
            silent_s = now - entry.heard_at
            if entry.info.status is NodeStatus.ONLINE and silent_s > self.config.node_timeout:
                self._set_status(entry, NodeStatus.OFFLINE, f"silent for {silent_s:g} s")
                self.states.node_lost(entry.info.node_id)
                await self._fail_over(entry, "node offline")
        await self._place_pending()
        if self.config.auto_scaling:
            await self._scale()

    # snapshots

    def status(self) -> FleetStatus:
        """The fleet now."""
        return fleet_status(self.runtime.now(), self.nodes, self.deployments.agents.values(), self.recommended)

    def metrics(self) -> FleetMetrics:
        """Counts since the manager was made."""
        counts, deploys = self._counts, self.deployments.counts
        deployed = deploys["deployed"]
        return FleetMetrics(
            registrations=counts["registrations"],
            removals=counts["removals"],
            heartbeats=counts["heartbeats"],
            heartbeats_stale=counts["heartbeats_stale"],
            deployed=deployed,
            deploy_failures=deploys["failed"],
            deploy_timeouts=deploys["timed_out"],
            stopped=deploys["stopped"],
            failovers=counts["failovers"],
            states_lost=counts["states_lost"],
            scale_outs=counts["scale_outs"],
            scale_ins=counts["scale_ins"],
            deploy_s_mean=self.deployments.latency_s_total / deployed if deployed else 0.0,
        )

    # inside

    def _set_status(self, entry: NodeEntry, status: NodeStatus, reason: str) -> None:
        before, entry.info.status = entry.info.status, status
        node_id = entry.info.node_id
        if self.membership is not None:
            self.membership.set_eligible(node_id, status is NodeStatus.ONLINE)
        self.placement.touch(entry)
        self.events.write(
            self.runtime.now(), "node_state_changed", node_id, before=before.value, after=status.value, reason=reason
        )

    async def _fail_over(self, entry: NodeEntry, reason: str) -> None:
        """Agents of a node that is gone wait for another place (failover on), or end."""
        lost = [self.deployments.agents[agent_id] for agent_id in entry.agents]
        for agent in lost:
            self.deployments.lose(agent, entry, reason)
            if not self.config.failover_enabled:
                self.deployments.forget(agent)
                self.states.forget(agent.agent_id)
        if self.config.failover_enabled:
            await self._place_pending()

    async def _place_pending(self) -> None:
        """Place waiting agents, oldest first, while there is room."""
        for agent in self.deployments.pending():
            try:
                if not await self.deployments.place(agent):
                    return
            except DeployError as error:
                self.events.write(self.runtime.now(), "agent_waits", agent.agent_id, reason=error.problem)
                continue
            self._counts["failovers"] += 1
            saved = self.states.newest(agent.agent_id)
            if saved is not None and agent.node_id is not None:
                self.states.restore(agent.agent_id, agent.node_id, saved)
            elif self.states.was_saved(agent.agent_id):
                self._counts["states_lost"] += 1

    async def _scale(self) -> None:
        self.recommended = recommended_nodes(self.status(), len(self.nodes), self.config)
        if self.provider is None or self.recommended == len(self.nodes):
            return
        if self.recommended > len(self.nodes):
            node = await self.provider.provide()
            if node is not None:
                self._counts["scale_outs"] += 1
                self.events.write(self.runtime.now(), "scale_out", node.node_id, nodes=len(self.nodes) + 1)
                await self.register_node(node)
            return
        entry = min(self.nodes, key=lambda node: (len(node.agents), -node.serial))
        self._counts["scale_ins"] += 1
        self.events.write(self.runtime.now(), "scale_in", entry.info.node_id, nodes=len(self.nodes) - 1)
        await self.remove_node(entry.info.node_id)
        await self.provider.give_back(entry.info.node_id)


def _live_runtime() -> Runtime:
    from sim.runtime.live import LiveRuntime  # only here: a simulated manager never loads asyncio's side

    return LiveRuntime()


def _own_balancer(config: ManagerConfig) -> Membership:
    from sim.scalability.balancer.balancer import make_balancer
    from sim.scalability.balancer.params import BalancerParams

    return make_balancer(BalancerParams(kind=config.load_balancing_strategy), ("agent",), config.max_nodes * 4)

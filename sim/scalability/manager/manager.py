"""DistributedManager: the source's face of the control plane, over small parts that share one set of books.

It registers nodes, deploys agents over them, takes heartbeats, finds and replaces what was lost, and says how many
nodes it wants. Time, tasks, the agent host, the balancer and the event log are handed in; without them it runs live on
asyncio with agents that are ready at once and a balancer of its own. Times are seconds of the runtime's clock.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sim.errors import FleetError
from sim.scalability.manager.config import ManagerConfig
from sim.scalability.manager.core import Core
from sim.scalability.manager.journal import JournalSink
from sim.scalability.manager.recovery import assignment_of
from sim.scalability.manager.replication import SavedState
from sim.scalability.manager.router import Route, Router
from sim.scalability.manager.snapshots import ManagerMetrics, ManagerStatus, metrics_of, status_of
from sim.scalability.manager.wiring import recover
from sim.types.fleet import AgentInfo, AgentStatus, NodeInfo, NodeStatus


class DistributedManager(Core):
    """The source's class. `config` takes its keys; raises `ConfigError`. See `Core` for what may be handed in."""

    @classmethod
    def restore(
        cls, journal: JournalSink, config: Mapping[str, Any] | ManagerConfig | None = None, **parts: Any
    ) -> DistributedManager:
        """A manager that goes on where the one that wrote `journal` stopped; `parts` are those of the constructor.

        The membership must know nothing yet, `disks` are those of the nodes. Bodies that were starting or stopping are
        orphans, their agents wait; `start` has the orphans stopped and the agents placed at once.
        """
        manager = cls(config, **parts)
        recover(manager._parts, manager._context, journal)
        manager._is_restored = True
        return manager

    # Nodes

    async def register_node(self, node: NodeInfo) -> bool:
        """Take a copy of a node into the fleet; True once it is in. Raises `NodeError` for what is not accepted."""
        self._registrar.register(node)
        return True

    async def update_node(
        self,
        node_id: str,
        *,
        status: NodeStatus | None = None,
        capacity: int | None = None,
        host: str | None = None,
        port: int | None = None,
        cpu_usage: float | None = None,
        memory_usage: float | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        """Change what is given (metadata is merged; zone and speed are fixed); raises `NodeError` before any change."""
        fields = {
            "capacity": capacity,
            "host": host,
            "port": port,
            "cpu_usage": cpu_usage,
            "memory_usage": memory_usage,
            "metadata": metadata,
        }
        given = {name: value for name, value in fields.items() if value is not None}
        await self._registrar.update(node_id, status, given)

    async def remove_node(
        self,
        node_id: str,
        *,
        stop_agents: bool = False,
        drain_s: float | None = None,
        reason: str = "removed by the user",
    ) -> None:
        """Drain a node and let it go: its agents move, wait, or (`stop_agents`, failover off) stop. Raises `NodeError`.

        It takes nothing new from now on; what runs on it gets `drain_s` seconds to end, if the provider can tell.
        """
        await self._registrar.remove(node_id, reason, stop_agents, drain_s)

    async def drain_node(
        self, node_id: str, deadline_s: float | None = None, *, reason: str = "drained by the user"
    ) -> None:
        """As `remove_node`, but the node stays, empty and DRAINING, until `update_node` gives it a status."""
        await self._registrar.drain(node_id, reason, deadline_s)

    def node_restarted(self, node_id: str, kept_state: bool) -> None:
        """The machine began anew, with or without its copies of states; its agents are not touched. `NodeError`."""
        self._states.restarted(self._ledger.node(node_id), kept_state)

    def heartbeat(
        self,
        node_id: str,
        *,
        at: float | None = None,
        current_load: int | None = None,
        cpu_usage: float | None = None,
        memory_usage: float | None = None,
        status: NodeStatus | None = None,
    ) -> None:
        """A node is alive, stamped by our clock; `at` is its own wall time, for information. Raises `NodeError`."""
        self._health.heartbeat(node_id, at, current_load, cpu_usage, memory_usage, status)

    def heard(self, node_id: str, heard_at: float, at: float, cpu_usage: float, count: int) -> None:
        """Heartbeats that were held back until somebody looks (`health.watch.Watch`), the last came at `heard_at`."""
        self._health.heard(node_id, heard_at, at, cpu_usage, count)

    def get_node(self, node_id: str) -> NodeInfo:
        """A copy of a node's facts with its present load; raises `NodeError`."""
        self._health.catch_up()
        return self._ledger.node(node_id).snapshot()

    def list_nodes(self, status: NodeStatus | None = None) -> list[NodeInfo]:
        """Copies of all nodes, or of those with a status, oldest first."""
        self._health.catch_up()
        nodes = [node.snapshot() for node in self._ledger.nodes.values()]
        return [node for node in nodes if status in (None, node.status)]

    # Agents

    async def deploy_agent(self, config: Mapping[str, Any], node_id: str | None = None) -> str:
        """Place and start an agent (`name type model`, optional `temperature`), on a node if it is named; give its id.

        Raises `ConfigError` (the config), `DeployError` (no room, `agents_max`, not ready within deployment_timeout),
        or the host's error; whatever it raises, also when it is cancelled, nothing is left behind.
        """
        return await self._deployer.deploy(config, node_id)

    async def undeploy_agent(self, agent_id: str) -> None:
        """Stop an agent and free its place; raises `DeployError` (unknown, or its host failed to stop it)."""
        await self._deployer.undeploy(agent_id, "undeployed by the user")

    def get_agent(self, agent_id: str) -> AgentInfo:
        """A copy of an agent's facts, also of one of the last `stopped_max` stopped ones; raises `DeployError`."""
        for info in self._ledger.stopped:
            if info.agent_id == agent_id:
                return info
        return self._ledger.agent(agent_id).snapshot()

    def list_agents(
        self, *, node_id: str | None = None, agent_type: str | None = None, status: AgentStatus | None = None
    ) -> list[AgentInfo]:
        """Copies of the live agents that match, oldest first."""
        agents = [agent.snapshot() for agent in self._ledger.agents.values()]
        return [
            agent
            for agent in agents
            if node_id in (None, agent.node_id)
            and agent_type in (None, agent.agent_type)
            and status in (None, agent.status)
        ]

    def agents_count(self, status: AgentStatus) -> int:
        """How many agents have a status (STOPPED: ever had)."""
        return self._ledger.agents_count[status]

    def changes_count(self) -> int:
        """Moves whenever a node or an agent comes, goes, or changes its place or status."""
        return self._ledger.changes_count

    def node_statuses(self) -> dict[str, NodeStatus]:
        """Status of every node, oldest first."""
        return {name: node.info.status for name, node in self._ledger.nodes.items()}

    def ready_count(self, node_id: str, agent_type: str) -> int:
        """Agents of a type that answer on a node; raises `NodeError`."""
        return self._ledger.node(node_id).ready.get(agent_type, 0)

    def ready_counts(self, node_ids: Sequence[str], agent_types: Sequence[str]) -> list[int]:
        """Agents of all these types that answer, of each of these nodes; raises `NodeError`."""
        counts, node = [], self._ledger.node
        for node_id in node_ids:
            ready, count = node(node_id).ready, 0
            for agent_type in agent_types:
                count += ready.get(agent_type, 0)
            counts.append(count)
        return counts

    def is_current(self, agent_id: str, node_id: str, epoch: int) -> bool:
        """Whether the agent's body of that epoch on that node is the one that counts; at most one is."""
        return self._ledger.is_current(agent_id, node_id, epoch)

    def assignment_digest(self) -> str:
        """Digest of nodes, agents, epochs, places and queue, as a control plane that dies now leaves them behind."""
        return assignment_of(self._ledger, self._states.versions()).settled().digest()

    # State

    async def save_state(
        self, agent_id: str, state: Mapping[str, Any], *, version: int | None = None, epoch: int | None = None
    ) -> int:
        """Keep an agent's state on its node and `copies_min` others; gives its version.

        Raises `DeployError`, also ("fenced") for an `epoch` that is not the agent's live one.
        """
        return await self._parts.saver.save(agent_id, state, version, epoch)

    def save_all(self, state: Mapping[str, Any], node_ids: Collection[str]) -> tuple[int, list[tuple[str, str]]]:
        """Save the same state for every ready agent on these nodes, oldest first, at this instant (without a link).

        Gives how many were saved, and who failed with what reason.
        """
        return self._parts.saver.save_all(state, node_ids)

    def state_digest(self, node_id: str) -> str:
        """Digest of the copies that a node keeps; raises `NodeError`."""
        return self._states.disks.digest(self._ledger.node(node_id).node_id)

    def load_state(self, agent_id: str) -> SavedState:
        """The newest state that a reachable node holds; raises `DeployError` if there is none or it was lost."""
        return self._states.load(agent_id)

    # Requests, when the manager has a balancer of its own

    def route_request(self, agent_type: str | None = None, *, key: int | None = None) -> Route:
        """Pick a node for a request by `load_balancing_strategy`; raises `FleetError`."""
        return self._own_router().route(agent_type, key, self._context.now())

    def finish_request(self, route: Route) -> None:
        """The request was answered; raises `FleetError` if it is not under way."""
        self._own_router().finish(route, self._context.now())

    def _own_router(self) -> Router:
        if self._router is None:
            raise FleetError("this manager tells a balancer that was given to it; route requests with that one")
        return self._router

    # Loops and snapshots

    async def start(self) -> None:
        """Begin the checks and, with `auto_scaling`, the scale decisions; again does nothing."""
        if "check" in self._jobs:
            return
        self._jobs.spawn("check", self._health.run, _nothing)
        if self._is_restored:
            self._is_restored = False
            self._health.check()
        if self.config.auto_scaling:
            self._jobs.spawn("scale", self._scaler.run, _nothing)

    async def stop(self) -> None:
        """End the loops and whatever runs in the background; agents under way wait again."""
        await self._jobs.close()

    def halt(self) -> None:
        """Its runtime is about to be closed: no start that is called off then makes room for another one."""
        self._jobs.halted = True

    async def run(self) -> None:
        """The loops, until cancelled."""
        await self.start()
        try:
            await self.runtime.event().wait()
        finally:
            await self.stop()

    def status(self) -> ManagerStatus:
        """The fleet at this instant, as plain data."""
        return status_of(self._ledger, self._scaler, self._states, "check" in self._jobs)

    def metrics(self) -> ManagerMetrics:
        """What happened so far, as plain data."""
        self._health.catch_up()
        return metrics_of(self._counters, self._context.now())


def _nothing() -> None:
    """A loop that never began has nothing to undo."""

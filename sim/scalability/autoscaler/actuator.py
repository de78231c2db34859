"""The actuator: single nodes come into the fleet, and leave it, through the manager and a provider of machines.

A node comes in three steps: the provider gives a machine, the manager registers it (agents that wait for a place go
there first), and the agents of a standard node that are still missing are deployed on it. Whatever fails or is
cancelled in between is undone: the node is removed, the machine released. A node leaves drained: no new work, what runs
may finish for `drain_s`, its agents stop, the machine is released. First to leave is a node without ready agents, then
the one with the fewest attempts in flight, then the youngest. The last node of an agent type stays as long as any other
does, or what asks for that type would wait for ever. A node that is OFFLINE for 20 min is given up (Kubernetes cluster
autoscaler: unready).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, Protocol

from sim.contracts import NodeProvider, Runtime
from sim.errors import DeployError, NodeError
from sim.runtime.cancelled import Cancelled
from sim.scalability.autoscaler.loop import HOST_ERRORS
from sim.scalability.autoscaler.params import AutoscalerParams
from sim.types.fleet import AgentInfo, NodeInfo, NodeStatus

PROVIDE_TIMEOUT_S = 900.0  # Kubernetes cluster autoscaler: provision timeout 15 min
LOST_AFTER_S = 1200.0  # Kubernetes cluster autoscaler: unready time 20 min
PROVIDE_TIMEOUT_RATIO = 20.0  # of the mean provisioning time, if that is longer: exponential times have a tail


class FleetManager(Protocol):
    """What the actuator asks of the manager."""

    async def register_node(self, node: NodeInfo) -> bool: ...
    async def remove_node(self, node_id: str, *, stop_agents: bool, drain_s: float, reason: str) -> None: ...
    async def deploy_agent(self, config: Mapping[str, Any], *, node_id: str) -> str: ...
    def node_statuses(self) -> dict[str, NodeStatus]: ...  # oldest first
    def list_agents(self, *, node_id: str) -> list[AgentInfo]: ...
    def ready_count(self, node_id: str, agent_type: str) -> int: ...


class FleetActuator:
    """`agents` is the standard node: agents by type. `in_flight` counts the attempts under way on a node."""

    def __init__(
        self,
        runtime: Runtime,
        manager: FleetManager,
        provider: NodeProvider,
        params: AutoscalerParams,
        agents: Mapping[str, int],
        in_flight: Callable[[str], int],
        model: str = "simulated",
        changes_count: Callable[[], int] | None = None,
    ) -> None:
        self.runtime, self.manager, self.provider, self.params = runtime, manager, provider, params
        self.agents, self.in_flight, self.model = dict(agents), in_flight, model
        self.joining: dict[str, None] = {}  # registered, their agents still start
        self.leaving: dict[str, None] = {}
        self.changes_count = changes_count  # moves with every status of a node
        self._offline_at: dict[str, float] = {}  # first seen so
        self._all_well = -1  # after so many changes no node was OFFLINE
        self.provide_timeout_s = max(PROVIDE_TIMEOUT_S, PROVIDE_TIMEOUT_RATIO * params.provisioning_s)

    def ready(self) -> list[str]:
        """Nodes in service, oldest first; those that still come or already leave are not."""
        joining, leaving, wanted = self.joining, self.leaving, NodeStatus.ONLINE
        online = [node_id for node_id, status in self.manager.node_statuses().items() if status is wanted]
        if not joining and not leaving:
            return online
        return [node_id for node_id in online if node_id not in joining and node_id not in leaving]

    def removable(self, count: int, leaving: Collection[str] = ()) -> list[str]:
        """At most `count` nodes in service, besides `leaving`, that may go together; the first goes first."""
        ready = [name for name in self.ready() if name not in leaving]
        order = sorted((self._serves(name), self.in_flight(name), -at, name) for at, name in enumerate(ready))
        if count >= len(ready):  # down to none: the next node brings every type
            return [name for *_, name in order]
        homes = [self._homes(agent_type, ready) for agent_type in self.agents]
        going: list[str] = []
        for *_, name in order:
            if len(going) < count and all(each != {name} for each in homes):
                going.append(name)
                for each in homes:
                    each.discard(name)
        return going

    def _serves(self, node_id: str) -> int:
        """2 with a ready agent, 1 with one that only starts: a node that was emptied and opened again has none."""
        if any(self.manager.ready_count(node_id, agent_type) for agent_type in self.agents):
            return 2
        return int(bool(self.manager.list_agents(node_id=node_id)))

    def _homes(self, agent_type: str, node_ids: list[str]) -> set[str]:
        """The nodes where agents of a type answer; where none does, those where one is to start."""
        answering = {node_id for node_id in node_ids if self.manager.ready_count(node_id, agent_type)}
        return answering or {
            node_id for node_id in node_ids
            if any(agent.agent_type == agent_type for agent in self.manager.list_agents(node_id=node_id))
        }  # fmt: skip

    def lost(self) -> list[str]:
        """Nodes seen OFFLINE for `LOST_AFTER_S`, oldest first; to be asked regularly."""
        changes = -1 if self.changes_count is None else self.changes_count()
        if changes == self._all_well and changes >= 0:
            return []
        statuses, before, silent = self.manager.node_statuses(), self._offline_at, NodeStatus.OFFLINE
        if not before and silent not in statuses.values():
            self._all_well = changes
            return []
        now, offline = self.runtime.now(), [node_id for node_id, status in statuses.items() if status is silent]
        self._offline_at = {node_id: before.get(node_id, now) for node_id in offline if node_id not in self.leaving}
        return [node_id for node_id, at in self._offline_at.items() if now - at >= LOST_AFTER_S]

    async def add(self) -> str:
        """Bring a node into service, give its id; raises what failed (`FleetError`, `OSError`) after undoing it."""
        async with self.runtime.timeout(self.provide_timeout_s):
            info = await self.provider.provide()
        node_id, registered = info.node_id, False
        self.joining[node_id] = None
        try:
            await self.manager.register_node(info)
            registered = True
            await self._deploy(node_id)
        except BaseException as error:
            await self._undo(node_id, registered, once_more=not isinstance(error, Cancelled))
            raise
        finally:
            del self.joining[node_id]
        return node_id

    async def remove(self, node_id: str, reason: str) -> None:
        """Drain a node, stop its agents, release its machine; raises `FleetError` or `OSError`."""
        self.leaving[node_id] = None
        try:
            await self.manager.remove_node(node_id, stop_agents=True, drain_s=self.params.drain_s, reason=reason)
        finally:
            del self.leaving[node_id]
        await self._release(node_id)

    async def _deploy(self, node_id: str) -> None:
        """Start the missing agents side by side; raises the first failure once all have ended."""
        missing = dict(self.agents)
        for agent in self.manager.list_agents(node_id=node_id):  # those that waited for a place came first
            if missing.get(agent.agent_type):
                missing[agent.agent_type] -= 1
        try:
            async with self.runtime.group() as group:
                for agent_type, count in missing.items():
                    for number in range(count):
                        name = f"{agent_type}-{node_id}-{number}"
                        config = {"name": name, "type": agent_type, "model": self.model}
                        group.spawn(self._start(config, node_id), f"deploy {name}")
        except ExceptionGroup as failures:
            expected, others = failures.split(HOST_ERRORS)
            if others is not None or expected is None:
                raise
            raise DeployError(node_id, f"its agents did not start: {expected.exceptions[0]}") from failures

    async def _start(self, config: Mapping[str, Any], node_id: str) -> None:
        """Deploy one agent; no failure where others of its type took the place meanwhile: the node has its count."""
        try:
            await self.manager.deploy_agent(config, node_id=node_id)
        except DeployError:
            agents, agent_type = self.manager.list_agents(node_id=node_id), config["type"]
            if sum(agent.agent_type == agent_type for agent in agents) < self.agents[agent_type]:
                raise

    async def _undo(self, node_id: str, registered: bool, once_more: bool) -> None:
        """Take the node out, if need be after a drain or removal that is under way; then its machine may go.

        `once_more`: what failed may still be called off, which asks for no more than what is being done.
        """
        try:
            if registered:
                await _to_its_end(lambda: self._take_out(node_id), once_more)
        finally:
            await _to_its_end(lambda: self._release(node_id), once_more)

    async def _take_out(self, node_id: str) -> None:
        while node_id in self.manager.node_statuses():
            try:
                await self.manager.remove_node(node_id, stop_agents=True, drain_s=0.0, reason="its set-up failed")
            except NodeError:
                if node_id in self.manager.node_statuses():
                    await self.runtime.sleep(self.params.interval_s)

    async def _release(self, node_id: str) -> None:
        async with self.runtime.timeout(self.provide_timeout_s):
            await self.provider.release(node_id)


async def _to_its_end(step: Callable[[], Awaitable[None]], once_more: bool) -> None:
    """Take a step; cancelled in the middle, from its beginning, if it may be taken once more."""
    try:
        await step()
    except Cancelled:
        if once_more:
            await step()
        raise

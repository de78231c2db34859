"""Who has a hand in the fleet during a storm: an operator's deeds, and the putting right of things when it ends.

Every deed is a call that the manager offers; what it may refuse (`FleetError`, `OSError`, `ConfigError`) is
counted, anything else is a violation. A deed that is cut off is cancelled where it stands, as if its caller died.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from sim.bench.fire import Fire
from sim.bench.storm.findings import Findings
from sim.bench.storm.scenario import Deed
from sim.contracts import Runtime
from sim.errors import ConfigError, FleetError
from sim.types.fleet import AgentStatus, NodeStatus

REFUSALS = (FleetError, OSError, ConfigError)
BAD_USAGES = (math.nan, math.inf, -1.0, 1e308, 2.0)
ROUND_S_MIN = 1e-6


class Operator:
    """`play` spawns the deeds; `put_right` undoes what keeps nodes out; `touched` kinds of deeds that were done."""

    def __init__(self, fire: Fire, runtime: Runtime, findings: Findings, drain_s: float) -> None:
        self.fire, self.runtime, self.findings, self.drain_s = fire, runtime, findings, drain_s
        self.refused_count = self.done_count = 0
        self.kept_out: dict[str, None] = {}  # nodes that the operator took out of service
        self.calm = False
        self.spoke: Callable[[str], None] = _nobody  # of the node that a heartbeat by hand speaks for

    def play(self, deeds: tuple[Deed, ...]) -> None:
        """Do each at its instant."""
        for number, deed in enumerate(deeds):
            self.runtime.spawn(self._play(deed), f"deed {number} {deed.what}")

    async def _play(self, deed: Deed) -> None:
        await self.runtime.sleep_until(deed.at_s)
        if deed.cut_after_s is None:
            await self._do(deed)
            return
        task = self.runtime.spawn(self._do(deed), f"cut {deed.what}")
        await self.runtime.sleep(deed.cut_after_s)
        if not task.done():
            task.cancel()
            self.findings.seen("an operator's call that was cut off")

    async def _do(self, deed: Deed) -> None:
        self.findings.seen(f"deed: {deed.what}")
        try:
            await getattr(self, f"_{deed.what}")(deed)
            self.done_count += 1
        except REFUSALS:
            self.refused_count += 1
            self.findings.seen("a deed that is refused")

    def _node(self, deed: Deed) -> str:
        names = list(self.fire.manager.node_statuses())
        if not names:
            raise FleetError("the fleet has no node")
        return names[deed.which % len(names)]

    async def _drain(self, deed: Deed) -> None:
        node_id = self._node(deed)
        self.kept_out[node_id] = None
        await self.fire.manager.drain_node(node_id, deed.value * self.drain_s)

    async def _reopen(self, deed: Deed) -> None:
        await self._status(deed, NodeStatus.ONLINE)

    async def _rest(self, deed: Deed) -> None:
        await self._status(deed, NodeStatus.MAINTENANCE)

    async def _offline(self, deed: Deed) -> None:
        await self._status(deed, NodeStatus.OFFLINE)

    async def _status(self, deed: Deed, status: NodeStatus) -> None:
        node_id = self._node(deed)
        if status is not NodeStatus.ONLINE:
            self.kept_out[node_id] = None
        await self.fire.manager.update_node(node_id, status=status)

    async def _remove(self, deed: Deed) -> None:
        if len(self.fire.manager.node_statuses()) < 3:
            raise FleetError("the last two nodes stay")
        node_id = self._node(deed)
        await self.fire.manager.remove_node(node_id, drain_s=deed.value * self.drain_s)
        provider = self.fire.manager.provider
        assert provider is not None
        await provider.release(node_id)

    async def _undeploy(self, deed: Deed) -> None:
        manager = self.fire.manager
        agents = [agent for agent in manager.list_agents() if agent.node_id is not None
                  and manager.ready_count(agent.node_id, agent.agent_type) > 1]  # fmt: skip
        if not agents:
            raise FleetError("the last agent of a node stays: what waits there is for it")
        await manager.undeploy_agent(agents[deed.which % len(agents)].agent_id)

    async def _deploy(self, deed: Deed) -> None:
        types = self.fire.shape.types
        config = {"name": f"extra-{deed.which}", "type": types[deed.which % len(types)], "model": "simulated"}
        await self.fire.manager.deploy_agent(config)

    async def _capacity(self, deed: Deed) -> None:
        node_id = self._node(deed)
        now = self.fire.manager.get_node(node_id).capacity
        await self.fire.manager.update_node(node_id, capacity=max(1, now + (-1 if deed.which % 2 else 1)))

    async def _bad_heartbeat(self, deed: Deed) -> None:
        usage = BAD_USAGES[deed.which % len(BAD_USAGES)]
        self.fire.manager.heartbeat(self._node(deed), cpu_usage=usage, memory_usage=usage)

    async def _farewell(self, deed: Deed) -> None:
        self.fire.manager.heartbeat(self._node(deed), status=NodeStatus.OFFLINE)

    async def _foreign_load(self, deed: Deed) -> None:
        node_id = self._node(deed)
        capacity = self.fire.manager.get_node(node_id).capacity
        self.spoke(node_id)
        self.fire.manager.heartbeat(node_id, current_load=deed.which % (capacity + 2))

    async def _late_heartbeat(self, deed: Deed) -> None:
        node_id = self._node(deed)
        self.spoke(node_id)
        self.fire.manager.heartbeat(node_id, at=max(0.0, self.runtime.now() - 10.0 * self.drain_s), cpu_usage=0.5)

    # After the storm

    def put_right(self, every_s: float) -> None:
        """From now on bring back what was taken out, and what is missing, until it is done."""
        self.calm = True
        self.runtime.spawn(self._put_right(max(every_s, ROUND_S_MIN)), "operator puts things right")

    async def _put_right(self, every_s: float) -> None:
        while not await self._round():
            await self.runtime.sleep(every_s)

    async def _round(self) -> bool:
        manager, done = self.fire.manager, True
        for node_id, status in list(manager.node_statuses().items()):
            try:
                if manager.get_node(node_id).current_load:
                    manager.heartbeat(node_id, current_load=0)
                if node_id in self.kept_out and status is not NodeStatus.ONLINE:
                    await manager.update_node(node_id, status=NodeStatus.ONLINE)
            except REFUSALS:
                done = False
        return done and await self._redeploy()

    async def _redeploy(self) -> bool:
        """At least as many agents of a type as one node was built with, where there is room.

        One that only starts may be called off, with the machine that it was to fill: it is not there yet.
        """
        manager, shape, done = self.fire.manager, self.fire.shape, True
        for agent_type, count in shape.agents.items():
            agents = manager.list_agents(agent_type=agent_type)
            missing = count - len(agents)
            ready = sum(agent.status is AgentStatus.READY for agent in agents)
            done = done and ready + max(missing, 0) >= count
            for number in range(missing):
                config: dict[str, Any] = {"name": f"again-{number}", "type": agent_type, "model": "simulated"}
                try:
                    await manager.deploy_agent(config)
                except REFUSALS:
                    return False
        return done


def _nobody(_: str) -> None:
    """Nobody listens."""

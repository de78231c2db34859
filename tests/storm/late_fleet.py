"""Failover and drain of three nodes, some awaits late: every agent once, under its live epoch, as the journal says."""

from __future__ import annotations

from typing import Any

from sim.scalability.manager.assignment import replay
from sim.types.fleet import NodeStatus
from tests.scalability.manager.rig import node
from tests.scalability.manager.test_killed_at_every_await import Plane
from tests.storm.late import Late

DELAY_S = 1.25  # a body starts in one second and stops in half of one


class LatePlane(Plane):
    """A control plane some of whose awaits are late."""

    def __init__(self, runtime: Any, late: Late) -> None:
        super().__init__(-1, "cancelled", runtime)
        self.late = late
        self.switch.point = late.point  # type: ignore[method-assign]

    async def three_nodes(self) -> None:
        """Three nodes of three places, five agents, two states."""
        await self.manager.start()
        for index in range(3):
            await self.manager.register_node(node(f"node-{index}", 3))
        for _ in range(5):
            await self.deploy()
        await self.save("agent-1", 1)

    async def judged(self) -> None:
        """What is left is what the journal says, and with room for all nobody is lost or runs twice."""
        self.late.counting = False
        manager = self.manager
        assert replay(self.journal.records()).settled().digest() == manager.assignment_digest()
        await self.converge(manager)
        self.audit(manager)


async def failover(runtime: Any, late: Late) -> None:
    """A node falls silent and comes back while its agents are on their way."""
    plane = LatePlane(runtime, late)
    await plane.three_nodes()
    plane.manager.heartbeat("node-0", status=NodeStatus.OFFLINE)
    await runtime.sleep(1.5)
    plane.manager.heartbeat("node-0")
    await plane.save("agent-1", 2)
    await runtime.sleep(1.0)
    await plane.judged()


async def drain(runtime: Any, late: Late) -> None:
    """A node is drained and leaves while an agent is undeployed and another one comes."""
    plane = LatePlane(runtime, late)
    await plane.three_nodes()
    leaving = runtime.spawn(plane.attempt(plane.manager.remove_node("node-1", drain_s=2.0)), "leaving")
    await runtime.sleep(0.25)
    await plane.undeploy("agent-2")
    await plane.deploy()
    await leaving.join()
    await plane.judged()

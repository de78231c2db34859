"""Killed at any await of deploy, save, failover, return, drain, removal and retry, it goes on from its journal.

What was acknowledged is there, the assignment is the one that the dead plane left behind, and with faults over every
agent that was not stopped runs once, under its live epoch. The same history is also run with the n-th call failing and
with the n-th waiting coroutine cancelled, without a restart. n counts up until a run ends untouched.
"""

from __future__ import annotations

import copy
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from sim.errors import FleetError, SimError
from sim.runtime.cancelled import Cancelled
from sim.runtime.events import EventLog
from sim.runtime.virtual import VirtualRuntime
from sim.scalability.manager import DistributedManager
from sim.scalability.manager.assignment import replay
from sim.scalability.manager.disks import Disks
from sim.scalability.manager.journal import MemoryJournal
from sim.types.fleet import AgentStatus, NodeStatus
from tests.scalability.manager.kill import Bodies, Switch, Watched, WatchedRuntime, frozen
from tests.scalability.manager.rig import AGENT, Books, node

CONFIG = {"auto_scaling": False, "health_check_interval": 20.0, "node_timeout": 1e6, "deployment_timeout": 1e5}
POINTS_MAX = 2_000
AWAITS_MIN = {"killed": 100, "failed": 60, "cancelled": 100}


class Plane:
    """One life of a control plane over machines that outlive it."""

    def __init__(self, at: int, how: str, runtime: Any = None) -> None:
        self.runtime = VirtualRuntime() if runtime is None else runtime
        self.bodies = Bodies(self.runtime)
        acts: dict[str, Callable[[], None] | None] = {"killed": None, "failed": self._fail, "cancelled": self._cancel}
        self.switch = Switch(self.runtime, at, acts[how])
        self.switch.on_death = self._dying
        self.journal, self.disks = MemoryJournal(), Disks()
        watched = Watched(self.switch, self.bodies)
        self.manager = DistributedManager(
            CONFIG,
            runtime=self.runtime if how == "failed" else WatchedRuntime(self.switch),  # time itself does not fail
            membership=Books(),
            host=watched,
            disks=self.disks,
            link=watched,
            journal=self.journal,
        )
        self.manager.provider = watched
        self.deployed: list[str] = []  # as the user was told
        self.undeployed: list[str] = []
        self.asked_away: list[str] = []  # whose undeploy was asked for
        self.saved: dict[str, int] = {}
        self.ended = False

    def _fail(self) -> None:
        raise FleetError("the network is down")

    def _cancel(self) -> None:
        assert self.runtime.running is not None
        self.runtime.running.cancel()

    def _dying(self) -> None:
        """All that outlives the plane, as it is now."""
        self.digest = self.manager.assignment_digest()
        self.journal, self.disks = frozen(self.journal), copy.deepcopy(self.disks)

    async def attempt(self, step: Awaitable[Any]) -> Any:
        """What an operator does: one step, and go on whatever comes of it."""
        try:
            return await step
        except (SimError, OSError):
            return None
        except Cancelled:
            if self.switch.dead:
                raise
            return None

    async def pause(self, duration_s: float) -> None:
        """Time goes by; the operator dies with the plane."""
        await self.runtime.sleep(duration_s)
        if self.switch.dead:
            await self.runtime.event().wait()

    async def deploy(self, node_id: str | None = None) -> None:
        agent_id = await self.attempt(self.manager.deploy_agent(AGENT, node_id=node_id))
        if agent_id is not None:
            self.deployed.append(agent_id)

    async def save(self, agent_id: str, step: int) -> None:
        version = await self.attempt(self.manager.save_state(agent_id, {"step": step}))
        if version is not None:
            self.saved[agent_id] = version

    async def undeploy(self, agent_id: str) -> None:
        self.asked_away.append(agent_id)

        async def go() -> bool:
            await self.manager.undeploy_agent(agent_id)
            return True

        if await self.attempt(go()):
            self.undeployed.append(agent_id)

    async def history(self) -> None:
        manager, pause = self.manager, self.pause
        await manager.start()
        for index in range(3):
            await manager.register_node(node(f"node-{index}", 3, zone=f"zone-{index % 2}"))
        for _ in range(6):
            await self.deploy()
        await self.save("agent-1", 1)
        await self.save("agent-2", 1)
        manager.heartbeat("node-0", status=NodeStatus.OFFLINE)  # two agents: one fits, one waits
        await pause(0.5)
        manager.heartbeat("node-2", status=NodeStatus.OFFLINE)  # a failover of a failover
        await pause(2.0)
        await self.undeploy("agent-2")  # room appears
        await self.save("agent-2", 2)
        manager.heartbeat("node-0")  # comes back, its zombies are stopped
        await pause(2.5)
        await self.save("agent-1", 2)
        await self.attempt(manager.remove_node("node-1", drain_s=1.0))
        manager.heartbeat("node-2")
        await pause(2.5)
        await self.attempt(manager.register_node(node("node-3", 3)))
        await self.deploy("node-3")
        await self.attempt(manager.drain_node("node-3", 0.1))
        await self.attempt(manager.register_node(node("node-4", 9)))
        await pause(2.0)
        await self.attempt(manager.remove_node("node-2"))  # its agents move, each with two bodies for a while
        await self.save("agent-1", 3)
        await pause(20.0)
        self.ended = True

    async def converge(self, manager: DistributedManager) -> None:
        """No more faults, and room for all."""
        runtime = self.runtime
        await manager.stop()
        await manager.start()
        names = [info.node_id for info in manager.list_nodes()]
        await manager.register_node(node("spare", 12))
        for name in names:
            manager.heartbeat(name)
        await runtime.sleep(50.0)
        for name in names:
            if manager.get_node(name).status is NodeStatus.DRAINING:
                await manager.remove_node(name)
        await runtime.sleep(50.0)
        await manager.stop()

    def audit(self, manager: DistributedManager) -> None:
        """Every agent once, under its live epoch, and nobody else."""
        status = manager.status()
        agents = manager.list_agents()
        assert all(info.status is AgentStatus.READY for info in agents), agents
        assert status.registered == len(agents) + status.agents["stopped"]
        fleet = [info.node_id for info in manager.list_nodes()]
        for (node_id, agent_id), epoch in list(self.bodies.running.items()):
            if node_id not in fleet:  # removed while nobody could reach it: fenced
                assert not manager.is_current(agent_id, node_id, epoch)
                assert node_id in manager._context.membership.fenced  # type: ignore[attr-defined]
                del self.bodies.running[node_id, agent_id]
        for info in agents:
            assert self.bodies.of(info.agent_id) == [(info.node_id, info.epoch)], info
            assert manager.is_current(info.agent_id, str(info.node_id), info.epoch)
        assert len(self.bodies.running) == len(agents)
        live = [info.agent_id for info in agents]
        assert [name for name in self.deployed if name not in live and name not in self.asked_away] == []
        assert [name for name in self.undeployed if name in live] == []
        assert isinstance(manager.events, EventLog)
        lost = [row.subject for row in manager.events.rows if row.kind == "state_lost"]  # its only holder was removed
        for agent_id, version in self.saved.items():
            if agent_id in live and agent_id not in lost:
                assert manager.load_state(agent_id).version == version


def lives(how: str, at: int) -> bool:
    """One life; False once the history ends before its n-th await."""
    plane = Plane(at, how)
    runtime = plane.runtime
    task = runtime.spawn(plane.history())
    while not plane.switch.dead and not plane.ended:
        runtime.run(until=runtime.now() + 0.1)
        if how != "killed" and task.done():
            break
    manager = plane.manager
    if plane.switch.dead:
        book = replay(plane.journal.records())
        assert book.settled().digest() == plane.digest
        manager = DistributedManager.restore(
            plane.journal, CONFIG, runtime=runtime, membership=Books(), host=plane.bodies, disks=plane.disks
        )
        assert manager.assignment_digest() == plane.digest
        assert manager.status().agents["starting"] == 0
        for agent_id, version in plane.saved.items():
            if agent_id not in plane.asked_away:
                assert manager.load_state(agent_id).version == version
    else:
        plane.switch.at = -1
        assert replay(plane.journal.records()).settled().digest() == manager.assignment_digest()
    runtime.run_task(plane.converge(manager))
    plane.audit(manager)
    assert replay(plane.journal.records()).settled().digest() == manager.assignment_digest()
    runtime.close()
    return plane.switch.count >= at


@pytest.mark.parametrize("how", ["killed", "failed", "cancelled"])
def test_at_every_await(how: str) -> None:
    at = 1
    while lives(how, at):
        at += 1
        assert at < POINTS_MAX
    print(f"{at - 1} awaits, each {how} once")
    assert at > AWAITS_MIN[how]

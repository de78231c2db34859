"""A control plane that can be killed at its n-th await: what it asked for goes on, nothing it does later has effect.

Every await of the host, the provider, the link and the runtime passes a `Switch`, before what it waits for begins and
after it has ended. At point n the switch acts; a killed plane's coroutines never go on.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Coroutine
from typing import Any

from sim.runtime.virtual import VirtualRuntime
from sim.scalability.manager.journal import MemoryJournal
from sim.types.fleet import NodeInfo


class Switch:
    """Counts awaits; at the n-th it calls `act`, or with none the plane is dead."""

    def __init__(self, runtime: VirtualRuntime, at: int, act: Callable[[], None] | None = None) -> None:
        self.runtime, self.at, self.act = runtime, at, act
        self.count = 0
        self.dead = False
        self.on_death: Callable[[], None] = lambda: None

    async def point(self) -> None:
        if self.dead:
            await self.runtime.event().wait()
        self.count += 1
        if self.count == self.at:
            if self.act is not None:
                self.act()
                return
            self.on_death()
            self.dead = True
            await self.runtime.event().wait()

    async def passing(self, coro: Coroutine[Any, Any, Any]) -> Any:
        """What is asked for goes on by itself, whatever becomes of who asked."""
        try:
            await self.point()
        except BaseException:
            coro.close()
            raise
        task = self.runtime.start(coro, "asked for", lambda _: None)
        try:
            result = await task.join()
        except BaseException:
            if not self.dead:
                task.cancel()
            raise
        await self.point()
        return result


class Bodies:
    """An agent host: which body (epoch) of an agent runs where; a stop calls a start that is under way off."""

    def __init__(self, runtime: VirtualRuntime) -> None:
        self.runtime = runtime
        self.running: dict[tuple[str, str], int] = {}  # (node, agent) -> epoch
        self.starting: dict[tuple[str, str], int] = {}
        self.begun: list[tuple[str, int]] = []  # (agent, epoch)

    async def start_agent(self, node_id: str, agent_id: str, config: dict[str, Any], epoch: int = 0) -> None:
        place = node_id, agent_id
        assert (agent_id, epoch) not in self.begun, f"{agent_id} starts twice under epoch {epoch}"
        self.begun.append((agent_id, epoch))
        self.starting[place] = epoch
        await self.runtime.sleep(1.0)
        if self.starting.get(place) == epoch:
            del self.starting[place]
            assert place not in self.running, f"{agent_id} runs twice on {node_id}"
            self.running[place] = epoch

    async def stop_agent(self, node_id: str, agent_id: str) -> None:
        self.starting.pop((node_id, agent_id), None)
        await self.runtime.sleep(0.5)
        self.running.pop((node_id, agent_id), None)

    def of(self, agent_id: str) -> list[tuple[str, int]]:
        return [(place[0], epoch) for place, epoch in self.running.items() if place[1] == agent_id]


class Watched:
    """Host, provider and link of one control plane, all behind its switch."""

    def __init__(self, switch: Switch, bodies: Bodies) -> None:
        self.switch, self.bodies = switch, bodies

    async def start_agent(self, node_id: str, agent_id: str, config: dict[str, Any], epoch: int = 0) -> None:
        await self.switch.passing(self.bodies.start_agent(node_id, agent_id, config, epoch))

    async def stop_agent(self, node_id: str, agent_id: str) -> None:
        await self.switch.passing(self.bodies.stop_agent(node_id, agent_id))

    async def provide(self) -> NodeInfo:
        raise AssertionError("nobody scales here")

    async def drained(self, node_id: str) -> None:
        await self.switch.passing(self.switch.runtime.sleep(0.7))

    async def release(self, node_id: str) -> None:
        raise AssertionError("nobody scales here")

    async def carry(self, source: str, target: str, agent_id: str, version: int, size_bytes: int) -> None:
        await self.switch.passing(self.switch.runtime.sleep(0.3))


class WatchedRuntime:
    """The virtual runtime as one control plane sees it: sleeps, events and joins pass the switch."""

    def __init__(self, switch: Switch) -> None:
        self._switch, self._runtime = switch, switch.runtime

    def __getattr__(self, name: str) -> Any:
        return getattr(self._runtime, name)

    async def sleep(self, duration_s: float) -> None:
        await self._switch.passing(self._runtime.sleep(duration_s))

    async def sleep_until(self, at: float) -> None:
        async def wait() -> None:
            await self._runtime.sleep_until(at)

        await self._switch.passing(wait())

    def event(self) -> Any:
        return _WatchedWait(self._switch, self._runtime.event(), "wait")

    def spawn(self, coro: Coroutine[Any, Any, Any], name: str = "") -> Any:
        return _WatchedWait(self._switch, self._runtime.spawn(coro, name), "join")


class _WatchedWait:
    """An event or a task whose waiting passes the switch."""

    def __init__(self, switch: Switch, inner: Any, verb: str) -> None:
        self._switch, self._inner, self._verb = switch, inner, verb

    def __getattr__(self, name: str) -> Any:
        inner = getattr(self._inner, name)
        if name != self._verb:
            return inner

        async def watched() -> Any:
            await self._switch.point()
            result = await inner()
            await self._switch.point()
            return result

        return watched


def frozen(journal: MemoryJournal) -> MemoryJournal:
    """The journal as it is at this instant."""
    return copy.deepcopy(journal)

"""Reloads of a plugin under calls with some awaits late: no call is lost, run twice, or run by code that has left.

Beside the calls one operator reloads, one takes the plugin off and puts it on again, and a broken version lies in the
folder for a while; a scan finds the last one. The books are the runners' own and what the operators were told.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

from sim.errors import SimError
from sim.integration.plugins.manager import PluginManager
from sim.integration.plugins.protocol import PluginRaised
from sim.integration.plugins.runners.base import PluginSource, RunnerStatistics
from sim.runtime.events import EventLog
from tests.integration.plugins.rig import write
from tests.scalability.manager.kill import Switch, WatchedRuntime
from tests.storm.late import Late

DELAY_S = 0.03  # a start takes .01 s, a call .006 s, a stop .002 s
PLUGIN, HOOK = "custom.late", "before_request"
BROKEN = "broken"
CALLS, EVERY_S = 5, 0.009


class Body:
    """A runner whose code is a version number; it notes what it ran, and sees to it that it was not stopped before."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.version = stage, ""
        self.started, self.stopped, self.running = False, False, 0

    async def start(self, source: PluginSource) -> tuple[str, ...]:
        self.version = source.files["code.py"].decode().strip()
        self.stage.bodies.append(self)
        await self.stage.pass_s(0.01)
        if self.version == BROKEN:
            raise PluginRaised(source.plugin_id, "start", "ValueError", "broken")
        self.started = True
        return tuple(source.hooks)

    async def call(self, hook: str, payload: Any, deadline_s: float) -> Any:
        assert self.started, "called before its start was over"
        assert not self.stopped, f"request {payload['request']} meets code that has left"
        self.running += 1
        self.stage.heard[payload["request"]] += 1
        await self.stage.pass_s(0.006)
        self.running -= 1
        return {"reject": self.version}

    async def stop(self) -> None:
        assert not self.running, f"version {self.version} is stopped under {self.running} calls"
        self.stopped = True
        await self.stage.pass_s(0.002)

    def isolation(self) -> str:
        return "none"

    def statistics(self) -> RunnerStatistics:
        return RunnerStatistics()


class Stage:
    """A manager over one folder, its callers and its operators."""

    def __init__(self, runtime: Any, late: Late, root: Path) -> None:
        self.runtime, self.late, self.root = runtime, late, root
        self.switch = Switch(runtime, -1)
        self.switch.point = late.point  # type: ignore[method-assign]
        self.bodies: list[Body] = []
        self.heard = Counter[int]()
        self.events = EventLog()
        self.written, self.known = 0, 0  # versions: last in the folder, last that a reload was told to serve
        self.off_asked, self.on_again = False, False
        config = {"folders": [str(root)], "plugin_timeout": 5.0, "enable_hot_reload": True}
        self.manager = PluginManager(
            config,
            runtime=WatchedRuntime(self.switch),  # type: ignore[arg-type]
            events=self.events,
            make_runner=lambda found, level: Body(self),
            ships=False,
        )

    async def pass_s(self, duration_s: float) -> None:
        await self.switch.passing(self.runtime.sleep(duration_s))

    def put(self, version: int | str) -> None:
        """A version lies in the folder."""
        self.written = version if isinstance(version, int) else self.written
        write(self.root, PLUGIN, str(version), hooks=HOOK)

    async def reload(self) -> bool:
        """An operator's word; False when it was refused."""
        newest = self.written
        if not await told(self.manager.reload_plugin(PLUGIN)):
            return False
        self.known = max(self.known, newest)
        return True

    async def call(self, number: int) -> None:
        """One call: answered by a version that was not replaced before it began and was written before it ended."""
        least, sure = self.known, not self.off_asked or self.on_again
        answer = await self.manager.hooks.call(HOOK, {"request": number})
        if answer is None:
            assert not sure, f"request {number} has no answer"
            assert self.heard[number] == 0
        else:
            assert least <= int(answer.reject) <= self.written, (number, answer, least)
            assert self.heard[number] == 1

    async def calls(self) -> None:
        tasks = []
        for number in range(CALLS):
            tasks.append(self.runtime.spawn(self.call(number), f"call {number}"))
            await self.runtime.sleep(EVERY_S)
        for task in tasks:
            await task.join()

    async def off_and_on(self) -> None:
        self.off_asked = True
        await self.manager.disable_plugin(PLUGIN)
        await self.manager.enable_plugin(PLUGIN)
        self.on_again = True

    def alive(self) -> list[str]:
        """Versions whose runner was not stopped."""
        return [body.version for body in self.bodies if not body.stopped]

    async def judged(self) -> None:
        """The last version serves, alone; and nothing is left once the manager stops."""
        self.late.counting = False
        manager = self.manager
        await manager.scan_again()
        assert self.alive() == [str(self.written)]
        assert [body.running for body in self.bodies] == [0] * len(self.bodies)
        self.off_asked = False
        self.known = self.written
        await self.call(CALLS)
        assert "plugin.hook_failed" not in {row.kind for row in self.events.rows}
        for row in self.events.rows:
            assert row.kind != "plugin.retired" or "no call holds it" in str(row)
        await manager.stop()
        assert self.alive() == []
        assert await manager.hooks.call(HOOK, {"request": CALLS + 1}) is None


async def told(step: Awaitable[Any]) -> bool:
    """Whether what an operator asked for was done."""
    try:
        await step
    except SimError:
        return False
    return True


async def reload(runtime: Any, late: Late) -> None:
    """One history."""
    root = Path(tempfile.mkdtemp(prefix="late-"))
    try:
        stage = Stage(runtime, late, root)
        stage.put(1)
        await stage.manager.discover_plugins()
        await stage.manager.enable_plugin(PLUGIN)
        stage.known = 1
        calls = runtime.spawn(stage.calls(), "calls")
        await runtime.sleep(0.004)
        stage.put(2)
        first = runtime.spawn(stage.reload(), "reload")
        await runtime.sleep(0.012)
        toggling = runtime.spawn(stage.off_and_on(), "off and on")
        stage.put(BROKEN)
        await stage.reload()
        stage.put(3)
        await stage.manager.scan_again()
        for task in (first, toggling, calls):
            await task.join()
        await stage.judged()
    finally:
        shutil.rmtree(root, ignore_errors=True)

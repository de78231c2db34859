"""The `worker` runner: a CPython of its own behind the kernel's walls, spoken to by frames, killed when it must be.

A call is answered within its wall seconds or the process is killed; a broken frame, too many host functions, an end by
itself or a MemoryError end it too. The next call gets a new process (state is lost, `restarts_count` tells), at most
`restarts_max` times. What it prints goes to `log`. On virtual time a call takes no time; the wall deadline is a safety
net there, and `PluginEnded` with `deadline` must make the run INVALID.
"""

from __future__ import annotations

import os
from typing import Any

from sim.contracts import Runtime
from sim.integration.plugins.runners import base, frames
from sim.integration.plugins.runners.log import BoundedLog
from sim.integration.plugins.runners.nursery import Nursery, WorkerEnds, end_worker, kill_worker
from sim.integration.plugins.runners.turns import Turns
from sim.integration.plugins.runners.wire import Wire, WireEnd
from sim.integration.plugins.sandbox import layers
from sim.integration.plugins.sandbox.rlimits import ProcessLimits

LOG_READ_BYTES = 1 << 16


class WorkerRunner:
    """One plugin in one worker; implements `base.SourceRunner`. `required` is the weakest level that will do."""

    def __init__(
        self,
        runtime: Runtime,
        nursery: Nursery,
        host: base.HostFunctions,
        limits: base.RunnerLimits | None = None,
        required: str = "confined",
    ) -> None:
        self._runtime, self._nursery, self._host = runtime, nursery, host
        self.limits, self.required = limits or base.RunnerLimits(), required
        self.log = BoundedLog(self.limits.log_max_bytes)
        self._turns = Turns(runtime, self.limits.waiting_max)
        self._statistics = base.RunnerStatistics()
        self._source: base.PluginSource | None = None
        self._ends: WorkerEnds | None = None
        self._wire: Wire | None = None

    @property
    def pid(self) -> int | None:
        """The process under way, for tests and `plugins list`."""
        return self._ends.pid if self._ends else None

    def isolation(self) -> str:
        """The level that the machine gives to workers; `none` before the first start."""
        return layers.level_of(self._nursery.reached) if self._nursery.starts_count else "none"

    def statistics(self) -> base.RunnerStatistics:
        """Counts so far."""
        self._statistics.log_dropped_bytes = self.log.dropped_bytes
        return self._statistics

    async def start(self, source: base.PluginSource) -> tuple[str, ...]:
        """Load the plugin in a new process; the hooks it offers."""
        await self._turns.take(source.plugin_id, "start")
        try:
            self._source = source
            return await self._start(source)
        finally:
            self._turns.give()

    async def call(self, hook: str, payload: Any, deadline_s: float) -> Any:
        """A hook's value; a dead process is started anew first, within `start_max_s` besides the deadline."""
        source = self._source
        if source is None:
            raise base.PluginEnded("*", hook, "exit", "it is not started")
        await self._turns.take(source.plugin_id, hook)
        try:
            if self._source is not source:
                raise base.PluginEnded(source.plugin_id, hook, "exit", "it was stopped")
            if self._wire is None:
                await self._start_anew(source, hook)
            self._statistics.calls_count += 1
            return await self._exchange(source, hook, payload, deadline_s)
        finally:
            self._turns.give()

    async def stop(self) -> None:
        """Kill the process, which ends the call under way and those that wait; again does nothing."""
        source, self._source = self._source, None
        if source is None:
            return
        if self._ends is not None:
            kill_worker(self._ends)
        await self._turns.take(source.plugin_id, "stop", bounded=False)
        self._end()
        self._turns.give()

    async def _start_anew(self, source: base.PluginSource, hook: str) -> None:
        if self._statistics.restarts_count >= self.limits.restarts_max:
            raise base.PluginEnded(source.plugin_id, hook, "exit", f"started anew {self.limits.restarts_max} times")
        self._statistics.restarts_count += 1
        await self._start(source)

    async def _start(self, source: base.PluginSource) -> tuple[str, ...]:
        self._end()
        await self._nursery.start(self._runtime, base.START_MAX_S)
        reached = self.isolation()
        if layers.rank(reached) < layers.rank(self.required):
            missing = {name: why for name, why in self._nursery.report.items() if why}
            raise base.PluginRefused(source.plugin_id, "start", f"isolation {self.required}", f"{reached}: {missing}")
        limits = ProcessLimits(self.limits.memory_max_bytes, self.limits.cpu_max_s)
        self._ends = self._nursery.fork(limits)
        self._wire = Wire(self._runtime, self._ends.wire, self.limits.frame_max_bytes)
        self._wire.begin(self.limits.start_max_s)
        load = frames.Load(
            source.plugin_id, source.module, source.files, source.settings, list(source.hooks), source.seed
        )
        try:
            await self._wire.send(frames.pack(load, frames.LOAD_MAX_BYTES))
            frame = await self._wire.receive()
        except WireEnd as end:
            raise self._ended(source, "start", end.why, end.text) from None
        except BaseException:
            self._end()
            raise
        if isinstance(frame, frames.Ready):
            return tuple(hook for hook in source.hooks if hook in frame.hooks)
        self._drain()
        self._end()
        if isinstance(frame, frames.Failure):
            raise base.PluginRaised(source.plugin_id, "start", frame.kind, frame.text)
        raise base.PluginEnded(source.plugin_id, "start", "protocol", type(frame).__name__)

    async def _exchange(self, source: base.PluginSource, hook: str, payload: Any, deadline_s: float) -> Any:
        wire, number = self._wire, self._statistics.calls_count
        assert wire is not None
        data = frames.pack(frames.Call(number, hook, self._runtime.now(), payload), self.limits.frame_max_bytes)
        wire.begin(deadline_s)
        try:
            await wire.send(data)
            frame = await self._last_frame(wire, source)
        except WireEnd as end:
            raise self._ended(source, hook, end.why, end.text) from None
        except BaseException:  # cancelled, or the host's own fault: what the worker does now is not known
            self._drain()
            self._end()
            self._statistics.ended_count += 1
            self._statistics.last_ended = "cancelled"
            raise
        self._drain()
        if not isinstance(frame, frames.Result | frames.Failure) or frame.number != number or not wire.idle():
            raise self._ended(source, hook, "protocol", f"an answer that nobody asked for: {type(frame).__name__}")
        if isinstance(frame, frames.Result):
            return frame.value
        if frame.kind in ("MemoryError", "SystemError"):
            raise self._ended(source, hook, "memory", f"more than {self.limits.memory_max_bytes} bytes")
        self._statistics.raised_count += 1
        raise base.PluginRaised(source.plugin_id, hook, frame.kind, frame.text)

    async def _last_frame(self, wire: Wire, source: base.PluginSource) -> frames.ToHost:
        for _ in range(self.limits.asks_max + 1):
            frame = await wire.receive()
            if not isinstance(frame, frames.Ask):
                return frame
            self._statistics.asks_count += 1
            asked_at = self._runtime.now()
            answer = await self._answer(source, frame)
            wire.left_s -= self._runtime.now() - asked_at
            await wire.send(answer)
        raise WireEnd("protocol", f"more than {self.limits.asks_max} host functions in one call")

    async def _answer(self, source: base.PluginSource, ask: frames.Ask) -> bytes:
        try:
            value = await self._host.ask(source.plugin_id, ask.name, ask.arguments)
            return frames.pack(frames.Answer(value), self.limits.frame_max_bytes)
        except (PermissionError, frames.FrameError, TypeError) as error:
            return frames.pack(frames.Answer(None, str(error)[: frames.TEXT_MAX] or "refused"))

    def _ended(self, source: base.PluginSource, hook: str, why: str, text: str) -> base.PluginEnded:
        self._drain()
        self._end()
        self._statistics.ended_count += 1
        self._statistics.last_ended = why
        return base.PluginEnded(source.plugin_id, hook, why, text)

    def _drain(self) -> None:
        if self._ends is not None:
            try:
                self.log.add(os.read(self._ends.log_fd, LOG_READ_BYTES))
            except BlockingIOError:  # it printed nothing
                return

    def _end(self) -> None:
        if self._ends is not None:
            end_worker(self._ends)
        self._ends = self._wire = None

"""The `monty` runner: a Python subset interpreted in Rust, in a process of its own; deterministic, untrusted code.

Problem: a worker's CPython reads real clocks and entropy, so that only its journal repeats. Monty (pydantic-monty) has
no files, sockets or processes to reach; clock, sleep and random seed are given: the runtime's instant, no waiting,
`PluginSource.seed`. Its limits are off by default and always set here: heap bytes, seconds of a call, recursion. Its
processes stand behind the same walls as workers where the machine gives them. A deadline counts wall time, is a safety
net, and makes a simulated run INVALID. One file, no imports but Monty's own.
"""

from __future__ import annotations

from typing import Any

from sim.contracts import Runtime
from sim.integration.plugins.runners import base, frames
from sim.integration.plugins.runners.log import BoundedLog
from sim.integration.plugins.runners.monty_pool import MontyPool
from sim.integration.plugins.runners.monty_session import MontySession, Raised, SessionEnd, Step
from sim.integration.plugins.runners.turns import Turns
from sim.integration.plugins.sandbox import layers

LAST_LINES = """
class _VictorContext:
    def __init__(self, plugin_id, settings):
        self.plugin_id, self.settings, self.at = plugin_id, settings, 0.0
    async def call(self, _victor_function, **arguments):
        return _victor_ask(_victor_function, arguments)
    def log(self, text):
        print(text)
    def provide(self, group, name, entry):
        raise PermissionError(f"{group}:{name}: only a trusted plugin brings objects")
_victor_context = _VictorContext(_victor_id, _victor_settings)
try:
    _victor_made = Plugin(_victor_context)
except NameError:
    _victor_made = None
"""
OF_CLASS = "_victor_value = _victor_made.{hook}(_victor_payload)"
OF_MODULE = "_victor_value = {hook}(_victor_payload)"
CALL = """
_victor_context.at = _victor_at
{call}
(await _victor_value) if str(type(_victor_value)) == "<class 'coroutine'>" else _victor_value
"""


class MontyRunner:
    """One plugin in one Monty session; implements `base.SourceRunner`."""

    def __init__(
        self,
        runtime: Runtime,
        pool: MontyPool,
        host: base.HostFunctions,
        limits: base.RunnerLimits | None = None,
        required: str = "process",
    ) -> None:
        self._runtime, self._pool, self._host = runtime, pool, host
        self.limits, self.required = limits or base.RunnerLimits(), required
        self.log = BoundedLog(self.limits.log_max_bytes)
        self._turns = Turns(runtime, self.limits.waiting_max)
        self._statistics = base.RunnerStatistics()
        self._source: base.PluginSource | None = None
        self._session: MontySession | None = None
        self._code: dict[str, str] = {}  # of a call, by hook

    def isolation(self) -> str:
        """`monty+LEVEL`: the interpreter has nothing to reach, and its process stands behind the walls of LEVEL."""
        return f"monty+{self._pool.level}"

    def statistics(self) -> base.RunnerStatistics:
        """Counts so far."""
        self._statistics.log_dropped_bytes = self.log.dropped_bytes
        return self._statistics

    async def start(self, source: base.PluginSource) -> tuple[str, ...]:
        """Load the plugin in a session of its own; the hooks it offers. Raises as `base.SourceRunner`."""
        await self._turns.take(source.plugin_id, "start")
        try:
            self._source = source
            return await self._start(source)
        finally:
            self._turns.give()

    async def call(self, hook: str, payload: Any, deadline_s: float) -> Any:
        """A hook's value; after a session's end the next call finds a new one, at most `restarts_max` times."""
        source = self._source
        if source is None:
            raise base.PluginEnded("*", hook, "exit", "it is not started")
        await self._turns.take(source.plugin_id, hook)
        try:
            if self._source is not source:
                raise base.PluginEnded(source.plugin_id, hook, "exit", "it was stopped")
            if self._session is None:
                await self._start_anew(source, hook)
            self._statistics.calls_count += 1
            async with self._runtime.timeout(deadline_s):
                code = CALL.format(call=self._code.get(hook, OF_MODULE.format(hook=hook)))
                inputs = {"_victor_payload": payload, "_victor_at": self._runtime.now()}
                return self._plain(source, hook, await self._run(source, hook, code, inputs))
        except TimeoutError:
            self._end()
            raise self._counted(source, hook, "deadline", f"{deadline_s} s") from None
        finally:
            self._turns.give()

    async def stop(self) -> None:
        """End the session, which ends the call under way; again does nothing."""
        source, self._source = self._source, None
        if source is None:
            return
        if self._session is not None:
            self._session.kill()
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
        await self._pool.prepare(self._runtime)
        if layers.rank(self._pool.level) < layers.rank(self.required):
            raise base.PluginRefused(source.plugin_id, "start", f"isolation {self.required}", self._pool.level)
        name = f"{source.module}.py"
        if name not in source.files:
            raise base.PluginRaised(source.plugin_id, "start", "ModuleNotFoundError", name)
        limits, pool = self.limits, await self._runtime.run_blocking(self._pool.open)
        try:
            self._session = await self._runtime.run_blocking(
                lambda: MontySession(pool, limits.memory_max_bytes, limits.call_max_s, source.seed, self.log.add)
            )
        except SessionEnd as end:
            raise base.PluginRefused(source.plugin_id, "start", "monty", end.text) from None
        inputs = {"_victor_id": source.plugin_id, "_victor_settings": source.settings}
        try:
            code = source.files[name].decode()
            await self._run(source, "start", f"{code}\n{LAST_LINES}", inputs)
            return await self._hooks(source)
        except UnicodeDecodeError as error:
            self._end()
            raise base.PluginRaised(source.plugin_id, "start", "SyntaxError", str(error)) from None
        except base.PluginRaised:
            self._end()
            raise

    async def _hooks(self, source: base.PluginSource) -> tuple[str, ...]:
        found = {}
        for hook in source.hooks:
            looked = f"try:\n    _victor_value = {hook}\nexcept NameError:\n    _victor_value = None\n"
            looked += f"[hasattr(_victor_made, {hook!r}), _victor_value is not None]"
            of_class, of_module = await self._run(source, "start", looked, {})
            if of_class or of_module:
                found[hook] = (OF_CLASS if of_class else OF_MODULE).format(hook=hook)
        self._code = found
        return tuple(found)

    async def _run(self, source: base.PluginSource, hook: str, code: str, inputs: dict[str, Any]) -> Any:
        session, now, wall_at = self._session, self._runtime.now(), self._runtime.wall_at()
        assert session is not None
        try:
            step = await self._runtime.run_blocking(lambda: session.begin(code, inputs, now, wall_at))
            for _ in range(self.limits.asks_max):
                if step.over:
                    return step.value
                step = await self._answered(source, session, step)
            if step.over:
                return step.value
            raise SessionEnd("protocol", f"more than {self.limits.asks_max} host functions in one call")
        except Raised as error:
            self._statistics.raised_count += 1
            raise base.PluginRaised(source.plugin_id, hook, error.kind, error.text[: frames.TEXT_MAX]) from None
        except SessionEnd as end:
            self._end()
            raise self._counted(source, hook, end.why, end.text) from None
        except BaseException:  # cancelled: what the session does now is not known
            self._end()
            raise

    async def _answered(self, source: base.PluginSource, session: MontySession, step: Step) -> Step:
        self._statistics.asks_count += 1
        value, error = None, ""
        try:
            value = await self._host.ask(source.plugin_id, step.name, step.arguments)
        except PermissionError as refusal:
            error = str(refusal) or "refused"
        return await self._runtime.run_blocking(lambda: session.answer(step, value, error))

    def _plain(self, source: base.PluginSource, hook: str, value: Any) -> Any:
        """As a worker's value would come: through msgpack, within the frame's cap."""
        try:
            data = frames.pack(frames.Result(0, value), self.limits.frame_max_bytes)
            frame = frames.of_worker(data[frames.HEADER_BYTES :])
        except (frames.FrameError, TypeError, ValueError, OverflowError, RecursionError) as error:
            self._statistics.raised_count += 1
            raise base.PluginRaised(source.plugin_id, hook, type(error).__name__, str(error)) from None
        assert isinstance(frame, frames.Result)
        return frame.value

    def _counted(self, source: base.PluginSource, hook: str, why: str, text: str) -> base.PluginEnded:
        self._statistics.ended_count += 1
        self._statistics.last_ended = why
        return base.PluginEnded(source.plugin_id, hook, why, text[: frames.TEXT_MAX])

    def _end(self) -> None:
        if self._session is not None:
            self._session.kill()
            self._session.close()
        self._session = None

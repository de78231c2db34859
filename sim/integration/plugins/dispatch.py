"""Calls of hooks: every plugin in its order, none able to stop the others, each failure counted and told.

A hook's plugins stand in a tuple that is rebuilt when one is enabled or disabled, and a call keeps the tuple it began
with: so each call runs in exactly one generation. Whatever a plugin raises, BaseException too (KeyboardInterrupt alone
passes: it is the user's), is a failure of that plugin and an event. `call_now` is for the request path: a coroutine
must end without waiting. `call` may wait, `timeout_s` in all: a plugin gets an equal share of what is left by those
before. With an `entity` the declared latency is drawn (`cost_s`); who would answer after `timeout_s` is not called and
has failed.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec

from sim.contracts import Draws, EventSink, Runtime
from sim.integration.plugins import wrapping
from sim.integration.plugins.folds import FOLDS
from sim.integration.plugins.inproc import text_of
from sim.integration.plugins.journal import Entry
from sim.integration.plugins.protocol import HOOKS, Mode, PluginEnded, PluginError, ReplayDiffers
from sim.integration.plugins.recording import Recorder
from sim.integration.plugins.unit import Impl
from sim.runtime.draws import PLUGIN_LATENCY

DEPTH_MAX = 4  # hooks called by what a hook caused
REASON_MAX = 300
HOOK_NUMBERS = {name: number for number, name in enumerate(HOOKS)}


class Dispatcher:
    """`tables[hook]` and `wrappers[hook]` are what the manager freezes; `stopwatch` (wall seconds) is the host's."""

    def __init__(
        self, runtime: Callable[[], Runtime], events: EventSink, timeout_s: float, draws: Draws | None = None,
        stopwatch: Callable[[], float] | None = None, recorder: Recorder | None = None,
    ) -> None:  # fmt: skip
        self._runtime, self._events, self.timeout_s = runtime, events, timeout_s
        self._draws, self._stopwatch, self.recorder = draws, stopwatch, recorder
        self.tables: dict[str, tuple[Impl, ...]] = dict.fromkeys(HOOKS, ())
        self.wrappers: dict[str, tuple[Impl, ...]] = dict.fromkeys(HOOKS, ())
        self.calls_count = 0
        self.cost_s = 0.0  # of the last call
        self.invalid = ""  # why the run's numbers must not be used
        self._depth = 0

    def now(self) -> float:
        """The runtime's instant."""
        return self._runtime().now()

    def call_now(self, hook: str, payload: dict[str, Any], entity: int | None = None) -> Any:
        """The hook's answer (None: none) at this very instant; never raises for a plugin."""
        impls, wrappers = self.tables[hook], self.wrappers[hook]
        self.cost_s = 0.0
        if not impls and not wrappers:
            return None
        self.calls_count += 1
        if self._depth >= DEPTH_MAX:
            self._events.write(self._runtime().now(), "plugin.hook_skipped", hook, reason=f"{DEPTH_MAX} hooks deep")
            return None
        self._depth += 1
        try:
            if wrappers:
                payload = dict(payload)
                opened = wrapping.opened(self, wrappers, payload)
                return wrapping.closed(self, opened, self._run_now(hook, impls, payload, entity))
            return self._run_now(hook, impls, payload, entity)
        finally:
            self._depth -= 1

    def _run_now(self, hook: str, impls: tuple[Impl, ...], payload: dict[str, Any], entity: int | None) -> Any:
        answer: Any = None
        stopwatch, recorder, cost_s = self._stopwatch, self.recorder, 0.0
        mode = HOOKS[hook].mode
        for impl in impls:
            circuit, counts = impl.circuit, impl.counts
            if circuit.off and self._runtime().now() < circuit.off_until:
                counts.skipped_count += 1
                continue
            counts.calls_count += 1
            if impl.mean_s and entity is not None:
                late_s = self._latency_s(impl, entity)
                counts.cost_s += min(late_s, self.timeout_s)
                cost_s += min(late_s, self.timeout_s)
                if late_s > self.timeout_s:
                    self.failed(impl, TimeoutError(f"{late_s:.3f} s: more than {self.timeout_s:g}"), None)
                    continue
            entry = None if recorder is None else recorder.begin(impl.unit.plugin_id, hook, payload)
            began = 0.0 if stopwatch is None else stopwatch()
            try:
                if entry is None or recorder is None:
                    value = impl.function(payload.copy())
                else:
                    value = recorder.call(entry, impl.function, payload.copy())
                if value is not None and inspect.iscoroutine(value):
                    value = finished(value)
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                self.failed(impl, error, entry)
                continue
            if stopwatch is not None:
                took_s = stopwatch() - began
                counts.elapsed_s += took_s
                if took_s > self.timeout_s:
                    self._overran(impl, took_s, entry)
                    continue
            if value is not None or entry is not None:
                value = self.taken(impl, value, entry)
            elif circuit.failures or circuit.off:
                self._succeeded(impl)
            if value is None:
                continue
            if mode is Mode.FIRST:
                answer = value
                break
            if mode is Mode.FOLD:
                payload, answer = FOLDS[hook](payload, answer, value)
        self.cost_s = cost_s
        return answer

    def delay_s(self, hook: str, entity: int) -> float:
        """What a call of the hook takes by the declared laws, for a host that spends it before the call; counted."""
        total_s = 0.0
        for impl in self.tables[hook]:
            if impl.mean_s:
                own_s = min(self._latency_s(impl, entity), self.timeout_s)
                impl.counts.cost_s += own_s
                total_s += own_s
        return total_s

    def waits(self, hook: str) -> bool:
        """Whether a call of the hook may need to wait: a plugin has a coroutine there."""
        return any(inspect.iscoroutinefunction(impl.function) for impl in self.tables[hook])

    async def call(self, hook: str, payload: dict[str, Any]) -> Any:
        """As `call_now`, where plugins may wait."""
        impls, wrappers = self.tables[hook], self.wrappers[hook]
        if not impls and not wrappers:
            return None
        self.calls_count += 1
        units = [impl.unit for impl in (*impls, *wrappers)]
        for unit in units:
            unit.in_use += 1
        try:
            payload = dict(payload)
            opened = wrapping.opened(self, wrappers, payload)
            return wrapping.closed(self, opened, await self._run(hook, impls, payload))
        finally:
            for unit in units:
                unit.in_use -= 1

    async def _run(self, hook: str, impls: tuple[Impl, ...], payload: dict[str, Any]) -> Any:
        answer: Any = None
        runtime, mode = self._runtime(), HOOKS[hook].mode
        until = runtime.now() + self.timeout_s
        for number, impl in enumerate(impls):
            if impl.circuit.off and runtime.now() < impl.circuit.off_until:
                impl.counts.skipped_count += 1
                continue
            impl.counts.calls_count += 1
            began_at, recorder = runtime.now(), self.recorder
            entry = None if recorder is None else recorder.begin(impl.unit.plugin_id, hook, payload)
            try:
                if entry is None or recorder is None:
                    value, error = impl.function(payload.copy()), None
                else:
                    value, error = recorder.call(entry, impl.function, payload.copy()), None
            except KeyboardInterrupt:
                raise
            except BaseException as raised:
                value, error = None, raised
            if inspect.iscoroutine(value):
                value, error = await self._within(value, max(until - began_at, 0.0) / (len(impls) - number), impl)
            impl.counts.elapsed_s += runtime.now() - began_at
            if error is not None:
                self.failed(impl, error, entry)
                continue
            value = self.taken(impl, value, entry)
            if value is None:
                continue
            if mode is Mode.FIRST:
                return value
            if mode is Mode.FOLD:
                payload, answer = FOLDS[hook](payload, answer, value)
        return answer

    async def _within(
        self, coro: Coroutine[Any, Any, Any], share_s: float, impl: Impl
    ) -> tuple[Any, BaseException | None]:
        """A coroutine's value or error, from a task of its own: a cancel that comes out of here is our caller's."""
        task = self._runtime().spawn(_caught(coro), f"{impl.unit.plugin_id} {impl.spec.name}")
        try:
            async with self._runtime().timeout(share_s):
                outcome: tuple[Any, BaseException | None] = await task.join()
                return outcome
        except TimeoutError:
            return None, TimeoutError(f"more than {share_s:g} s")
        finally:
            if not task.done():
                task.cancel()

    def taken(self, impl: Impl, value: Any, entry: Entry | None) -> Any:
        """A plugin's value as the hook's answer; one of another shape is its failure. Journaled where that is asked."""
        answer = None
        if value is not None and impl.spec.answer is not None:
            try:
                answer = msgspec.convert(value, impl.spec.answer)
            except msgspec.ValidationError as error:
                self.failed(impl, error, entry)
                return None
            impl.counts.answers_count += 1
        if entry is not None and self.recorder is not None:
            self.recorder.answered(entry, msgspec.to_builtins(answer))
        if impl.circuit.failures or impl.circuit.off:
            self._succeeded(impl)
        return answer

    def failed(self, impl: Impl, error: BaseException, entry: Entry | None, early: bool = False) -> None:
        """A call ended badly; the run goes on. `early`: of a wrapper, before its yield."""
        now, unit = self._runtime().now(), impl.unit
        impl.counts.failures_count += 1
        name = error.why if isinstance(error, PluginError) else type(error).__name__
        text = error.text if isinstance(error, PluginError) else text_of(error)
        reason = f"{name}: {text}"[:REASON_MAX]
        if entry is not None and self.recorder is not None:
            self.recorder.failed(entry, name, text, isinstance(error, PluginEnded), early)
        self._events.write(now, "plugin.hook_failed", unit.plugin_id, hook=impl.spec.name, reason=reason)
        if isinstance(error, PluginEnded) and error.why == "deadline":
            self.invalid = self.invalid or f"{unit.plugin_id} was killed by the wall clock in {impl.spec.name}"
        if isinstance(error, ReplayDiffers):
            self.invalid = self.invalid or str(error)
        if impl.circuit.failed(now):
            off_s = impl.circuit.off_until - now
            self._events.write(now, "plugin.off", unit.plugin_id, reason=f"{reason}; probed after {off_s:g} s")

    def _succeeded(self, impl: Impl) -> None:
        if impl.circuit.succeeded():
            now = self._runtime().now()
            self._events.write(now, "plugin.on", impl.unit.plugin_id, reason=f"a probe of {impl.spec.name} ended well")

    def _overran(self, impl: Impl, took_s: float, entry: Entry | None) -> None:
        """Code in this process cannot be cut; it is named, and a run whose outcome hangs on the wall is no result."""
        self.invalid = self.invalid or f"{impl.unit.plugin_id} took more than {self.timeout_s:g} wall seconds"
        self.failed(impl, TimeoutError(f"{took_s:.3f} s of wall time: more than {self.timeout_s:g}"), entry)

    def _latency_s(self, impl: Impl, entity: int) -> float:
        if impl.unit.manifest.latency.law == "constant" or self._draws is None:
            return impl.mean_s
        u = self._draws.uniform(PLUGIN_LATENCY, entity, impl.unit.word, HOOK_NUMBERS[impl.spec.name])
        return -impl.mean_s * math.log(u)


def finished(coro: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine that does not wait; raises RuntimeError for one that does."""
    try:
        coro.send(None)
    except StopIteration as done:
        return done.value
    coro.close()
    raise RuntimeError("it waits, in a hook that must answer at once")


async def _caught(coro: Coroutine[Any, Any, Any]) -> tuple[Any, BaseException | None]:
    try:
        return await coro, None
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return None, error

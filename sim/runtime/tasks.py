"""Coroutines on virtual time: a task steps an `async def` coroutine over SimPy events.

What a coroutine awaits comes down to a SimPy event that it yields; anything else is foreign and gets a TypeError that
names it. Cancellation is asyncio's: a task cancelled before its first step never runs its body, cancels before the next
step are one, cancelling an ended task does nothing, an uncaught cancel ends the task and not the run. Every task steps
in a context of its own, and its outcome is kept for late joiners. An `async for` that is left early closes its
generator in a task of its own, as asyncio does; with `contextlib.aclosing` it happens at a place one can see.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine, Generator
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from simpy.events import Event

from sim.runtime.cancelled import Cancelled
from sim.runtime.environment import Alarm

if TYPE_CHECKING:
    from sim.runtime.virtual import VirtualRuntime


class VirtualParking(Event):
    """Where one virtual task waits until it is woken."""

    def wake(self) -> None:
        self.succeed()

    def __await__(self) -> Generator[Event, Any, Any]:
        return (yield self)


class VirtualTask:
    """A spawned coroutine; `join` gives its result or raises its error, also when it ended long ago."""

    def __init__(
        self,
        runtime: VirtualRuntime,
        coro: Coroutine[Any, Any, Any],
        name: str,
        on_end: Callable[[VirtualTask], None] | None = None,
    ) -> None:
        self.name = name
        self.error: BaseException | None = None
        self.joined = on_end is not None  # who asks to hear of the end takes care of a failure
        self._runtime, self._coro, self._on_end = runtime, coro, on_end
        self._context = copy_context()
        self._result: Any = None
        self._over = runtime.event()
        self._awaited: Event | None = None  # what its next step waits for; None while it runs and when it has ended
        self._must_cancel = False
        self._cancels_count = 0
        self._step_soon()

    def done(self) -> bool:
        """True once the coroutine returned, failed or was cancelled."""
        return self._over.is_set()

    def cancelled(self) -> bool:
        """True if a cancel ended it."""
        return isinstance(self.error, Cancelled)

    def cancel(self) -> None:
        """Throw `Cancelled` in at its next step, at this instant; does nothing once it has ended."""
        if self.done():
            return
        self._cancels_count += 1
        self._must_cancel = True
        awaited = self._awaited
        if awaited is not None:
            awaited.callbacks.remove(self._step)
            if isinstance(awaited, Alarm):
                awaited.cancel()
            self._step_soon()

    def cancelling(self) -> int:
        """How many cancels were asked for and not taken back."""
        return self._cancels_count

    def uncancel(self) -> int:
        """Take one cancel back (a timeout that was its cause does); gives how many are left."""
        self._cancels_count = max(self._cancels_count - 1, 0)
        return self._cancels_count

    async def join(self) -> Any:
        """The result; raises the task's error, `Cancelled` if it was cancelled. Cancelling a joiner leaves the task."""
        if not self.joined:
            self.joined = True
            self._runtime.joined(self)
        await self._over.wait()
        return self.outcome()

    def outcome(self) -> Any:
        """The result of an ended task, or its error raised."""
        if self.error is not None:
            raise self.error
        return self._result

    def _step_soon(self, value: Any = None, error: BaseException | None = None) -> None:
        self._awaited = event = Event(self._runtime.env)
        event.callbacks.append(self._step)
        if error is None:
            event.succeed(value)
        else:
            event.fail(error)  # type: ignore[arg-type] # a Cancelled is no Exception; SimPy takes any BaseException
            event.defused = True

    def _step(self, event: Event) -> None:
        self._awaited = None
        self._context.run(self._advance, event)

    def _advance(self, event: Event) -> None:
        error: BaseException | None = None
        if not event._ok:
            event.defused = True
            error = event._value
        if self._must_cancel:
            self._must_cancel = False
            error = Cancelled()
        runtime = self._runtime
        running, runtime.running = runtime.running, self
        hooks = None
        if not runtime.is_stepping:
            hooks = sys.get_asyncgen_hooks()
            sys.set_asyncgen_hooks(firstiter=None, finalizer=runtime.finish_generator)
        try:
            awaited: Any = self._coro.send(event._value) if error is None else self._coro.throw(error)
        except StopIteration as stop:
            if self._must_cancel:  # cancelled in its very last step
                self._end(None, Cancelled())
            else:
                self._end(stop.value, None)
        except (KeyboardInterrupt, SystemExit) as ending:
            self._end(None, ending)
            raise
        except BaseException as failure:
            self._end(None, failure)
        else:
            is_plain = type(awaited) is Alarm and awaited.env is runtime.env and not self._must_cancel
            if is_plain and awaited.callbacks is not None:  # as `_follow` has it, for what most tasks wait for
                awaited.callbacks.append(self._step)
                self._awaited = awaited
            else:
                self._follow(awaited)
        finally:
            if hooks is not None:
                sys.set_asyncgen_hooks(*hooks)
            runtime.running = running

    def _follow(self, awaited: Any) -> None:
        if not isinstance(awaited, Event) or awaited.env is not self._runtime.env:
            self._step_soon(error=TypeError(f"task {self.name!r} awaits {_name_of(awaited)}"))
        elif self._must_cancel:
            self._step_soon()
        elif awaited.callbacks is None:  # it happened already
            self._step_soon(awaited._value, None if awaited._ok else awaited._value)
        else:
            awaited.callbacks.append(self._step)
            self._awaited = awaited

    def _end(self, result: Any, error: BaseException | None) -> None:
        if isinstance(error, Cancelled):
            error.__traceback__ = None  # it holds the frames of whoever moved time, and with them their whole run
        self._result, self.error = result, error
        self._runtime.ended(self)
        self._over.set()
        if self._on_end is not None:
            self._on_end(self)


def _name_of(awaited: Any) -> str:
    if isinstance(awaited, Event):
        return f"{awaited!r}, an event of another environment"
    if awaited is None:
        return "a bare yield (asyncio.sleep(0)?), which is foreign to the virtual runtime; it has sleep(0)"
    kind = type(awaited)
    return f"{kind.__module__}.{kind.__qualname__}, which is foreign to the virtual runtime"

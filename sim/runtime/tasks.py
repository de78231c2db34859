"""Coroutines on virtual time: a task steps an `async def` coroutine over SimPy events.

What a coroutine awaits comes down to a SimPy event that it yields; anything else is foreign and gets a clear
TypeError. Semantics are those of asyncio (`engine_rules`: tasks): a task cancelled before its first step never runs
its body, cancelling an ended task does nothing, an uncaught cancel ends the task and not the run, a completion wins
over a timeout at the same instant, every task steps in a context of its own, and outcomes are kept for late joiners.
"""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from simpy.events import URGENT, Event

from sim.runtime.cancelled import Cancelled

if TYPE_CHECKING:
    from sim.runtime.virtual import VirtualRuntime


class Until:
    """Await a SimPy event: the one thing that virtual coroutines yield."""

    __slots__ = ("event",)

    def __init__(self, event: Event) -> None:
        self.event = event

    def __await__(self) -> Generator[Event, Any, Any]:
        return (yield self.event)


class VirtualTask:
    """A spawned coroutine; `join` gives its result or raises its error, also when it ended long ago."""

    def __init__(self, runtime: VirtualRuntime, coro: Coroutine[Any, Any, Any], name: str) -> None:
        if not hasattr(coro, "send"):
            raise TypeError(f"spawn takes a coroutine, not {type(coro).__name__}")
        self.name = name
        self.error: BaseException | None = None
        self.joined = False
        self._runtime, self._coro = runtime, coro
        self._context = copy_context()
        self._result: Any = None
        self._ended = runtime.env.event()
        self._started = self._over = False
        self._cancels: list[Any] = []  # messages of cancels that are to be thrown in
        self._awaited: Event | None = None
        self._wake(None)

    def done(self) -> bool:
        """True once the coroutine returned, failed or was cancelled."""
        return self._over

    def cancelled(self) -> bool:
        """True if a cancel ended it."""
        return self._over and isinstance(self.error, Cancelled)

    def cancel(self, message: Any = None) -> None:
        """Throw `Cancelled` in at its next step (now, in SimPy's urgent order); nothing once it has ended."""
        if self._over:
            return
        self._cancels.append(message)
        if self._awaited is not None and self._awaited.callbacks is not None:
            self._awaited.callbacks.remove(self._step)
            self._awaited = None
            self._wake(None)

    async def join(self) -> Any:
        """The result; raises the task's error, `Cancelled` if it was cancelled."""
        self.joined = True
        if not self._over:
            await Until(self._ended)
        if self.error is not None:
            raise self.error
        return self._result

    def _wake(self, value: Any) -> None:
        event = Event(self._runtime.env)
        event._ok, event._value = True, value
        event.callbacks.append(self._step)
        self._awaited = None
        self._runtime.env.schedule(event, URGENT)

    def _step(self, event: Event) -> None:
        self._awaited = None
        self._context.run(self._advance, event)

    def _advance(self, event: Event) -> None:
        runtime, previous = self._runtime, self._runtime.current
        runtime.current = self
        try:
            if self._cancels:
                message = self._cancels.pop(0)
                if not self._started:
                    self._coro.close()
                    self._end(None, Cancelled())
                    return
                awaited = self._coro.throw(Cancelled() if message is None else Cancelled(message))
            else:
                self._started = True
                awaited = self._coro.send(event._value)
            while not isinstance(awaited, Event):
                text = f"task {self.name!r} awaits {type(awaited).__name__}, which is foreign to the virtual runtime"
                awaited = self._coro.throw(TypeError(text))
        except StopIteration as stop:
            self._end(stop.value, None)
        except Cancelled as cancelled:
            self._end(None, cancelled)
        except Exception as error:
            self._end(None, error)
        else:
            self._follow(awaited)
        finally:
            runtime.current = previous

    def _follow(self, awaited: Event) -> None:
        if self._cancels or awaited.callbacks is None:  # cancelled while it ran, or already happened
            self._wake(awaited._value if awaited.callbacks is None else None)
            return
        awaited.callbacks.append(self._step)
        self._awaited = awaited

    def _end(self, result: Any, error: BaseException | None) -> None:
        self._over, self._result, self.error = True, result, error
        self._runtime.ended(self)
        self._ended.succeed()

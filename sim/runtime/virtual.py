"""Virtual time: a SimPy environment drives the control plane's coroutines (implements `sim.contracts.Runtime`).

Instants and durations are float seconds. At the horizon `close` cancels all tasks in spawn order and lets them clean up
at this very instant, apart from the world's events, so that every `finally` has run before the audits and none moves a
count. Failures that nobody joined are raised when a run ends and at `close` (`sim.runtime.failures`).
"""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from simpy.events import Event

from sim.runtime.environment import Alarm, OrderedEnvironment
from sim.runtime.failures import Failures
from sim.runtime.order import DEADLINE
from sim.runtime.primitives import BoundedQueue, Flag
from sim.runtime.readiness import poll_for
from sim.runtime.scopes import Group, Timeout
from sim.runtime.tasks import VirtualParking, VirtualTask

T = TypeVar("T")

CANCEL_ROUNDS_MAX = 10  # a clean-up that waits for time is cancelled again; who ignores so many cancels is an error
CLEANUP_EVENTS_MAX = 1_000_000


class VirtualRuntime:
    """Clock and tasks over an `OrderedEnvironment`; `wall_epoch_s` is the wall time of instant 0."""

    def __init__(self, env: OrderedEnvironment | None = None, wall_epoch_s: float = 0.0) -> None:
        self.env = env or OrderedEnvironment()
        self.wall_epoch_s = wall_epoch_s
        self.running: VirtualTask | None = None
        self.is_stepping = False  # within `stepping`
        self.cleanup_events_max = CLEANUP_EVENTS_MAX
        self._tasks: dict[VirtualTask, None] = {}  # alive, in spawn order
        self._failures = Failures()
        self._closed = False

    def now(self) -> float:
        """Instant, 0 at the start."""
        return self.env.now

    def wall_at(self) -> float:
        """Wall time of this instant, seconds since the epoch."""
        return self.wall_epoch_s + self.env.now

    async def sleep(self, duration_s: float) -> None:
        """0 lets the others run; infinity ends by a cancel only. Raises ValueError for a negative duration or NaN."""
        if not duration_s >= 0.0:
            raise ValueError(f"sleep({duration_s}): accepted is a duration >= 0 s")
        await self.env.alarm(self.env.now + duration_s)

    def sleep_until(self, at: float) -> Alarm:
        """Wake at exactly `at`; an instant that has passed is now. Raises ValueError for NaN.

        What it gives is awaited at once: every tick of a loop passes here, and a coroutine of its own costs as much.
        """
        now = self.env.now
        if not at > now:
            if at != at:
                raise ValueError("sleep_until(nan): accepted is an instant")
            at = now
        return self.env.alarm(float(at))

    def spawn(self, coro: Coroutine[Any, Any, T], name: str = "") -> VirtualTask:
        """Start a task; its first step is at this instant, after what is due before it."""
        return self.start(coro, name, None)

    def timeout(self, duration_s: float) -> Timeout:
        """`async with`: TimeoutError if the body takes longer; it goes off after all else of control at its instant."""
        return Timeout(self, duration_s)

    def event(self) -> Flag:
        """A flag that tasks wait for."""
        return Flag(self._park)

    def queue(self, items_max: int) -> BoundedQueue:
        """A queue that holds at most `items_max` >= 1 items."""
        return BoundedQueue(self._park, items_max)

    def group(self) -> Group[VirtualTask]:
        """`async with`: tasks that end together; the first failure cancels the others."""
        return Group(self)

    async def run_blocking(self, fn: Callable[[], T], cost_s: float = 0.0) -> T:
        """Run `fn` now; its result (or error) comes `cost_s` of virtual time later."""
        if not cost_s >= 0.0:
            raise ValueError(f"run_blocking(cost_s={cost_s}): accepted is a duration >= 0 s")
        try:
            return fn()
        finally:
            await self.sleep(cost_s)

    async def ready(self, fd: int, within_s: float, writing: bool = False) -> float:
        """Wall seconds left of `within_s` once `fd` is ready for another process, -1 if not; no virtual time passes."""
        return poll_for(fd, within_s, writing)

    def run(self, until: float | None = None) -> None:
        """Move time until nothing is left, or up to an instant (exclusive); then raise failures nobody joined."""
        self.env.run(until)
        self._failures.raise_all()

    def run_task(self, coro: Coroutine[Any, Any, T], name: str = "") -> T:
        """Spawn, move time until it has ended, give its result or raise its error, then failures nobody joined.

        As with asyncio's `run_until_complete`, steps that were due before its end are still taken.
        """
        ended = _End(self.env, name or _name_of(coro))
        task = self.start(coro, name, ended.succeed)
        self.env.run(ended)
        result: T = task.outcome()
        self._failures.raise_all()
        return result

    @contextmanager
    def stepping(self) -> Iterator[None]:
        """Within the block the hooks of async generators are set once, not at every step: for whoever moves time."""
        hooks, was = sys.get_asyncgen_hooks(), self.is_stepping
        sys.set_asyncgen_hooks(firstiter=None, finalizer=self.finish_generator)
        self.is_stepping = True
        try:
            yield
        finally:
            self.is_stepping = was
            sys.set_asyncgen_hooks(*hooks)

    def close(self) -> None:
        """Cancel all tasks in spawn order and let them clean up without moving time; then raise unjoined failures.

        Raises RuntimeError from within a task, and when tasks ignore cancels. Closing again does nothing.
        """
        if self.running is not None:
            raise RuntimeError("close is called from outside of the tasks")
        if self._closed:
            return
        self._closed = True
        with self.env.apart():
            for _ in range(CANCEL_ROUNDS_MAX):
                for task in list(self._tasks):
                    task.cancel()
                self._settle()
        if self._tasks:
            names = ", ".join(task.name for task in self._tasks)
            raise RuntimeError(f"tasks that do not end when they are cancelled: {names}")
        self._failures.raise_all()

    def current(self) -> VirtualTask | None:
        """The task that runs now."""
        return self.running

    def start(
        self, coro: Coroutine[Any, Any, Any], name: str, on_end: Callable[[VirtualTask], Any] | None
    ) -> VirtualTask:
        """As `spawn`; `on_end` hears of the end and takes care of a failure."""
        if not isinstance(coro, Coroutine):
            raise TypeError(f"a coroutine was expected, not {type(coro).__name__}")
        if self._closed and not self._tasks:
            coro.close()
            raise RuntimeError("the runtime is closed")
        task = VirtualTask(self, coro, name or _name_of(coro), on_end)
        self._tasks[task] = None
        return task

    def deadline(self, duration_s: float, fn: Callable[[], None]) -> Alarm:
        """Call `fn` after a duration, behind what control and requests finish at that instant."""
        alarm = self.env.alarm(self.env.now + duration_s, DEADLINE)
        alarm.callbacks.append(lambda _: fn())
        return alarm

    def ended(self, task: VirtualTask) -> None:
        """A task reports its end."""
        del self._tasks[task]
        if not task.joined:
            self._failures.ended(task, task.error)

    def joined(self, task: VirtualTask) -> None:
        """A task reports a joiner."""
        self._failures.joined(task)

    def finish_generator(self, generator: AsyncGenerator[Any, Any]) -> None:
        """Close an async generator that was left early, in a task of its own."""
        if not self._closed or self._tasks:
            self.spawn(generator.aclose(), f"close {_name_of(generator)}")

    def _park(self) -> VirtualParking:
        return VirtualParking(self.env)

    def _settle(self) -> None:
        for _ in range(self.cleanup_events_max):
            if self.env.peek() > self.env.now:
                return
            self.env.step()
        raise RuntimeError(f"tasks still clean up after {self.cleanup_events_max} events at one instant")


def _name_of(code: object) -> str:
    return str(getattr(code, "__name__", "task"))


class _End(Event):
    """The end of a task that a run waits for."""

    def __init__(self, env: OrderedEnvironment, name: str) -> None:
        super().__init__(env)
        self.name = name

    def _desc(self) -> str:
        return f"end of task {self.name!r}"


__all__ = ["OrderedEnvironment", "VirtualRuntime"]

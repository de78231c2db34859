"""Virtual time: a SimPy environment drives the control plane's coroutines (`sim.contracts.Runtime`).

One policy for failures that nobody joined, in both runtimes: they are kept and raised when the run ends or the runtime
is closed. At the horizon `close` cancels all tasks in spawn order, so that every `finally` runs before the audits.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from simpy.events import NORMAL, Event

from sim.runtime.environment import OrderedEnvironment
from sim.runtime.primitives import VirtualEvent, VirtualGroup, VirtualQueue, VirtualTimeout
from sim.runtime.tasks import Until, VirtualTask

T = TypeVar("T")


class VirtualRuntime:
    """Clock and tasks over an `OrderedEnvironment`; `wall_epoch_s` is the wall time of instant 0."""

    def __init__(self, env: OrderedEnvironment | None = None, wall_epoch_s: float = 0.0) -> None:
        self.env = env or OrderedEnvironment()
        self.wall_epoch_s = wall_epoch_s
        self.current: VirtualTask | None = None
        self._tasks: dict[VirtualTask, None] = {}  # alive, in spawn order
        self._failed: list[VirtualTask] = []

    def now(self) -> float:
        return self.env.now

    def wall_at(self) -> float:
        return self.wall_epoch_s + self.env.now

    async def sleep(self, duration_s: float) -> None:
        """Raises ValueError for a negative duration or NaN; 0 lets others of this instant run."""
        if not duration_s >= 0.0:
            raise ValueError(f"sleep({duration_s}): a duration is at least 0 s")
        await Until(self.alarm(duration_s))

    async def sleep_until(self, at: float) -> None:
        """Wake at exactly `at`; an instant that has passed is now."""
        if math.isnan(at):
            raise ValueError("sleep_until(nan)")
        event = _ready(self.env)
        self.env.schedule_at(event, max(at, self.env.now), NORMAL)
        await Until(event)

    def alarm(self, duration_s: float) -> Event:
        """A SimPy event that happens after `duration_s`."""
        event = _ready(self.env)
        self.env.schedule_at(event, self.env.now + duration_s, NORMAL)
        return event

    def spawn(self, coro: Coroutine[Any, Any, T], name: str = "") -> VirtualTask:
        """Start a task; it steps first at this instant, after what runs now."""
        task = VirtualTask(self, coro, name or getattr(coro, "__name__", "task"))
        self._tasks[task] = None
        return task

    def timeout(self, duration_s: float) -> VirtualTimeout:
        return VirtualTimeout(self, duration_s)

    def event(self) -> VirtualEvent:
        return VirtualEvent(self)

    def queue(self, items_max: int) -> VirtualQueue:
        return VirtualQueue(self, items_max)

    def group(self) -> VirtualGroup:
        return VirtualGroup(self)

    async def run_blocking(self, fn: Callable[[], T], cost_s: float = 0.0) -> T:
        """Run `fn` now; it takes `cost_s` of virtual time."""
        result = fn()
        await self.sleep(cost_s)
        return result

    async def first_end(self, tasks: list[VirtualTask]) -> None:
        """Wait until one of the tasks has ended."""
        await Until(self.env.any_of([task._ended for task in tasks]))

    def ended(self, task: VirtualTask) -> None:
        """A task reports its end."""
        self._tasks.pop(task, None)
        if task.error is not None and not task.cancelled():
            self._failed.append(task)

    def run(self, until: float | None = None) -> None:
        """Move time until nothing is left, or up to an instant; then raise what failed without a joiner."""
        self.env.run(until)
        self.raise_failures()

    def run_task(self, coro: Coroutine[Any, Any, T], name: str = "") -> T:
        """Spawn, move time until it has ended, give its result or raise its error."""
        task = self.spawn(coro, name)
        task.joined = True
        self.env.run(task._ended)
        self.raise_failures()
        if task.error is not None:
            raise task.error
        return task._result  # type: ignore[no-any-return]

    def raise_failures(self) -> None:
        """Raise the errors of ended tasks that nobody joined, as a group."""
        errors = [task.error for task in self._failed if not task.joined and isinstance(task.error, Exception)]
        self._failed = []
        if errors:
            raise ExceptionGroup("tasks failed and nobody joined them", errors)

    def close(self) -> None:
        """Cancel all tasks in spawn order and let them clean up at this instant; then raise unjoined failures."""
        for task in list(self._tasks):
            task.cancel()
        now = self.env.now
        while self._tasks and self.env.peek() <= now:
            self.env.step()
        self.raise_failures()


def _ready(env: OrderedEnvironment) -> Event:
    event = Event(env)
    event._ok, event._value = True, None
    return event


__all__ = ["OrderedEnvironment", "VirtualRuntime"]

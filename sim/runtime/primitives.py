"""Events, bounded queues, timeouts and task groups on virtual time; the live ones are asyncio's own."""

from __future__ import annotations

from collections import deque
from collections.abc import Coroutine
from types import TracebackType
from typing import TYPE_CHECKING, Any

from simpy.events import Event

from sim.runtime.cancelled import Cancelled
from sim.runtime.tasks import Until, VirtualTask

if TYPE_CHECKING:
    from sim.runtime.virtual import VirtualRuntime


class VirtualEvent:
    """A flag set once, with a value."""

    def __init__(self, runtime: VirtualRuntime) -> None:
        self._event = Event(runtime.env)
        self._value: Any = None

    def is_set(self) -> bool:
        return self._event.triggered

    def set(self, value: Any = None) -> None:
        """Wake all that wait; setting it again does nothing."""
        if not self._event.triggered:
            self._value = value
            self._event.succeed(value)

    async def wait(self) -> Any:
        if not self._event.processed:
            await Until(self._event)
        return self._value


class VirtualQueue:
    """First in, first out, at most `items_max` items; waiters are served in the order they came."""

    def __init__(self, runtime: VirtualRuntime, items_max: int) -> None:
        if items_max < 1:
            raise ValueError(f"items_max={items_max}: a queue holds at least one item")
        self._runtime, self.items_max = runtime, items_max
        self._items: deque[Any] = deque()
        self._getters: deque[Event] = deque()  # one entry a waiting task
        self._putters: deque[Event] = deque()

    def __len__(self) -> int:
        return len(self._items)

    def put_nowait(self, item: Any) -> bool:
        """Add an item; False when the queue is full."""
        if len(self._items) >= self.items_max:
            return False
        self._items.append(item)
        self._wake(self._getters)
        return True

    async def put(self, item: Any) -> None:
        """Add an item, waiting for room."""
        while not self.put_nowait(item):
            await self._wait(self._putters)

    async def get(self) -> Any:
        """Take the oldest item, waiting for one."""
        while not self._items:
            await self._wait(self._getters)
        item = self._items.popleft()
        self._wake(self._putters)
        return item

    async def _wait(self, waiters: deque[Event]) -> None:
        event = Event(self._runtime.env)
        waiters.append(event)
        try:
            await Until(event)
        except Cancelled:
            if event in waiters:
                waiters.remove(event)
            else:  # woken and cancelled at once: pass the turn on
                self._wake(waiters)
            raise

    @staticmethod
    def _wake(waiters: deque[Event]) -> None:
        if waiters:
            waiters.popleft().succeed()


class VirtualTimeout:
    """`async with runtime.timeout(s)`: cancels the body after s seconds and raises TimeoutError in its place."""

    def __init__(self, runtime: VirtualRuntime, duration_s: float) -> None:
        self._runtime, self._duration_s = runtime, duration_s
        self._task: VirtualTask | None = None
        self._expired = False

    def expired(self) -> bool:
        return self._expired

    async def __aenter__(self) -> VirtualTimeout:
        self._task = self._runtime.current
        if self._task is None:
            raise RuntimeError("a timeout is used inside a task")
        alarm = self._runtime.alarm(max(self._duration_s, 0.0))
        alarm.callbacks.append(self._fire)
        return self

    def _fire(self, _: Event) -> None:
        # One more event at this instant: what completes at the same instant wins over the timeout.
        task = self._task
        if task is not None and not task.done():
            later = Event(self._runtime.env)
            later.callbacks.append(self._cancel)
            later.succeed()

    def _cancel(self, _: Event) -> None:
        task = self._task
        if task is not None and not task.done():
            self._expired = True
            task.cancel(self)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._task = None
        if self._expired and isinstance(error, Cancelled) and error.args == (self,):
            raise TimeoutError(f"not done within {self._duration_s} s") from error


class VirtualGroup:
    """Tasks that end together: the first failure cancels the others and leaves as an ExceptionGroup."""

    def __init__(self, runtime: VirtualRuntime) -> None:
        self._runtime = runtime
        self._tasks: list[VirtualTask] = []

    def spawn(self, coro: Coroutine[Any, Any, Any], name: str = "") -> VirtualTask:
        """A task of the group; the block does not end before it."""
        task = self._runtime.spawn(coro, name)
        task.joined = True
        self._tasks.append(task)
        return task

    async def __aenter__(self) -> VirtualGroup:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        failures = [error] if isinstance(error, Exception) else []
        cancelled = error if isinstance(error, Cancelled) else None
        if error is not None:
            self._cancel_all()
        while pending := [task for task in self._tasks if not task.done()]:
            try:
                await self._runtime.first_end(pending)
            except Cancelled as late:
                cancelled = late
                self._cancel_all()
            if any(task.error is not None and not task.cancelled() for task in self._tasks):
                self._cancel_all()
        failures += [task.error for task in self._tasks if isinstance(task.error, Exception)]
        if failures:
            raise ExceptionGroup("tasks of a group failed", failures)
        if cancelled is not None and cancelled is not error:
            raise cancelled

    def _cancel_all(self) -> None:
        for task in self._tasks:
            task.cancel()

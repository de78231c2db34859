"""Live time: the same protocol over asyncio, inside a running event loop (`sim.contracts.Runtime`).

`now` is the loop's monotonic clock from the runtime's creation on. Failures that nobody joined are kept and raised at
`close`, as in the virtual runtime.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class LiveTask:
    """A spawned coroutine; `join` gives its result or raises its error, also when it ended long ago."""

    def __init__(self, coro: Coroutine[Any, Any, Any], name: str, ended: Callable[[LiveTask], None]) -> None:
        if not hasattr(coro, "send"):
            raise TypeError(f"spawn takes a coroutine, not {type(coro).__name__}")
        self.name = name
        self.joined = False
        self._task = asyncio.ensure_future(coro)
        self._task.add_done_callback(lambda _: ended(self))

    @property
    def error(self) -> BaseException | None:
        """What ended it, None while it runs or when it returned."""
        if not self._task.done():
            return None
        return asyncio.CancelledError() if self._task.cancelled() else self._task.exception()

    def done(self) -> bool:
        return self._task.done()

    def cancelled(self) -> bool:
        return self._task.cancelled()

    def cancel(self) -> None:
        """Throw CancelledError in at its next step; nothing once it has ended."""
        self._task.cancel()

    async def join(self) -> Any:
        """The result; raises the task's error. A joiner that is cancelled leaves the task running."""
        self.joined = True
        await asyncio.wait([self._task])
        return self._task.result()


class LiveEvent:
    """A flag set once, with a value."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._value: Any = None

    def is_set(self) -> bool:
        return self._event.is_set()

    def set(self, value: Any = None) -> None:
        """Wake all that wait; setting it again does nothing."""
        if not self._event.is_set():
            self._value = value
            self._event.set()

    async def wait(self) -> Any:
        await self._event.wait()
        return self._value


class LiveQueue:
    """First in, first out, at most `items_max` items."""

    def __init__(self, items_max: int) -> None:
        if items_max < 1:
            raise ValueError(f"items_max={items_max}: a queue holds at least one item")
        self.items_max = items_max
        self._queue: asyncio.Queue[Any] = asyncio.Queue(items_max)

    def __len__(self) -> int:
        return self._queue.qsize()

    def put_nowait(self, item: Any) -> bool:
        """Add an item; False when the queue is full."""
        if self._queue.full():
            return False
        self._queue.put_nowait(item)
        return True

    async def put(self, item: Any) -> None:
        """Add an item, waiting for room."""
        await self._queue.put(item)

    async def get(self) -> Any:
        """Take the oldest item, waiting for one."""
        return await self._queue.get()


class LiveGroup:
    """Tasks that end together: the first failure cancels the others and leaves as an ExceptionGroup."""

    def __init__(self, runtime: LiveRuntime) -> None:
        self._runtime = runtime
        self._tasks: deque[LiveTask] = deque()

    def spawn(self, coro: Coroutine[Any, Any, Any], name: str = "") -> LiveTask:
        """A task of the group; the block does not end before it."""
        task = self._runtime.spawn(coro, name)
        task.joined = True
        self._tasks.append(task)
        return task

    async def __aenter__(self) -> LiveGroup:
        return self

    async def __aexit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        failures = [error] if isinstance(error, Exception) else []
        cancelled: BaseException | None = None
        if error is not None:
            self._cancel_all()
        while pending := [task._task for task in self._tasks if not task.done()]:
            try:
                await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            except asyncio.CancelledError as late:
                cancelled = late
                self._cancel_all()
            if any(isinstance(task.error, Exception) for task in self._tasks):
                self._cancel_all()
        failures += [task.error for task in self._tasks if isinstance(task.error, Exception)]
        if failures:
            raise ExceptionGroup("tasks of a group failed", failures)
        if cancelled is not None:
            raise cancelled

    def _cancel_all(self) -> None:
        for task in self._tasks:
            task.cancel()


class LiveRuntime:
    """Clock and tasks over asyncio; create it inside a running loop or let the first use find one."""

    def __init__(self) -> None:
        self._origin = time.monotonic()
        self._tasks: dict[LiveTask, None] = {}  # alive, in spawn order
        self._failed: list[LiveTask] = []

    def now(self) -> float:
        return self._clock() - self._origin

    def wall_at(self) -> float:
        return time.time()

    @staticmethod
    def _clock() -> float:
        try:
            return asyncio.get_running_loop().time()
        except RuntimeError:
            return time.monotonic()

    async def sleep(self, duration_s: float) -> None:
        """Raises ValueError for a negative duration or NaN; 0 lets others run."""
        if not duration_s >= 0.0:
            raise ValueError(f"sleep({duration_s}): a duration is at least 0 s")
        await asyncio.sleep(duration_s)

    async def sleep_until(self, at: float) -> None:
        """Wake at `at` or just after; an instant that has passed is now."""
        if at != at:
            raise ValueError("sleep_until(nan)")
        await asyncio.sleep(max(at - self.now(), 0.0))

    def spawn(self, coro: Coroutine[Any, Any, T], name: str = "") -> LiveTask:
        """Start a task."""
        task = LiveTask(coro, name or getattr(coro, "__name__", "task"), self._ended)
        self._tasks[task] = None
        return task

    def timeout(self, duration_s: float) -> asyncio.Timeout:
        return asyncio.timeout(max(duration_s, 0.0))

    def event(self) -> LiveEvent:
        return LiveEvent()

    def queue(self, items_max: int) -> LiveQueue:
        return LiveQueue(items_max)

    def group(self) -> LiveGroup:
        return LiveGroup(self)

    async def run_blocking(self, fn: Callable[[], T], cost_s: float = 0.0) -> T:
        """Run `fn` in a thread, so that the loop goes on; `cost_s` counts in virtual time only."""
        return await asyncio.to_thread(fn)

    async def close(self) -> None:
        """Cancel all tasks in spawn order, wait for them, raise unjoined failures."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait([task._task for task in tasks])
            await asyncio.sleep(0)
        self.raise_failures()

    def raise_failures(self) -> None:
        """Raise the errors of ended tasks that nobody joined, as a group."""
        errors = [task.error for task in self._failed if not task.joined and isinstance(task.error, Exception)]
        self._failed = []
        if errors:
            raise ExceptionGroup("tasks failed and nobody joined them", errors)

    def _ended(self, task: LiveTask) -> None:
        self._tasks.pop(task, None)
        if isinstance(task.error, Exception):
            self._failed.append(task)

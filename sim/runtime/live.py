"""Live time: asyncio drives the same coroutines with the same meaning (implements `sim.contracts.Runtime`).

`now` starts at 0 when the runtime is made, inside a running loop, and counts the loop's monotonic seconds. Events,
queues, timeouts, groups and the policy for failures are those of the virtual runtime, over asyncio's tasks and futures,
so that cancels, contexts and third-party code behave as asyncio says. `close` cancels all tasks in spawn order.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Coroutine, Generator
from typing import Any, TypeVar

from sim.runtime.failures import Failures
from sim.runtime.primitives import BoundedQueue, Flag
from sim.runtime.readiness import poll_for
from sim.runtime.scopes import Group, Timeout

T = TypeVar("T")

CANCEL_ROUNDS_MAX = 10  # as in the virtual runtime
SETTLE_PASSES = 10  # loop passes that a completion has to reach its task before a timeout of the same instant


class LiveParking:
    """Where one live task waits until it is woken."""

    def __init__(self) -> None:
        self._future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def wake(self) -> None:
        if not self._future.done():  # cancelled meanwhile
            self._future.set_result(None)

    def __await__(self) -> Generator[Any, None, None]:
        return self._future.__await__()


class LiveDeadline:
    """A call after a duration, some passes of the loop late, so that what completes at that instant comes first."""

    def __init__(self, duration_s: float, fn: Callable[[], None]) -> None:
        self._loop, self._fn = asyncio.get_running_loop(), fn
        self._handle: asyncio.Handle = self._loop.call_later(duration_s, self._pass, SETTLE_PASSES)

    def cancel(self) -> None:
        self._handle.cancel()

    def _pass(self, left_count: int) -> None:
        if left_count:
            self._handle = self._loop.call_soon(self._pass, left_count - 1)
        else:
            self._fn()


class LiveTask:
    """A spawned coroutine; `join` gives its result or raises its error, also when it ended long ago."""

    def __init__(
        self,
        runtime: LiveRuntime,
        coro: Coroutine[Any, Any, Any],
        name: str,
        on_end: Callable[[LiveTask], None] | None,
    ) -> None:
        self.name = name
        self.error: BaseException | None = None
        self.joined = on_end is not None  # who asks to hear of the end takes care of a failure
        self._runtime, self._on_end = runtime, on_end
        self._over = runtime.event()
        self.task = asyncio.create_task(coro, name=name)
        self.task.add_done_callback(self._end)

    def done(self) -> bool:
        """True once the coroutine returned, failed or was cancelled."""
        return self.task.done()

    def cancelled(self) -> bool:
        """True if a cancel ended it."""
        return self.task.cancelled()

    def cancel(self) -> None:
        """Throw `Cancelled` in at its next step; does nothing once it has ended."""
        self.task.cancel()

    async def join(self) -> Any:
        """The result; raises the task's error, `Cancelled` if it was cancelled. Cancelling a joiner leaves the task."""
        if not self.joined:
            self.joined = True
            self._runtime.joined(self)
        if not self.task.done():
            await self._over.wait()
        return self.task.result()

    def _end(self, task: asyncio.Task[Any]) -> None:
        self.error = asyncio.CancelledError() if task.cancelled() else task.exception()
        self._runtime.ended(self)
        self._over.set()
        if self._on_end is not None:
            self._on_end(self)


class LiveRuntime:
    """Clock and tasks over the running asyncio loop; raises RuntimeError when it is made outside of one."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._started_at = self._loop.time()
        self._tasks: dict[LiveTask, None] = {}  # alive, in spawn order
        self._failures = Failures()
        self._closed = False

    def now(self) -> float:
        """Monotonic seconds since the runtime was made."""
        return self._loop.time() - self._started_at

    def wall_at(self) -> float:
        """Wall time, seconds since the epoch; it may jump, `now` does not."""
        return time.time()  # noqa: TID251 # this is the runtime's clock

    async def sleep(self, duration_s: float) -> None:
        """0 lets the others run; infinity ends by a cancel only. Raises ValueError for a negative duration or NaN."""
        if not duration_s >= 0.0:
            raise ValueError(f"sleep({duration_s}): accepted is a duration >= 0 s")
        await asyncio.sleep(duration_s)

    async def sleep_until(self, at: float) -> None:
        """Wake at `at` or soon after it; an instant that has passed is now. Raises ValueError for NaN."""
        if math.isnan(at):
            raise ValueError("sleep_until(nan): accepted is an instant")
        parking = LiveParking()
        handle = self._loop.call_at(self._started_at + at, parking.wake)
        try:
            await parking
        finally:
            handle.cancel()
        while self.now() < at:  # the loop may wake a timer early by its clock's resolution
            await asyncio.sleep(0)

    def spawn(self, coro: Coroutine[Any, Any, T], name: str = "") -> LiveTask:
        """Start a task; its first step is in the next pass of the loop."""
        return self.start(coro, name, None)

    def timeout(self, duration_s: float) -> Timeout:
        """`async with`: TimeoutError if the body takes longer."""
        return Timeout(self, duration_s)

    def event(self) -> Flag:
        """A flag that tasks wait for."""
        return Flag(LiveParking)

    def queue(self, items_max: int) -> BoundedQueue:
        """A queue that holds at most `items_max` >= 1 items."""
        return BoundedQueue(LiveParking, items_max)

    def group(self) -> Group[LiveTask]:
        """`async with`: tasks that end together; the first failure cancels the others."""
        return Group(self)

    async def run_blocking(self, fn: Callable[[], T], cost_s: float = 0.0) -> T:
        """Run `fn` in a thread; it takes the time it takes. A cancel leaves the thread to end by itself."""
        if not cost_s >= 0.0:
            raise ValueError(f"run_blocking(cost_s={cost_s}): accepted is a duration >= 0 s")
        return await asyncio.to_thread(fn)

    async def ready(self, fd: int, within_s: float, writing: bool = False) -> float:
        """Seconds left of `within_s` once `fd` can be read (or written), -1 if not; one waiter a descriptor."""
        started_at, parking = self._loop.time(), LiveParking()
        add, remove = (
            (self._loop.add_writer, self._loop.remove_writer)
            if writing
            else (self._loop.add_reader, self._loop.remove_reader)
        )
        late = self._loop.call_later(max(within_s, 0.0), parking.wake)
        add(fd, parking.wake)
        try:
            await parking
        finally:
            remove(fd)
            late.cancel()
        left_s = within_s - (self._loop.time() - started_at)
        return left_s if left_s > 0.0 else poll_for(fd, 0.0, writing)

    async def close(self, grace_s: float = 10.0) -> None:
        """Cancel all tasks in spawn order and wait for their clean-up; then raise failures nobody joined.

        A clean-up that takes more than `grace_s` is cancelled again. Raises RuntimeError from within one of the tasks,
        and when tasks ignore cancels. Closing again does nothing.
        """
        if any(task.task is self.current() for task in self._tasks):
            raise RuntimeError("close is called from outside of the tasks")
        if self._closed:
            return
        self._closed = True
        for _ in range(CANCEL_ROUNDS_MAX):
            for task in list(self._tasks):
                task.cancel()
            if self._tasks:
                await asyncio.wait([task.task for task in self._tasks], timeout=grace_s)
        if self._tasks:
            names = ", ".join(task.name for task in self._tasks)
            raise RuntimeError(f"tasks that do not end when they are cancelled: {names}")
        self._failures.raise_all()

    def current(self) -> asyncio.Task[Any] | None:
        """The asyncio task that runs now, whether spawned here or not."""
        return asyncio.current_task()

    def start(self, coro: Coroutine[Any, Any, Any], name: str, on_end: Callable[[LiveTask], Any] | None) -> LiveTask:
        """As `spawn`; `on_end` hears of the end and takes care of a failure."""
        if not isinstance(coro, Coroutine):
            raise TypeError(f"a coroutine was expected, not {type(coro).__name__}")
        if self._closed and not self._tasks:
            coro.close()
            raise RuntimeError("the runtime is closed")
        task = LiveTask(self, coro, name or getattr(coro, "__name__", "task"), on_end)
        self._tasks[task] = None
        return task

    def deadline(self, duration_s: float, fn: Callable[[], None]) -> LiveDeadline:
        """Call `fn` after a duration, behind what completes at that instant."""
        return LiveDeadline(duration_s, fn)

    def ended(self, task: LiveTask) -> None:
        """A task reports its end."""
        del self._tasks[task]
        if not task.joined:
            self._failures.ended(task, task.error)

    def joined(self, task: LiveTask) -> None:
        """A task reports a joiner."""
        self._failures.joined(task)


def run_live(body: Callable[[LiveRuntime], Coroutine[Any, Any, T]]) -> T:
    """`body(runtime)` on a new loop, to its end; the runtime is closed after. Its result, or what it raises."""

    async def whole() -> T:
        runtime = LiveRuntime()
        try:
            return await body(runtime)
        finally:
            await runtime.close()

    return asyncio.run(whole())

"""Blocks that bound tasks, written once for both runtimes: a timeout and a task group.

Rules: those of asyncio.timeout and asyncio.TaskGroup (Python 3.11 to 3.13 differ in corners; here there is one answer).
A timeout cancels its task and turns that cancel, and no other, into TimeoutError: cancels are counted, and one from
outside at the same time goes on outwards. At equal instants completion wins over the timeout. In a group the first
failure cancels the other tasks and the body; what failed leaves as an ExceptionGroup once all have ended.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Generic, Protocol, TypeVar

from sim.runtime.cancelled import Cancelled
from sim.runtime.primitives import Flag


class Cancellable(Protocol):
    """A task as these blocks see it; asyncio.Task is one."""

    def cancel(self) -> object: ...
    def cancelling(self) -> int: ...
    def uncancel(self) -> int: ...


class GroupTask(Protocol):
    """A task that a group spawned."""

    @property
    def error(self) -> BaseException | None: ...
    def cancel(self) -> object: ...


class Deadline(Protocol):
    """A call that is to come."""

    def cancel(self) -> object: ...


SpawnedT = TypeVar("SpawnedT", bound=GroupTask)
SpawnedT_co = TypeVar("SpawnedT_co", bound=GroupTask, covariant=True)


class Host(Protocol[SpawnedT_co]):
    """What a runtime offers these blocks."""

    def current(self) -> Cancellable | None: ...
    def event(self) -> Flag: ...
    def deadline(self, duration_s: float, fn: Callable[[], None]) -> Deadline: ...
    def start(self, coro: Coroutine[Any, Any, Any], name: str, on_end: Callable[[Any], None] | None) -> SpawnedT_co: ...


def current_of(host: Host[Any], what: str) -> Cancellable:
    """The running task; raises RuntimeError outside of one."""
    task = host.current()
    if task is None:
        raise RuntimeError(f"{what} is used inside a task")
    return task


class Timeout:
    """`async with runtime.timeout(s):` raises TimeoutError if the body takes longer than s seconds."""

    def __init__(self, host: Host[Any], duration_s: float) -> None:
        if math.isnan(duration_s):
            raise ValueError("timeout(nan): accepted is a number of seconds; below 0 is 0")
        self._host, self._duration_s = host, max(duration_s, 0.0)
        self._expired = False

    def expired(self) -> bool:
        """True once the time was over before the body was."""
        return self._expired

    async def __aenter__(self) -> Timeout:
        self._task = current_of(self._host, "a timeout")
        self._cancelling = self._task.cancelling()
        self._deadline = self._host.deadline(self._duration_s, self.expire)
        return self

    def expire(self) -> None:
        """The time of the body that runs is over now; once is enough."""
        if not self._expired:
            self._expired = True
            self._task.cancel()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._deadline.cancel()
        if self._expired and self._task.uncancel() <= self._cancelling and isinstance(error, Cancelled):
            raise TimeoutError(f"not done within {self._duration_s} s") from error


class Group(Generic[SpawnedT]):
    """`async with runtime.group() as group: group.spawn(...)`: the block ends when all its tasks have."""

    def __init__(self, host: Host[SpawnedT]) -> None:
        self._host = host
        self._alive: dict[SpawnedT, None] = {}
        self._errors: list[BaseException] = []
        self._parent: Cancellable | None = None
        self._parent_cancelled = self._aborting = self._exiting = False

    def spawn(self, coro: Coroutine[Any, Any, Any], name: str = "") -> SpawnedT:
        """A task of the group; raises RuntimeError when the group is not open (not entered, failed, or left)."""
        if self._parent is None or self._aborting or (self._exiting and not self._alive):
            coro.close()
            raise RuntimeError("a group spawns tasks while it is open")
        task = self._host.start(coro, name, self._ended)
        self._alive[task] = None
        return task

    async def __aenter__(self) -> Group[SpawnedT]:
        self._parent = current_of(self._host, "a group")
        self._cancelling = self._parent.cancelling()
        self._idle = self._host.event()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        parent = self._parent
        assert parent is not None
        self._exiting = True
        cancelled = error if isinstance(error, Cancelled) else None
        if self._parent_cancelled and parent.uncancel() <= self._cancelling:
            cancelled = None  # that was the group itself
        if error is not None:
            self._abort()
        while self._alive:
            try:
                await self._idle.wait()
            except Cancelled as late:
                cancelled = late
                self._abort()
        if isinstance(error, Exception):
            self._errors.append(error)
        if self._errors:
            raise BaseExceptionGroup("tasks of a group failed", self._errors)
        if cancelled is not None and cancelled is not error:
            raise cancelled

    def _ended(self, task: SpawnedT) -> None:
        del self._alive[task]
        if task.error is not None and not isinstance(task.error, Cancelled):
            self._errors.append(task.error)
            if not self._aborting:
                self._abort()
                if not self._exiting and self._parent is not None:
                    self._parent_cancelled = True
                    self._parent.cancel()
        if self._exiting and not self._alive:
            self._idle.set()

    def _abort(self) -> None:
        self._aborting = True
        for task in list(self._alive):
            task.cancel()

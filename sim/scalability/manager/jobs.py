"""Background work of the manager: named tasks that end together, each with an undo for when it never began.

A task that is cancelled before its first step never runs its body (both runtimes), so that what was promised to it is
taken back here.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from sim.contracts import Event, Task
from sim.scalability.manager.context import Context


class Jobs:
    """At most one job of a name at a time; the names bound their number."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._tasks: dict[str, Task] = {}
        self._waiting: dict[str, Callable[[], None]] = {}  # not begun: what to undo
        self._ended: dict[str, Event] = {}  # of jobs whose end somebody waits for
        self._idle: Event | None = None
        self.halted = False  # what is cancelled is not begun again elsewhere

    def __contains__(self, name: str) -> bool:
        return name in self._tasks

    def spawn(self, name: str, body: Callable[[], Coroutine[Any, Any, None]], undo: Callable[[], None]) -> None:
        """Begin `body()` at this instant, after what runs now."""
        assert name not in self._tasks, f"{name} runs already"
        self._waiting[name] = undo
        self._tasks[name] = self._context.runtime.spawn(self._run(name, body), name)

    async def _run(self, name: str, body: Callable[[], Coroutine[Any, Any, None]]) -> None:
        del self._waiting[name]
        try:
            await body()
        finally:
            self._over(name)
            if self._idle is not None and not self._tasks:
                self._idle.set()

    def _over(self, name: str) -> None:
        del self._tasks[name]
        ended = self._ended.pop(name, None)
        if ended is not None:
            ended.set(None)

    async def ended(self, name: str) -> None:
        """Wait until the job of that name has ended, clean-up and all, if there is one."""
        if name in self._tasks:
            if name not in self._ended:
                self._ended[name] = self._context.runtime.event()
            await self._ended[name].wait()

    def cancel(self, name: str) -> None:
        """Call a job off, if there is one of that name; what it never began is undone at once."""
        if name in self._tasks:
            self._tasks[name].cancel()
            if name in self._waiting:
                self._over(name)
                self._waiting.pop(name)()

    async def close(self) -> None:
        """Cancel all jobs and wait until they have cleaned up."""
        self.halted = True
        for name in list(self._tasks):
            self.cancel(name)
        while self._tasks:
            self._idle = self._context.runtime.event()
            await self._idle.wait()
        self._idle = None
        self.halted = False

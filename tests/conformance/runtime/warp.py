"""An asyncio loop whose clock jumps to its next timer, so that live tests wait for nothing on the wall.

It jumps to exactly the instant a timer was made for, holds its clock while a thread works, and says so when everybody
waits for something that never happens.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable
from typing import Any


class WarpSelector(selectors.DefaultSelector):
    """Never waits for time."""

    loop: WarpLoop

    def select(self, timeout: float | None = None) -> Any:
        if self.loop.threads_count and timeout != 0:
            return super().select(None)
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("everybody waits for something that never happens")
        if not ready and timeout:
            self.loop.jump(timeout)
        return ready


class WarpLoop(asyncio.SelectorEventLoop):
    """asyncio's loop, its clock starting at 0."""

    def __init__(self) -> None:
        self.clock_at = 0.0
        self.threads_count = 0
        self.timers_at: set[float] = set()
        selector = WarpSelector()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        return self.clock_at

    def jump(self, duration_s: float) -> None:
        """To the timer that is meant: `now + (at - now)` may miss it by a rounding."""
        target = self.clock_at + duration_s
        self.timers_at = {at for at in self.timers_at if at > self.clock_at}
        self.clock_at = min(self.timers_at, key=lambda at: abs(at - target))

    def call_at(self, when: float, callback: Callable[..., Any], *args: Any, **context: Any) -> asyncio.TimerHandle:
        self.timers_at.add(when)
        return super().call_at(when, callback, *args, **context)

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:
        self.threads_count += 1
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(self._thread_ended)
        return future

    async def shutdown_default_executor(self, *args: Any) -> None:
        self.threads_count += 1
        await super().shutdown_default_executor(*args)
        self.threads_count -= 1

    def _thread_ended(self, _: object) -> None:
        self.threads_count -= 1

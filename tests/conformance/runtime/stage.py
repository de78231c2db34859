"""One test body on both runtimes: `play(body)` runs `async def body(runtime)` to its end and closes the runtime."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from sim.runtime.live import LiveRuntime
from sim.runtime.virtual import VirtualRuntime
from tests.conformance.runtime.warp import WarpLoop

T = TypeVar("T")
AnyRuntime = VirtualRuntime | LiveRuntime
Body = Callable[[AnyRuntime], Coroutine[Any, Any, T]]
Play = Callable[[Body[Any]], Any]


def play_virtual(body: Body[T]) -> T:
    """On SimPy."""
    runtime = VirtualRuntime()
    try:
        return runtime.run_task(body(runtime))
    finally:
        runtime.close()


def play_live(body: Body[T]) -> T:
    """On asyncio, its clock warped."""

    async def make() -> LiveRuntime:
        return LiveRuntime()

    with asyncio.Runner(loop_factory=WarpLoop) as runner:
        runtime = runner.run(make())
        try:
            return runner.run(body(runtime))
        finally:
            runner.run(runtime.close())


PLAYS: dict[str, Play] = {"virtual": play_virtual, "live": play_live}

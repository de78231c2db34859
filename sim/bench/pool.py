"""Calls over worker processes (joblib's loky): results as they come, and an end that is quick and quiet.

Each worker holds one call at a time. A Ctrl-C of a terminal reaches the workers too: one interrupts the call that it is
in and nothing else. Who ends early (an interrupt, an error) signals the workers until each has let go of its call;
killing them instead leaves the pool's own books broken.
"""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import closing, suppress
from typing import Any, TypeVar

from joblib.externals.loky import get_reusable_executor
from joblib.externals.loky.process_executor import BrokenProcessPool

__all__ = ["BrokenProcessPool", "in_order", "spread"]

T = TypeVar("T")
AGAIN_S = 0.1  # between two signals to workers that still hold a call


class _Here:
    """Of this worker: is it inside a call that a signal may interrupt?"""

    inside = False


def spread(
    function: Callable[..., T], calls: Sequence[tuple[Any, ...]], workers: int
) -> Generator[tuple[int, T | BrokenProcessPool], None, None]:
    """Results of calls as they come, with their numbers; in this process when one worker or one call is enough.

    Raises what a call raised. The calls that were with the workers when one was killed give a `BrokenProcessPool`
    each; the rest goes to new workers.
    """
    workers = min(workers, len(calls))
    if workers <= 1:
        for number, call in enumerate(calls):
            yield number, function(*call)
        return
    left = deque(enumerate(calls))
    running: dict[Future[T], int] = {}
    executor: Any = None
    whole = False
    try:
        while left or running:
            if not running:
                executor, whole = get_reusable_executor(max_workers=workers, initializer=_listen), True
            while whole and left and len(running) < workers:
                try:
                    future = executor.submit(_call, function, left[0][1])
                except BrokenProcessPool:  # it broke since the last look: what is running will say so
                    if not running:
                        raise
                    whole = False
                else:
                    running[future] = left.popleft()[0]
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                number, error = running.pop(future), future.exception()
                whole = whole and not isinstance(error, BrokenProcessPool)
                yield number, error if isinstance(error, BrokenProcessPool) else future.result()
    finally:
        if running:
            _end(executor, running)


def _end(executor: Any, running: Iterable[Future[T]]) -> None:
    """Interrupt what is running, and let the workers go."""
    while wait(running, timeout=AGAIN_S).not_done:
        for process in list(executor._processes.values()):
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGINT)
    executor.shutdown(wait=True)


def _call(function: Callable[..., T], call: tuple[Any, ...]) -> T | None:
    """In a worker: the call; None when it was interrupted, which only an end does."""
    try:
        _Here.inside = True
        return function(*call)
    except KeyboardInterrupt:
        return None
    finally:
        _Here.inside = False


def _listen() -> None:
    """In a worker, first of all."""
    signal.signal(signal.SIGINT, _interrupt)


def _interrupt(number: int, frame: object) -> None:
    if _Here.inside:
        _Here.inside = False  # once: what follows is the way out
        raise KeyboardInterrupt


def in_order(function: Callable[..., T], calls: Iterable[tuple[Any, ...]], workers: int) -> list[T]:
    """All results in the order of the calls; raises what a call raised."""
    listed = list(calls)
    results: dict[int, T] = {}
    with closing(spread(function, listed, workers)) as coming:
        for number, result in coming:
            if isinstance(result, BrokenProcessPool):
                raise result
            results[number] = result
    return [results[number] for number in range(len(listed))]

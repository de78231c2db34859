"""One process at a time compiles a function; who comes meanwhile waits, and finds it in the cache.

Workers that start together would all compile the same engine. A file beside numba's cache says what is made; a lock
that ends with its process (`flock`) says who is at it. Whoever compiles or waits says so once, on standard error.
"""

from __future__ import annotations

import fcntl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TextIO

COMPILES = "compiling the engine for runs of this kind (once, 15 to 60 s)"
WAITS = "another process is compiling the engine for runs of this kind: waiting for it"


class NotMade(Exception):
    """A function is not compiled yet, where only what is compiled is to be loaded."""


class _Process:
    loads_only = False


@contextmanager
def loading_only() -> Iterator[None]:
    """Within the block nothing is compiled, and nobody waited for: `NotMade` is raised instead."""
    _Process.loads_only = True
    try:
        yield
    finally:
        _Process.loads_only = False


@contextmanager
def compiling(name: str) -> Iterator[None]:
    """Around what compiles or loads the function of that name, which has a digest in it."""
    from sim.kernel.cache import cache_folder  # which imports a compiler: not for who only says `loading_only`

    folder = cache_folder() / "made"
    made = folder / name
    if made.exists():
        yield
        return
    if _Process.loads_only:
        raise NotMade(name)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.lock").open("w") as lock:
        _take(lock)
        if not made.exists():
            say(COMPILES)
        yield
        made.touch()


def _take(lock: TextIO) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say(WAITS)
        fcntl.flock(lock, fcntl.LOCK_EX)


@lru_cache(maxsize=2)
def say(text: str) -> None:
    """A line on standard error, once a process."""
    print(text, file=sys.stderr, flush=True)

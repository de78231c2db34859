"""The processes of Monty: one pool for all plugins, each process behind the walls, its environment empty.

The pool starts its processes itself, so that it is given a small shell script that puts up the walls and becomes Monty
(`guest.wall_in`). Landlock lets it execute that one program; seccomp's list is a few calls longer than a worker's.
"""

from __future__ import annotations

import contextlib
import shlex
import shutil
import sys
import sysconfig
import tempfile
import weakref
from pathlib import Path
from typing import Any

from sim.contracts import Runtime
from sim.integration.plugins.runners.base import START_MAX_S, PluginRefused
from sim.integration.plugins.runners.nursery import Nursery
from sim.integration.plugins.sandbox import layers

WALL_IN = Path(__file__).with_name("guest") / "wall_in.py"
PACKAGES = Path(__file__).parents[4]  # the folder that holds `sim`
ADDRESS_SPACE_MAX_BYTES = 4 << 30  # of a process; its heap is limited by Monty
PROCESSES_MAX = 64


class MontyPool:
    """`layers_given` are walls that this machine gives, or a nursery finds them; none: Monty's own process alone."""

    def __init__(self, layers_given: tuple[str, ...] = (), nursery: Nursery | None = None) -> None:
        self.layers, self._nursery = layers_given, nursery
        self._folder: str | None = None
        self._pool: Any = None
        self._finalizer: Any = None

    @property
    def level(self) -> str:
        """The level of its processes."""
        return layers.level_of(self.layers)

    async def prepare(self, runtime: Runtime) -> None:
        """Find out which walls go up, when a nursery is to tell; raises PluginRefused."""
        if self._nursery is not None and self._pool is None:
            await self._nursery.start(runtime, START_MAX_S)
            self.layers = self._nursery.reached

    def open(self) -> Any:
        """The pool, started when first asked for (it blocks for some milliseconds); raises PluginRefused."""
        if self._pool is None:
            try:
                import pydantic_monty
            except ImportError as error:
                raise PluginRefused("*", "start", "monty", f"pydantic-monty is not installed: {error}") from None
            program = Path(sysconfig.get_path("scripts")) / "monty"
            found = str(program) if program.exists() else shutil.which("monty")
            if found is None:
                raise PluginRefused("*", "start", "monty", "its program `monty` is not installed")
            pool = pydantic_monty.Monty(
                binary_path=self._walled(found) if self.layers else found,
                min_processes=1,
                max_processes=PROCESSES_MAX,
                max_checkouts_per_worker=1,  # no process meets two plugins
            )
            try:
                pool.__enter__()
            except (pydantic_monty.MontyError, OSError, RuntimeError) as error:
                raise PluginRefused("*", "start", "monty", f"{type(error).__name__}: {error}") from None
            self._pool = pool
            self._finalizer = weakref.finalize(self, _close, pool, self._folder)
        return self._pool

    def _walled(self, program: str) -> str:
        self._folder = tempfile.mkdtemp(prefix="victor-sim-monty-")
        script = Path(self._folder) / "monty"
        command = [sys.executable, "-s", "-S", "-P", "-B", str(WALL_IN), ",".join(self.layers)]
        command += [str(ADDRESS_SPACE_MAX_BYTES), str(PACKAGES), str(Path(program).resolve())]
        script.write_text(f'#!/bin/sh\nexec env -i {shlex.join(command)} "$@"\n', encoding="utf-8")
        script.chmod(0o700)
        return str(script)

    def close(self) -> None:
        """End all processes."""
        if self._finalizer is not None:
            self._finalizer()
        self._pool = self._finalizer = None


def _close(pool: Any, folder: str | None) -> None:
    with contextlib.suppress(Exception):
        pool.__exit__(None, None, None)
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)

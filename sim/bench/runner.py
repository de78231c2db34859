"""Runs what the store does not hold: a task is one replication of one point, spread over worker processes.

A worker claims the replication, runs it and writes it to the store itself; only a line comes back. What another runner
on the same store is at comes last: waited for, and run only if that one did not finish it. An exception or a killed
worker costs its own task, the others finish and the failures are listed. An interrupt ends the workers and keeps what
is finished.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sim.bench.extensions import load_extensions
from sim.bench.pool import spread
from sim.bench.progress import Progress
from sim.bench.schema import Config
from sim.bench.store import Store
from sim.errors import ConfigError, InputError, SimError, WorkerLost
from sim.kernel.one_compiler import loading_only


@dataclass(frozen=True, slots=True)
class Task:
    """One replication of one design point."""

    key: str
    point: str
    config: Config
    replication: int


@dataclass(frozen=True, slots=True)
class Failure:
    """A task that raised; `refused` when the config or an input is to blame."""

    point: str
    replication: int
    error: str
    refused: bool = False
    file: Path | None = None  # where the traceback stands

    def __str__(self) -> str:
        return f"{self.point}, replication {self.replication}: {self.error}"


def workers_of(config: Config) -> int:
    """Worker processes: as configured, or one a core."""
    return config.launcher.workers or os.cpu_count() or 1


def missing_tasks(store: Store, points: Sequence[tuple[str, str, Config]]) -> list[Task]:
    """What the store does not hold of points given as (key, label, config), replication by replication.

    All points get their first replication before one gets its second, so that what an interrupt leaves can be compared.
    """
    most = max((config.stats.replications for _, _, config in points), default=0)
    tasks = {
        (key, replication): Task(key, label, config, replication)
        for replication in range(most)
        for key, label, config in points
        if replication < config.stats.replications and not store.has(key, replication)
    }
    return list(tasks.values())


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A task that another runner on this store is at."""


ANOTHER_STORE = "the worker wrote to another store: paths.store must be a folder that all machines share"
Told = Failure | Elsewhere | None  # what a task says
Launch = Callable[
    [Callable[..., Told], Sequence[tuple[Any, ...]], int], Generator[tuple[int, Told | WorkerLost], None, None]
]


def run_tasks(
    tasks: Sequence[Task], store_root: Path, workers: int, label: str, launch: Launch = spread
) -> list[Failure]:
    """Run and store every task; gives the failures in the order of the tasks.

    KeyboardInterrupt passes through once the workers are gone.
    """
    if not tasks:
        return []
    failures: dict[int, Failure] = {}
    progress = Progress(len(tasks), label)
    left, waiting = list(range(len(tasks))), False
    while left:
        held = []
        calls = [(tasks[number], store_root, waiting) for number in left]
        with closing(launch(run_task, calls, workers)) as coming:
            for position, told in coming:
                number = left[position]
                if isinstance(told, Elsewhere):
                    held.append(number)
                    continue
                if isinstance(told, WorkerLost):
                    told = Failure(tasks[number].point, tasks[number].replication, str(told))
                elif told is None and launch is not spread and not _is_there(store_root, tasks[number]):
                    told = Failure(tasks[number].point, tasks[number].replication, ANOTHER_STORE, refused=True)
                if told is not None:
                    failures[number] = told
                progress.advance()
        if held:
            print(f"{label}: another runner on this store is at {len(held)} of them; waiting for it", file=sys.stderr)
        left, waiting = held, True  # nothing is held any more after a wait
    return [failures[number] for number in sorted(failures)]


def _is_there(store_root: Path, task: Task) -> bool:
    return Store(store_root).has(task.key, task.replication)


def try_out(config: Config) -> None:
    """Raise what only assembling finds; loads what the compiled engine needs for it, and runs nothing."""
    from sim.bench.assemble import assemble  # here: whoever only asks workers needs no engine

    assemble(config, 0).close()


def load(config: Config) -> None:
    """What `try_out` loads, where it is compiled already; for who tries it out beside (`forking.also`)."""
    with loading_only():
        try_out(config)


def run_task(task: Task, store_root: Path, waiting: bool = False) -> Told:
    """In a worker: run one replication and write it to the store; a failure's traceback is kept beside it."""
    store = Store(store_root)
    with store.claim(task.key, task.replication, waiting=waiting) as ours:
        if not ours:
            return Elsewhere()
        if store.has(task.key, task.replication):  # another runner was faster
            return None
        return _run(task, store)


def _run(task: Task, store: Store) -> Failure | None:
    from sim.bench import assemble

    try:
        load_extensions(task.config.extensions)
        store.save(task.key, task.replication, assemble.run_replication(task.config, task.replication))
    except (ConfigError, InputError) as error:
        return Failure(task.point, task.replication, str(error), refused=True)
    except Exception as error:  # whatever it is, the other tasks go on, and nothing of it is lost
        file = store.write_failure(task.key, task.replication, traceback.format_exc())
        name = "" if isinstance(error, SimError) else f"{type(error).__name__}: "
        return Failure(task.point, task.replication, f"{name}{error}", file=file)
    return None

"""Runs what the store does not hold: tasks of one replication each over worker processes (joblib).

A worker runs the replication and writes it to the store itself; only a line of text comes back. An exception costs its
own task; the others finish and the failures are listed. An interrupt keeps everything that is finished.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from joblib import Parallel, delayed

from sim.bench.extensions import load_extensions
from sim.bench.progress import Progress
from sim.bench.schema import Config
from sim.bench.store import Store
from sim.errors import ConfigError, InputError, SimError


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
    refused: bool


def workers_of(config: Config) -> int:
    """Worker processes: as configured, or one a core."""
    return config.launcher.workers or os.cpu_count() or 1


def missing_tasks(store: Store, points: Sequence[tuple[str, str, Config]]) -> list[Task]:
    """Replications that the store does not hold, replication by replication over the points (key, label, config)."""
    most = max((config.stats.replications for _, _, config in points), default=0)
    return [
        Task(key, label, config, replication)
        for replication in range(most)
        for key, label, config in points
        if replication < config.stats.replications and not store.has(key, replication)
    ]


def run_tasks(tasks: Sequence[Task], store_root: Path, workers: int, label: str) -> list[Failure]:
    """Run and store every task; gives the failures. KeyboardInterrupt passes through after the workers stopped."""
    if not tasks:
        return []
    progress = Progress(len(tasks), label)
    failures: list[Failure] = []
    if workers == 1:
        outcomes = (run_task(task, store_root) for task in tasks)
    else:
        pool = Parallel(n_jobs=workers, return_as="generator_unordered", pre_dispatch="2*n_jobs")
        outcomes = pool(delayed(run_task)(task, store_root) for task in tasks)
    for failure in outcomes:
        if failure is not None:
            failures.append(failure)
        progress.advance()
    return failures


def run_task(task: Task, store_root: Path) -> Failure | None:
    """In a worker: run one replication and write it to the store."""
    from sim.bench.assemble import run_replication

    try:
        load_extensions(task.config.extensions)
        record = run_replication(task.config, task.replication)
        Store(store_root).save(task.key, task.replication, record)
    except (ConfigError, InputError) as error:
        return Failure(task.point, task.replication, str(error), True)
    except (SimError, ArithmeticError, LookupError, TypeError, ValueError, RuntimeError, ExceptionGroup) as error:
        return Failure(task.point, task.replication, f"{type(error).__name__}: {error}", False)
    return None

"""A sweep that is killed again and again: is a finished replication lost, a half one counted, a byte of a table other?

`python -m tests.bench.crashes FILE.csv` writes the published ledger: SIGKILL before each write (half of it done), fsync
and rename of a sweep, and at 200 random instants, for 1 and 2 workers. A trial forks the sweep (and it its workers).
Processes number their steps by appending to one file; the one that takes step n is killed there. After a kill the same
sweep is run undisturbed in the same folder, and must end as one that was never killed.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from sim.bench import pool, pool_worker
from sim.bench.durable import write_whole
from sim.bench.leftovers import clean, health
from sim.bench.outcome import finish
from sim.bench.plan import Plan, make_plan
from sim.bench.store import Store, whole
from sim.measure.summary import StudySummary
from sim.report.files import write_text
from sim.report.table_files import comparisons_csv, points_csv
from tests.bench.crash_ledger import Ledger, csv_of

SWEEP = [
    "balancer=random,power_of_d", "horizon_s=30", "drain_s=30", "fleet.nodes=2", "fleet.agents_per_node=2",
    "stats.replications=3", "warmup=none", "name=swept", "objective=sojourn_s_mean",
]  # fmt: skip
TABLES = ("points.csv", "comparisons.csv")
STEPS = "steps"  # the file that all processes of a sweep append to
RANDOM_KILLS, LOOK_S = 200, 0.001  # seconds between two looks at how far a sweep is
REAL_WRITE, REAL_FSYNC, REAL_REPLACE = os.write, os.fsync, os.replace


@dataclass(slots=True)
class Bench:
    """The sweep, what it leaves undisturbed, and a place to try it in."""

    place: Path
    workers: int
    plan: Plan
    tables: list[bytes] = field(default_factory=list)
    columns: dict[str, bytes] = field(default_factory=dict)
    steps: bytes = b""
    took_s: float = 0.0

    def undisturbed(self) -> None:
        """Run it once without a kill."""
        folder = self.fresh()
        started = time.perf_counter()
        assert os.waitpid(self.begin(folder, 0), 0)[1] == 0
        self.took_s = time.perf_counter() - started
        self.tables, self.columns = tables(folder), columns(folder)
        self.steps = (folder / STEPS).read_bytes()
        assert len(self.columns) == 6

    def fresh(self) -> Path:
        """An empty folder."""
        return Path(tempfile.mkdtemp(dir=self.place))

    def begin(self, folder: Path, kill_at: int, half: bool = False) -> int:
        """Fork the sweep; gives its process. It is killed at its step `kill_at`, if that is above 0."""
        child = os.fork()
        if child:
            return child
        code = 70
        try:
            os.setpgid(0, 0)
            os.chdir(folder)
            quiet()
            count_steps(folder, kill_at, half)
            code = finish(self.plan, csv_only)
        finally:
            os._exit(code)

    def trial(self, ledger: Ledger, kill: Callable[[Path], bool]) -> None:
        """Kill a sweep in a fresh folder, run it again, and book what is found."""
        folder = self.fresh()
        ledger.trials += 1
        ledger.killed += kill(folder)
        store = folder / ".victor-sim/store"
        wait_for_workers(store)
        there = {path: path.stat().st_mtime_ns for path in whole_ones(store)}
        ledger.finished += len(there)
        now = columns(folder)
        ledger.half_counted += sum(self.columns.get(name) != data for name, data in now.items())
        found = health(store, folder / "results")
        ledger.leftovers += len(found.leftovers) + len(found.broken)
        clean(found)
        found = health(store, folder / "results")
        ledger.not_cleared += len(found.leftovers) + len(found.broken)
        assert os.waitpid(self.begin(folder, 0), 0)[1] == 0, f"the sweep does not go on in {folder}"
        ledger.lost += sum(not path.is_file() or path.stat().st_mtime_ns != at for path, at in there.items())
        ledger.lost += len(self.columns) - len(columns(folder))
        ledger.other_tables += sum(one != other for one, other in zip(tables(folder), self.tables, strict=True))

    def killed_at(self, ledger: Ledger, step: int, half: bool) -> Callable[[Path], bool]:
        """A kill of whoever takes this step."""

        def kill(folder: Path) -> bool:
            status = os.waitpid(self.begin(folder, step, half), 0)[1]
            worker = not os.WIFSIGNALED(status) and len((folder / STEPS).read_bytes()) >= step
            ledger.ended_by_worker += worker
            return os.WIFSIGNALED(status) or worker

        return kill

    def killed_after(self, step: int, after_s: float, everybody: bool) -> Callable[[Path], bool]:
        """A kill from outside, of the first process alone or of its whole group, some time after a step was taken.

        An instant is drawn as step and time, so that it falls inside the sweep however busy the machine is.
        """

        def kill(folder: Path) -> bool:
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
            signal.sigtimedwait([signal.SIGCHLD], 0)  # that of a trial before
            child = self.begin(folder, 0)
            steps, ended = folder / STEPS, None
            while ended is None and (steps.stat().st_size if steps.exists() else 0) < step:
                ended = signal.sigtimedwait([signal.SIGCHLD], LOOK_S)
            if ended is None:
                signal.sigtimedwait([signal.SIGCHLD], after_s)  # its end, or the instant
            (os.killpg if everybody and os.getpgid(child) == child else os.kill)(child, signal.SIGKILL)
            return os.WIFSIGNALED(os.waitpid(child, 0)[1])

        return kill


def csv_only(summary: StudySummary, folder: Path) -> None:
    """The tables of a report, as the report writes them."""
    write_text(folder / "points.csv", points_csv(summary))
    write_text(folder / "comparisons.csv", comparisons_csv(summary))


def tables(folder: Path) -> list[bytes]:
    """The tables as they stand."""
    return [(folder / "results/swept" / name).read_bytes() for name in TABLES]


def whole_ones(store: Path) -> list[Path]:
    """Records that count."""
    return [path for path in sorted(store.glob("*/*/rep-*.json")) if whole(path) is not None]


def columns(folder: Path) -> dict[str, bytes]:
    """What counts, by its place in the store: the columns' bytes."""
    store = folder / ".victor-sim/store"
    return {str(path.relative_to(store)): path.with_suffix(".npz").read_bytes() for path in whole_ones(store)}


def wait_for_workers(store: Path) -> None:
    """Workers whose sweep was killed finish the cell that they hold: wait for each claim once."""
    for path in store.glob("*/*"):
        for replication in range(3):
            with Store(store).claim(path.name, replication, waiting=True) as ours:
                assert ours


def quiet() -> None:
    """Nothing of a trial is said."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for number in (1, 2):
        os.dup2(nowhere, number)


def count_steps(folder: Path, kill_at: int, half: bool) -> None:
    """From here on every write, fsync and rename below `folder` is numbered, and the one at `kill_at` is the last."""
    log: list[tuple[int, int]] = []  # process, its own descriptor of the file

    def step(kind: bytes) -> bool:
        if not log or log[0][0] != os.getpid():
            log[:] = [(os.getpid(), os.open(folder / STEPS, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600))]
        number = log[0][1]
        REAL_WRITE(number, kind)
        return os.lseek(number, 0, os.SEEK_CUR) == kill_at

    def below(number: int) -> bool:
        return Path(f"/proc/self/fd/{number}").readlink().is_relative_to(folder.resolve())

    def write(number: int, data: Any) -> int:
        if below(number) and step(b"w"):
            if half:
                REAL_WRITE(number, bytes(data)[: len(data) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        return REAL_WRITE(number, data)

    def fsync(number: int) -> None:
        if below(number) and step(b"s"):
            os.kill(os.getpid(), signal.SIGKILL)
        REAL_FSYNC(number)

    def replace(source: Any, target: Any) -> None:
        if step(b"r"):
            os.kill(os.getpid(), signal.SIGKILL)
        REAL_REPLACE(source, target)

    os.write, os.fsync, os.replace = write, fsync, replace  # type: ignore[assignment]


def fork_workers() -> None:
    """Workers of the pool are forked from here instead of started anew; all else of them is the pool's."""

    def begin(worker: pool.Worker, modules: Sequence[str] = ()) -> None:
        ours, theirs = socket.socketpair()
        child = os.fork()
        if not child:
            kept = theirs.fileno()
            os.closerange(3, kept)
            os.closerange(kept + 1, 1024)
            pool._idle.clear()
            pool_worker.main(theirs.detach())
            os._exit(0)
        theirs.close()
        worker.process = Forked(child)  # type: ignore[assignment]
        worker.connection = Connection(ours.detach())
        worker.connection.send((sys.path, dict(os.environ)))

    pool.Worker.__init__ = begin  # type: ignore[method-assign]


class Forked:
    """What the pool asks of a process."""

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> int:
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def trials(place: Path, workers: int, every: int, random_kills: int, seed: int) -> Iterator[Ledger]:
    """Ledgers of a number of workers, after each trial: at every n-th step, and at random instants."""
    plan = make_plan([*SWEEP, f"launcher.workers={workers}"], multirun=True)
    bench = Bench(place, workers, plan)
    bench.undisturbed()
    for kind, name, half in ((b"w", "half a write", True), (b"s", "fsync", False), (b"r", "rename", False)):
        ledger = Ledger(workers, name)
        for step in [n for n, found in enumerate(bench.steps, start=1) if found == kind[0]][::every]:
            bench.trial(ledger, bench.killed_at(ledger, step, half))
            yield ledger
    rng, count = np.random.default_rng(seed), len(bench.steps)
    drawn_s = rng.uniform(0.0, bench.took_s / count, random_kills)
    ledger = Ledger(workers, "random instant")
    for number, (step, after_s) in enumerate(zip(rng.integers(0, count, random_kills), drawn_s, strict=True)):
        bench.trial(ledger, bench.killed_after(int(step), float(after_s), everybody=number % 2 == 0))
        yield ledger


def main(target: str, every: int = 1, random_kills: int = RANDOM_KILLS, seed: int = 1) -> None:
    """Run all trials; a line each on standard error, the ledger as CSV (or as JSON on standard output for `-`).

    The CSV is written after each trial: who stops early keeps what was found.
    """
    fork_workers()
    by_kind: dict[tuple[int, str], dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as place:
        for workers in (1, 2):
            for ledger in trials(Path(place), workers, every, random_kills, seed):
                by_kind[ledger.workers, ledger.kill] = asdict(ledger)
                print(ledger, file=sys.stderr, flush=True)
                if target != "-":
                    write_whole(Path(target), csv_of(list(by_kind.values())))
    if target == "-":
        print(json.dumps(list(by_kind.values())))


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))

"""What the harness costs, and what a second core is worth to a sweep.

`two cores`: one sweep of equal points of some seconds each, in a process of its own with one worker and then with two;
the ratio of their wall times, for a machine with two cores that have nothing else to do. A sweep of fewer points tells
what of that is start (one worker is the process itself, two are processes that begin anew) and what each further point
gains. `harness`: processor seconds of all processes of a sweep of many tiny points less those of a sweep of few, a
point: composing, claiming, storing, measuring, comparing and reporting, and the tiny run itself. Every sweep starts
from an empty store.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from sim.bench.bench_tables import write_csv
from sim.world.idiomatic import RATE_PER_S

POINTS, POINTS_FEW = 20, 4  # of the sweeps over cores, all alike
POINT_S_MIN = 5.0  # what a point must take for its ratio to count
FEW, MANY = 4, 24  # tiny points
TINY_S = 10.0  # horizon of a tiny point
SPEEDUP_MIN, HARNESS_S_MAX = 1.8, 0.4
COLUMNS = ("what", "value", "unit", "claimed", "note")
COMMAND = (sys.executable, "-c", "import sys; from sim.experiments.main import main; sys.exit(main(sys.argv[1:]))")


@dataclass(frozen=True, slots=True)
class Took:
    """Wall time of a command, and the processor time of all of its processes, seconds."""

    wall_s: float
    cpu_s: float


@dataclass(frozen=True, slots=True)
class Figure:
    """A line of `sweep.csv`; `broken` says what was not reached."""

    what: str
    value: float
    unit: str
    claimed: str
    note: str
    broken: str = ""

    def told(self) -> str:
        """One line."""
        return f"{self.what}: {self.value:.3g} {self.unit} ({self.claimed} claimed; {self.note})"


Run = Callable[[list[str]], Took]


def run_command(words: list[str]) -> Took:
    """`victor-sim` in an empty folder; raises RuntimeError with its last words when it fails."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with TemporaryDirectory() as folder:
        began_at = time.perf_counter()
        done = subprocess.run([*COMMAND, *words], cwd=folder, capture_output=True, text=True, check=False)
        wall_s = time.perf_counter() - began_at
    if done.returncode:
        raise RuntimeError(f"victor-sim {' '.join(words)}: {done.stderr[-400:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Took(wall_s, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def even_sweep(points: int, horizon_s: float, seed: int, workers: int, engine: str) -> list[str]:
    """A sweep of points that differ in a bound that none of them reaches."""
    bounds = ",".join(str(1_000_000 + number) for number in range(points))
    return [
        "run", "--multirun", f"fleet.queue_max={bounds}", "fleet=yardstick", "balancer=power_of_d",
        f"arrivals.rate_per_s={RATE_PER_S}", f"horizon_s={horizon_s!r}", f"seed={seed}", f"engine={engine}",
        "stats.replications=1", "stats.requests_max=0", "warmup=none", "study.figures=[]", "objective=sojourn_s_mean",
        f"launcher.workers={workers}", "name=even",
    ]  # fmt: skip


def two_cores(requests: int, seed: int, run: Run = run_command, engine: str = "compiled") -> Figure:
    """What two workers gain over one, on points of `requests` each."""
    horizon_s = requests / RATE_PER_S
    run(even_sweep(1, TINY_S, seed, 1, engine))  # compiles, where nothing is compiled yet
    few_one, few_two, one, two = (
        run(even_sweep(points, horizon_s, seed, workers, engine))
        for points in (POINTS_FEW, POINTS)
        for workers in (1, 2)
    )
    ratio, point_s = one.wall_s / two.wall_s, one.cpu_s / POINTS
    further = (one.wall_s - few_one.wall_s) / (two.wall_s - few_two.wall_s)  # of points alone: starts cancel
    slowed = (two.cpu_s - few_two.cpu_s) / (one.cpu_s - few_one.cpu_s)  # a point's price where both cores are at work
    start_s = few_two.cpu_s - few_one.cpu_s - POINTS_FEW * (slowed - 1.0) * point_s
    few, load = few_one.wall_s / few_two.wall_s, os.getloadavg()[0]
    note = (
        f"{POINTS} points of {point_s:.1f} s of a core, {one.wall_s:.1f} and {two.wall_s:.1f} s, load {load:.1f}; "
        f"{POINTS_FEW} points {few:.2f} times, each further point {further:.2f} times at "
        f"{slowed:.2f} times the processor time; two workers' start took {start_s:.1f} s of it"
    )
    broken = "" if ratio >= SPEEDUP_MIN else f"two cores over one: {ratio:.2f}, claimed {SPEEDUP_MIN}"
    if point_s < POINT_S_MIN:
        broken = f"two cores over one: a point took {point_s:.1f} s, wanted {POINT_S_MIN:g}; ask for more requests"
    return Figure(f"two cores over one, {engine} engine", ratio, "times", f"{SPEEDUP_MIN} times", note, broken)


def harness(seed: int, run: Run = run_command, engine: str = "simpy") -> Figure:
    """Processor seconds that one more tiny point costs."""
    few, many = (run(even_sweep(count, TINY_S, seed, 1, engine)) for count in (FEW, MANY))
    each_s = (many.cpu_s - few.cpu_s) / (MANY - FEW)
    note = f"{MANY} points {many.cpu_s:.1f} s, {FEW} points {few.cpu_s:.1f} s"
    broken = "" if each_s < HARNESS_S_MAX else f"harness: {each_s:.2f} s a point, claimed below {HARNESS_S_MAX}"
    return Figure("harness, a point", each_s, "s of processor", f"below {HARNESS_S_MAX} s", note, broken)


def keep(path: Path, figures: Sequence[Figure]) -> None:
    """Write `sweep.csv`."""
    rows = [[one.what, f"{one.value:.4f}", one.unit, one.claimed, one.note] for one in figures]
    write_csv(path, COLUMNS, rows)

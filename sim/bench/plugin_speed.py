"""Speed of the plugin runners on this machine, each beside a baseline that was measured in the same minute.

Baselines: for a call, the same bytes echoed over a socket pair by a plain process without walls, msgpack or Python
objects; for a load, a bare interpreter that starts and ends. Shared machines drift: read ratios, not absolutes, and
the least beside the median: what a call costs when nothing else runs.
Milliseconds and microseconds are this table's; all clocks are the process's own.
"""

from __future__ import annotations

import os
import resource
import socket
import statistics
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from sim.bench.plugin_probes import NoHost
from sim.contracts import Runtime
from sim.integration.plugins.runners.base import PluginSource
from sim.integration.plugins.runners.monty import MontyRunner
from sim.integration.plugins.runners.monty_pool import MontyPool
from sim.integration.plugins.runners.nursery import Nursery
from sim.integration.plugins.runners.worker import WorkerRunner
from sim.runtime.live import run_live
from sim.runtime.virtual import VirtualRuntime

CALLS = 2_000
LOADS = 50
STARTS = 7
DEADLINE_S = 30.0
PAYLOAD = {"type": "research", "key": 12345, "nodes": [f"node-{number}" for number in range(10)], "loads": [0.5] * 10}
SOURCE = PluginSource(
    "custom.echo", "echo", {"echo.py": b"def before_route(payload): return payload"}, ("before_route",)
)
HOOK = "before_route"


@dataclass(frozen=True, slots=True)
class Speed:
    """One row; seconds. `limit_s` is what is claimed of the median, NaN where nothing is."""

    what: str
    least_s: float
    p50_s: float
    p99_s: float
    count: int
    baseline: str = ""
    baseline_p50_s: float = float("nan")
    limit_s: float = float("nan")

    @property
    def broken(self) -> str:
        """What is claimed and was not reached."""
        return f"{self.what}: {self.p50_s:.6f} s, claimed {self.limit_s:g} s" if self.p50_s > self.limit_s else ""

    def told(self) -> str:
        """In words."""
        beside = "" if not self.baseline else f"  ({self.p50_s / self.baseline_p50_s:.1f} of {self.baseline})"
        times = f"least {self.least_s * 1e6:9.1f} us  p50 {self.p50_s * 1e6:9.1f} us  p99 {self.p99_s * 1e6:9.1f} us"
        return f"{self.what:48} {times}{beside}"


def measure() -> list[Speed]:
    """All rows; takes about twenty seconds."""
    echo = row_of("echo of the same bytes, a plain process", _echo_times())
    start = row_of("a bare interpreter starts and ends", _start_times())
    rows = [echo, start]
    runtime = VirtualRuntime()
    try:
        rows += runtime.run_task(_of_runners(runtime, "virtual", echo, start))
    finally:
        runtime.close()
    rows += run_live(lambda live: _of_runners(live, "live", echo, start))
    from sim.bench.plugin_loads import beside_a_burner, loads, write_plugins

    with TemporaryDirectory() as folder:
        write_plugins(Path(folder))
        rows += loads(Path(folder), start)
    return rows + run_live(beside_a_burner)


async def _of_runners(runtime: Runtime, world: str, echo: Speed, start: Speed) -> list[Speed]:
    nursery = Nursery()
    try:
        began_at = perf_counter()
        await nursery.start(runtime, DEADLINE_S)
        rows = [row_of(f"the process that forks workers, {world}", [perf_counter() - began_at], start)]
        runners = [WorkerRunner(runtime, nursery, NoHost()) for _ in range(LOADS)]
        loads = [await _timed(lambda runner=runner: runner.start(SOURCE)) for runner in runners]  # type: ignore[misc]
        rows.append(row_of(f"load of a worker, {world}", loads, start, 0.010))
        rows.append(row_of(f"load of {LOADS} workers, {world}", [sum(loads)], start, 0.500))
        rows.append(row_of(f"call of a worker, {world}", await _calls(runners[0]), echo, 150e-6))
        for runner in runners:
            await runner.stop()
        rows += await _of_monty(runtime, world, nursery.reached, echo, start)
    finally:
        nursery.close()
    return rows


async def _of_monty(runtime: Runtime, world: str, layers: tuple[str, ...], echo: Speed, start: Speed) -> list[Speed]:
    pool = MontyPool(layers)
    try:
        first, second = MontyRunner(runtime, pool, NoHost()), MontyRunner(runtime, pool, NoHost())
        await first.start(SOURCE)
        await first.stop()
        loads = [await _timed(lambda: second.start(SOURCE))]
        rows = [row_of(f"load in Monty, a new process behind the walls, {world}", loads, start)]
        rows.append(row_of(f"call in Monty, {world}", await _calls(second), echo))
        await second.stop()
    finally:
        pool.close()
    return rows


async def _calls(runner: Any) -> list[float]:
    for _ in range(CALLS // 10):
        await runner.call(HOOK, PAYLOAD, DEADLINE_S)
    return [await _timed(lambda: runner.call(HOOK, PAYLOAD, DEADLINE_S)) for _ in range(CALLS)]


async def _timed(call: Callable[[], Awaitable[Any]]) -> float:
    began_at = perf_counter()
    await call()
    return perf_counter() - began_at


def row_of(what: str, times: list[float], baseline: Speed | None = None, limit_s: float = float("nan")) -> Speed:
    """A row from wall or processor seconds."""
    ordered = sorted(times)
    p99 = ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))]
    beside = ("", float("nan")) if baseline is None else (baseline.what, baseline.p50_s)
    return Speed(what, ordered[0], statistics.median(ordered), p99, len(ordered), *beside, limit_s)


def _echo_times() -> list[float]:
    code = "import os\nwhile data := os.read(0, 65536): os.write(0, data)"
    ours, theirs = socket.socketpair()
    command = [sys.executable, "-I", "-S", "-c", code]
    with ours, theirs, subprocess.Popen(command, stdin=theirs.fileno(), env={}) as process:
        theirs.close()
        data, times = os.urandom(270), []
        for _ in range(CALLS + CALLS // 10):
            began_at = perf_counter()
            ours.sendall(data)
            got = 0
            while got < len(data):
                got += len(ours.recv(1 << 16))
            times.append(perf_counter() - began_at)
        ours.shutdown(socket.SHUT_RDWR)
        process.wait(DEADLINE_S)
    return times[CALLS // 10 :]


def start_processor_times() -> list[float]:
    """Processor seconds of a bare interpreter, start by start."""
    spent = [_children_s()]
    for _ in range(STARTS):
        subprocess.run([sys.executable, "-I", "-S", "-c", "pass"], env={}, check=True)
        spent.append(_children_s())
    return [after - before for before, after in pairwise(spent)]


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _start_times() -> list[float]:
    times = []
    for _ in range(STARTS):
        began_at = perf_counter()
        subprocess.run([sys.executable, "-I", "-S", "-c", "pass"], env={}, check=True)
        times.append(perf_counter() - began_at)
    return times

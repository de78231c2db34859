"""Runs that are claimed as a whole: 10^8 requests in little memory, a day of 10,000 agents, and how soon a run starts.

`large`: the yardstick, requests counted and not kept. `day`: 833 nodes of 12 agents, service mean 10 s, utilization .8,
69 million requests in 86,400 s, with heartbeats and health checks every 10 s, failover and an autoscaler that decides
every 15 s. `first use` compiles into an empty cache, `later start` is another process that finds it: the time of a tiny
run, from its config to its answer, imports told apart (`process_s` has them). Seconds, bytes.
"""

from __future__ import annotations

import csv
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from sim.bench.assemble import assemble
from sim.bench.bench_tables import write_csv
from sim.bench.compose import compose
from sim.bench.yardstick import BARE
from sim.errors import ConfigError, InvalidRun
from sim.measure.audits import audit
from sim.measure.metrics import replication_metrics
from sim.world.idiomatic import RATE_PER_S

LARGE_REQUESTS, DAY_S, DAY_NODES = 100_000_000, 86_400.0, 833
CONTROL_PLANE = (
    "health.detector=heartbeat_timeout", "health.interval_s=10", "failover.enabled=true", "autoscaler=hpa",
    "autoscaler.target_utilization_ratio=0.8", "autoscaler.interval_s=15",
)  # fmt: skip
KIB = 1024
LIMITS = {"large": ("peak_rss_bytes", 1e9), "day": ("wall_s", 120.0), "first use": ("wall_s", 20.0),
          "later start": ("wall_s", 2.0)}  # fmt: skip
START_S_MAX = 600.0
TINY = 1_000  # requests of a run that only shows that it starts


@dataclass(frozen=True, slots=True)
class LongRun:
    """One line of `long.csv`; `absent` is why there is none."""

    name: str
    requests: int = 0
    wall_s: float = float("nan")
    cpu_s: float = float("nan")
    peak_rss_bytes: int = 0  # of the process
    mean_sojourn_s: float = float("nan")
    process_s: float = float("nan")  # of the whole process, wall time
    absent: str = ""

    @property
    def broken(self) -> str:
        """Which limit it does not keep, empty for none."""
        what, limit = LIMITS[self.name]
        value = getattr(self, what)
        return f"{self.name}: {what} {value:.4g}, claimed is below {limit:.4g}" if value > limit else ""

    def told(self) -> str:
        """One line."""
        if self.absent:
            return f"{self.name}: absent: {self.absent}"
        peak = f", peak {self.peak_rss_bytes / 1e6:,.0f} MB" if self.peak_rss_bytes else ""
        answer = f", mean sojourn {self.mean_sojourn_s:.4f} s" if self.mean_sojourn_s == self.mean_sojourn_s else ""
        whole = f", {self.process_s:.1f} s with imports" if self.process_s == self.process_s else ""
        took = f"{self.wall_s:.1f} s, CPU {self.cpu_s:.1f} s{whole}"
        return f"{self.name}: {self.requests:,} requests, {took}{peak}{answer}"


def large(seed: int, requests: int = LARGE_REQUESTS, engine: str = "compiled") -> LongRun:
    """The yardstick with so many requests."""
    load = [f"arrivals.rate_per_s={RATE_PER_S}", f"horizon_s={requests / RATE_PER_S!r}"]
    return _run("large", ["fleet=yardstick", "balancer=power_of_d", *load], seed, engine)


def day(seed: int, horizon_s: float = DAY_S, nodes: int = DAY_NODES, engine: str = "compiled") -> LongRun:
    """A day of a fleet with its control plane on."""
    fleet = ["fleet=yardstick", f"fleet.nodes={nodes}", "balancer=power_of_d", "service.mean_s=10"]
    scaler = [f"autoscaler.min_nodes={nodes * 4 // 5}", f"autoscaler.max_nodes={nodes + nodes // 10 + 1}"]
    load = ["arrivals.utilization_ratio=0.8", f"horizon_s={horizon_s!r}"]
    return _run("day", [*fleet, *load, *CONTROL_PLANE, *scaler], seed, engine)


def _run(name: str, words: Sequence[str], seed: int, engine: str) -> LongRun:
    wall_at, cpu_at = time.perf_counter(), time.process_time()
    try:
        config = compose([*words, f"seed={seed}", f"engine={engine}", *BARE])
        record = assemble(config, 0).run()
    except (ConfigError, ImportError) as error:
        return LongRun(name, absent=str(error))
    wall_s, cpu_s = time.perf_counter() - wall_at, time.process_time() - cpu_at
    broken = [result.name for result in audit(record) if not result.passed]
    if broken:
        raise InvalidRun(name, ", ".join(broken))
    mean_s = float(replication_metrics(record, 0.0, None, 0.0)["sojourn_s_mean"])
    peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIB
    return LongRun(name, record.arrivals_count, wall_s, cpu_s, peak_bytes, mean_s)


def starts(seed: int, engine: str = "compiled") -> list[LongRun]:
    """A first use and a later start, each in a process of its own."""
    with TemporaryDirectory() as folder:
        return [_start(name, folder, seed, engine) for name in ("first use", "later start")]


def _start(name: str, cache: str, seed: int, engine: str) -> LongRun:
    code = "import dataclasses, json; from sim.bench.bench_long import large; "
    code += f"print(json.dumps(dataclasses.asdict(large({seed}, {TINY}, {engine!r}))))"
    began_at = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "VICTOR_SIM_CACHE": cache}, capture_output=True, text=True,
        timeout=START_S_MAX, check=False,
    )  # fmt: skip
    process_s = time.perf_counter() - began_at
    if done.returncode:
        raise RuntimeError(f"{name}: {done.stderr}")
    run = LongRun(**json.loads(done.stdout.splitlines()[-1]))
    return replace(run, name=name, process_s=process_s)


def keep(path: Path, runs: Sequence[LongRun]) -> None:
    """Write the runs into `long.csv`, instead of older ones of the same name."""
    rows: dict[str, list[str]] = {}
    if path.is_file():
        with path.open(newline="", encoding="utf-8") as file:
            rows = {row[0]: row for row in list(csv.reader(file))[1:] if row}
    for run in runs:
        values = asdict(run).values()
        rows[run.name] = ["" if v != v else f"{v:.4f}" if isinstance(v, float) else str(v) for v in values]
    names = [name for name in LIMITS if name in rows]
    write_csv(path, [field.name for field in fields(LongRun)], [rows[name] for name in names])

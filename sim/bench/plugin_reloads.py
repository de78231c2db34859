"""Reloads under traffic: is every hook call run once, in one generation, and does anything grow?

Calls overlap the reloads: each tells the host its number by `http.fetch`, which takes virtual time, and answers with
the version that ran it. A call is lost when it has no answer, doubled when the host heard its number twice. Memory
(resident bytes), descriptors, modules and tasks are read after equal numbers of reloads, garbage collected; growth is
the slope of a least-squares line over the second half of the readings, per 1,000 reloads.
"""

from __future__ import annotations

import csv
import gc
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from sim.integration.plugins.broker.broker import HostServices
from sim.integration.plugins.broker.permissions import Grants
from sim.integration.plugins.broker.requests import Fetch, Reply, Target
from sim.integration.plugins.manager import PluginManager
from sim.runtime.events import EventLog
from sim.runtime.virtual import VirtualRuntime

PLUGIN = "custom.reloaded"
MANIFEST = """id = "custom.reloaded"
version = "{0}"
module = "code"
hooks = ["before_request"]
permissions = ["http.fetch:seen.example"]
"""
CODE = """
class Plugin:
    def __init__(self, context):
        self.context, self.kept = context, bytearray(100_000)
    async def before_request(self, payload):
        await self.context.call("http.fetch", url=f"http://seen.example/{{payload['request']}}")
        return {{"reject": "{0}"}}
"""
READINGS = 20
EVENTS_MAX = 1_000  # rows that the log keeps, so that it does not look like growth
HELD_S = 0.0005  # a call holds its generation for that long
EVERY_S = 0.0007  # between two calls
PAGE_BYTES = 4096


@dataclass(slots=True)
class Reloads:
    """What came out."""

    runner: str
    reloads_count: int
    calls_count: int = 0
    lost_count: int = 0
    doubled_count: int = 0
    stale_count: int = 0  # answered by a version that had been replaced before the call began
    failed_count: int = 0
    readings: list[tuple[int, int, int, int]] = field(
        default_factory=list
    )  # resident bytes, descriptors, modules, tasks

    def growth(self, column: int) -> float:
        """Slope over the second half, per 1,000 reloads."""
        half = self.readings[len(self.readings) // 2 :]
        step = self.reloads_count / max(len(self.readings), 1)
        values = np.array([row[column] for row in half], dtype=np.float64)
        return float(np.polyfit(np.arange(len(values)) * step, values, 1)[0] * 1000.0)


def reloads(folder: Path, count: int, sandboxed: bool, say: Callable[[str], None] = lambda line: None) -> Reloads:
    """Reload a plugin `count` times while it is called; `sandboxed`: in a worker."""
    runtime, heard = VirtualRuntime(), Counter[int]()
    services = HostServices(lambda name: None, lambda kind, told: "", _Ear(runtime, heard))
    grants = {PLUGIN: ["http.fetch:seen.example"]}
    config = {"folders": [str(folder)], "sandbox_plugins": sandboxed, "permissions": grants}
    manager = PluginManager(config, runtime=runtime, services=services, events=EventLog(EVENTS_MAX), ships=False)
    result = Reloads("worker" if sandboxed else "inproc", count)
    _write(folder, 0)
    runtime.run_task(manager.discover_plugins())
    runtime.run_task(manager.enable_plugin(PLUGIN))
    version = 0

    async def one(number: int) -> None:
        least = version
        answer = await manager.hooks.call("before_request", {"request": number})
        result.lost_count += answer is None
        result.stale_count += answer is not None and not least <= int(answer.reject) <= version + 1

    async def traffic() -> None:
        while True:
            runtime.spawn(one(result.calls_count), "call")
            result.calls_count += 1
            await runtime.sleep(EVERY_S)

    async def all_reloads() -> None:
        nonlocal version
        calls = runtime.spawn(traffic(), "traffic")
        for number in range(1, count + 1):
            _write(folder, number)
            await manager.reload_plugin(PLUGIN)
            version = number
            await runtime.sleep(0.001)
            if number % max(count // READINGS, 1) == 0:
                result.readings.append(_reading(runtime))
                say(f"{result.runner}: {number} reloads, {result.readings[-1]}")
        calls.cancel()

    runtime.run_task(all_reloads())
    runtime.run_task(runtime.sleep(1.0))
    result.failed_count = sum(
        int(hook["failures_count"]) for hooks in manager.metrics().values() for hook in hooks.values()
    )
    result.doubled_count = sum(times > 1 for times in heard.values())
    result.lost_count += sum(number not in heard for number in range(result.calls_count))
    runtime.run_task(manager.stop())
    runtime.close()
    return result


class _Ear:
    """Hears of every call that runs, and takes virtual time over it."""

    def __init__(self, runtime: VirtualRuntime, heard: Counter[int]) -> None:
        self.runtime, self.heard = runtime, heard

    async def fetch(self, fetch: Fetch, target: Target, grants: Grants) -> Reply:
        """Count the number in the path."""
        self.heard[int(target.path[1:])] += 1
        await self.runtime.sleep(HELD_S)
        return Reply(204, {}, b"")


def _write(folder: Path, version: int) -> None:
    home = folder / PLUGIN
    home.mkdir(parents=True, exist_ok=True)
    (home / "manifest.toml").write_text(MANIFEST.format(version))
    (home / "code.py").write_text(CODE.format(version))


def _reading(runtime: Any) -> tuple[int, int, int, int]:
    gc.collect()
    resident = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * PAGE_BYTES
    descriptors = sum(1 for _ in Path("/proc/self/fd").iterdir())
    return resident, descriptors, len(sys.modules), len(runtime._tasks)


NAMES = ("resident_bytes", "descriptors", "modules", "tasks")


def rows_of(found: Reloads) -> list[dict[str, object]]:
    """One row a reading, and what was counted, for a CSV file."""
    told: dict[str, object] = {
        "runner": found.runner, "reloads": found.reloads_count, "calls": found.calls_count, "lost": found.lost_count,
        "doubled": found.doubled_count, "stale": found.stale_count, "failed": found.failed_count,
    }  # fmt: skip
    for column, name in enumerate(NAMES):
        told[f"{name}_first"] = found.readings[0][column]
        told[f"{name}_last"] = found.readings[-1][column]
        told[f"{name}_growth_per_1000"] = round(found.growth(column), 1)
    return [told]


def write_csv(path: Path, found: list[Reloads]) -> None:
    """One row a runner."""
    rows = [row for each in found for row in rows_of(each)]
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)

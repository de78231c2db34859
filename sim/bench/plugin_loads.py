"""What loading plugins costs as their manager does it (scan, manifests, hashes, order, policy, import, hooks), and what
a plugin that burns the processor costs everybody else.

Wall seconds of each load, and processor seconds of all who work for it: this process, the process that workers are
forked from, the workers (`/proc/PID/schedstat`). The second is what a load takes, the first what it takes on a machine
that others use too. The loop is asked to wake every `TICK_S`; how late it does is measured alone and beside the burner.
"""

from __future__ import annotations

import statistics
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from sim.bench.plugin_probes import NoHost
from sim.bench.plugin_speed import LOADS, Speed, row_of, start_processor_times
from sim.contracts import Runtime
from sim.integration.plugins.manager import PluginManager
from sim.integration.plugins.protocol import PluginEnded, PluginRaised
from sim.integration.plugins.runners.base import PluginSource
from sim.integration.plugins.runners.nursery import Nursery
from sim.integration.plugins.runners.worker import WorkerRunner
from sim.runtime.virtual import VirtualRuntime

ONE_MAX_S, ALL_MAX_S = 0.010, 0.500  # what is claimed of a load and of `LOADS` of them
TICK_S, QUIET_S, BURNS_S = 0.002, 2.0, 2.5
METHODS = 60  # of a plugin's class, of which one is its hook
BURNER = PluginSource("custom.burner", "code", {"code.py": b"def run(payload):\n    while True: pass\n"}, ("run",))


def write_plugins(root: Path, count: int = LOADS) -> list[str]:
    """Plugins of about a page of code, each with a manifest; their ids."""
    methods = "".join(
        f"    def step_{number}(self, value):\n        return value + {number}\n" for number in range(METHODS)
    )
    code = "import dataclasses, json, re\n\nclass Plugin:\n    def __init__(self, context): self.log = context.log\n"
    code += methods + "    def before_request(self, payload): return None\n"
    ids = [f"custom.loaded_{number:03d}" for number in range(count)]
    for plugin_id in ids:
        folder = root / plugin_id
        folder.mkdir(parents=True)
        (folder / "code.py").write_text(code)
        manifest = (
            f'id = "{plugin_id}"\nversion = "1.0.0"\nmodule = "code"\nhooks = ["before_request"]\nhost = ">=0.1"\n'
        )
        (folder / "manifest.toml").write_text(manifest + '[settings]\nlimit = { kind = "number", default = 1.0 }\n')
    return ids


def loads(root: Path, start: Speed) -> list[Speed]:
    """Rows for all plugins of a folder, in this process and in workers; `start` is the baseline."""
    spent = row_of("a bare interpreter starts and ends, processor time", start_processor_times())
    return [spent, *(row for sandboxed in (False, True) for row in _loads(root, sandboxed, start, spent))]


def _loads(root: Path, sandboxed: bool, start: Speed, spent: Speed) -> list[Speed]:
    where = "in a worker" if sandboxed else "in this process"
    runtime = VirtualRuntime()
    config = {"folders": [str(root)], "sandbox_plugins": sandboxed, "auto_discover_plugins": False}
    manager = PluginManager(config, runtime=runtime, ships=False)

    async def body() -> tuple[list[float], float, float]:
        began_s, cpu_s = perf_counter(), process_time()
        await manager.discover_plugins()
        ids = [info.plugin_id for info in manager.list_plugins()]
        before_s, each = 0.0, []
        for plugin_id in ids:
            one_s = perf_counter()
            await manager.enable_plugin(plugin_id)
            each.append(perf_counter() - one_s)
            if not before_s:  # the first load brought up the process that the others are forked from
                before_s = sum(_processor_s(pid) for pid in _forking(manager))
        spent_s = process_time() - cpu_s + sum(_processor_s(pid) for pid in _processes(manager)) - before_s
        return each, perf_counter() - began_s, spent_s

    try:
        each, wall_s, spent_s = runtime.run_task(body())
    finally:
        manager.abandon()
        runtime.close()
    first = each.pop(0) if sandboxed else 0.0
    return [
        row_of(f"load of a plugin by its manager, {where}", each, start, ONE_MAX_S),
        row_of(f"scan and load of {LOADS}, {where}", [wall_s - first], start, ALL_MAX_S),
        row_of(f"load of a plugin by its manager, {where}, processor time", [spent_s / LOADS], spent, ONE_MAX_S),
        row_of(f"scan and load of {LOADS}, {where}, processor time", [spent_s], spent, ALL_MAX_S),
    ]


def _forking(manager: PluginManager) -> list[int]:
    nursery = manager.workshop.nursery
    return [] if nursery is None or nursery.pid is None else [nursery.pid]


def _processes(manager: PluginManager) -> list[int]:
    return [*_forking(manager), *manager.process_ids()]


def _processor_s(pid: int) -> float:
    return int(Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[0]) / 1e9


async def beside_a_burner(runtime: Runtime) -> list[Speed]:
    """How late the loop wakes and how long another plugin's call takes, alone and while one burns the processor."""
    nursery = Nursery()
    quick_source = PluginSource("custom.quick", "code", {"code.py": b"def run(payload): return payload\n"}, ("run",))
    try:
        burning, quick = (WorkerRunner(runtime, nursery, NoHost()) for _ in range(2))
        await burning.start(BURNER)
        await quick.start(quick_source)
        alone = await _felt(runtime, quick, QUIET_S)
        task = runtime.spawn(_burn(burning), "burner")
        beside = await _felt(runtime, quick, QUIET_S)
        why = await task.join()
        assert why == "deadline", why
        await burning.stop()
        await quick.stop()
    finally:
        nursery.close()
    rows = []
    for what, before, after in zip(
        ("the loop wakes late by", "a call of another worker takes"), alone, beside, strict=True
    ):
        base = row_of(f"{what}, alone", before)
        rows += [base, row_of(f"{what}, beside a plugin that burns the processor", after, base)]
    return rows


async def _burn(runner: WorkerRunner) -> str:
    try:
        await runner.call("run", None, BURNS_S)
    except (PluginEnded, PluginRaised) as error:
        return error.why
    return ""


async def _felt(runtime: Runtime, quick: Any, for_s: float) -> tuple[list[float], list[float]]:
    late, took, until = [], [], runtime.now() + for_s
    while runtime.now() < until:
        due = runtime.now() + TICK_S
        await runtime.sleep_until(due)
        late.append(runtime.now() - due)
        began_s = perf_counter()
        await quick.call("run", 1, BURNS_S)
        took.append(perf_counter() - began_s)
    assert statistics.median(late) >= 0.0
    return late, took

"""The isolation table: sixteen probes in each runner and behind each wall alone, measured by running them here.

Each cell is one call: `open`, `denied ERROR`, or `ended WHY` (a probe that becomes another
program ends its worker, which is told as `open`). Columns without a wall stand beside those with, since what a machine
denies anyway is no proof. What a runner has no words for is `no such call`.
"""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sim.contracts import Runtime
from sim.integration.plugins.probes import PROBES, SOURCE
from sim.integration.plugins.runners.base import PluginEnded, PluginRaised, PluginSource
from sim.integration.plugins.runners.monty import MontyRunner
from sim.integration.plugins.runners.monty_pool import MontyPool
from sim.integration.plugins.runners.nursery import Nursery
from sim.integration.plugins.runners.worker import WorkerRunner
from sim.integration.plugins.sandbox.layers import LAYERS
from sim.runtime.virtual import VirtualRuntime

COLUMNS: dict[str, tuple[str, ...]] = {
    "bare process": (),
    "rlimits": ("rlimits",),
    "identity": ("identity",),
    "namespaces": ("namespaces",),
    "namespaces+root_view": ("namespaces", "root_view"),
    "landlock": ("landlock",),
    "seccomp": ("seccomp",),
    "worker (all)": LAYERS,
}
MONTY = "monty (no walls)"
OWN_PROCESS = ("exec", "ptrace")
DEADLINE_S = 10.0


class NoHost:
    """Grants nothing."""

    async def ask(self, plugin_id: str, name: str, arguments: dict[str, Any]) -> Any:
        """Raises PermissionError."""
        raise PermissionError(f"{name} is not granted to {plugin_id}")


@contextmanager
def doors() -> Iterator[dict[str, Any]]:
    """What the probes knock at: a folder, two ports and an abstract socket, all of this process."""
    with (
        tempfile.TemporaryDirectory() as folder,
        socket.create_server(("127.0.0.1", 0)) as tcp,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        socket.socket(socket.AF_UNIX) as abstract,
    ):
        Path(folder).chmod(0o777)
        udp.bind(("127.0.0.1", 0))
        name = f"victor-sim-{tcp.getsockname()[1]}"
        abstract.bind("\0" + name)
        abstract.listen(8)
        ports = {"tcp": tcp.getsockname()[1], "udp": udp.getsockname()[1]}
        yield {"folder": folder, "abstract": name, **ports}


def table(columns: dict[str, tuple[str, ...]] = COLUMNS) -> dict[str, dict[str, str]]:
    """Column -> probe -> what came of it; a column that this machine does not give is left out."""
    runtime = VirtualRuntime()
    try:
        with doors() as where:
            return runtime.run_task(_columns(runtime, columns, where))
    finally:
        runtime.close()


async def _columns(
    runtime: Runtime, columns: dict[str, tuple[str, ...]], where: dict[str, Any]
) -> dict[str, dict[str, str]]:
    found = {}
    for column, layers in columns.items():
        nursery = Nursery(layers)
        try:
            await nursery.start(runtime, DEADLINE_S)
            if nursery.reached == layers:
                found[column] = await _in_workers(runtime, nursery, where)
        finally:
            nursery.close()
    pool = MontyPool()
    try:
        found[MONTY] = {probe: await _in_monty(MontyRunner(runtime, pool, NoHost()), probe, where) for probe in PROBES}
    finally:
        pool.close()
    return found


async def _in_workers(runtime: Runtime, nursery: Nursery, where: dict[str, Any]) -> dict[str, str]:
    """One worker for all but those that leave a process unfit: one became another, one stops at its next signal."""
    source = PluginSource("custom.probe", "probes", {"probes.py": SOURCE}, tuple(PROBES))
    runners = {name: WorkerRunner(runtime, nursery, NoHost(), required="process") for name in ("", *OWN_PROCESS)}
    try:
        for runner in runners.values():
            await runner.start(source)
        return {probe: await _tried(runners.get(probe, runners[""]), probe, where) for probe in PROBES}
    finally:
        for runner in runners.values():
            await runner.stop()


async def _in_monty(runner: MontyRunner, probe: str, where: dict[str, Any]) -> str:
    try:
        await runner.start(PluginSource("custom.probe", "probes", {"probes.py": alone(probe)}, (probe,)))
        return await _tried(runner, probe, where)
    finally:
        await runner.stop()


async def _tried(runner: WorkerRunner | MontyRunner, probe: str, where: dict[str, Any]) -> str:
    try:
        return str(await runner.call(probe, where, DEADLINE_S))
    except PluginEnded as end:
        became_another = probe == "exec" and end.why == "exit"
        return "open" if became_another else f"ended {end.why}"
    except PluginRaised as error:
        return "no such call" if error.why in ("NameError", "AttributeError") else f"denied {error.why}"


def alone(probe: str) -> bytes:
    """One probe without the decorator and helpers that Monty has no words for: what is raised is the answer."""
    if probe == "memory":
        return b'def memory(where):\n    b"x" * (1 << 30)\n    return "open"\n'
    text = SOURCE.decode()
    start = text.index(f"def {probe}(where):")
    body = text[start:].split("\n@told", 1)[0]
    return (body + '\n    return "open"\n').encode()


def lines_of(found: dict[str, dict[str, str]]) -> list[str]:
    """As a Markdown table, a probe a line."""
    columns = list(found)
    lines = ["| probe | " + " | ".join(columns) + " |", "| --- |" + " --- |" * len(columns)]
    lines += [f"| {PROBES[probe]} | " + " | ".join(found[each][probe] for each in columns) + " |" for probe in PROBES]
    return lines

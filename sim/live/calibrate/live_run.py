"""One live run: `victor-sim serve` in a process of its own with real nodes, sent a plan, its answers recorded."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sim.errors import FleetError
from sim.integration.gateway.key_files import open_ring
from sim.integration.gateway.kinds import OPERATE
from sim.live.calibrate.open_load import OpenLoad
from sim.live.calibrate.plan import LoadPlan
from sim.live.calibrate.rows import Row
from sim.live.entropy import system_entropy
from sim.live.keys import KEYS
from sim.runtime.live import LiveRuntime

START_S, STOP_S = 120.0, 60.0
OPEN = ("gateway.rate_limiting=false", "gateway.port=0", "server.node_port=0", "gateway.tasks_max=1000000")
LINE = "gateway: http://"


@dataclass(frozen=True, slots=True)
class Recorded:
    """Rows of a run, and its nodes in the order in which the control plane took them in."""

    rows: list[Row]
    nodes: list[str]


def live_run(overrides: Sequence[str], plan: LoadPlan, state: Path) -> Recorded:
    """Serve, send, record, stop. `overrides` are those of the served config; raises `FleetError`."""

    async def whole() -> Recorded:
        runtime = LiveRuntime()
        try:
            return await _run(runtime, overrides, plan, state)
        finally:
            await runtime.close()

    return asyncio.run(whole())


async def _run(runtime: LiveRuntime, overrides: Sequence[str], plan: LoadPlan, state: Path) -> Recorded:
    key = open_ring(state / KEYS, system_entropy).issue("calibrate", (OPERATE,), runtime.wall_at())
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sim.experiments.main", "serve", *overrides, *OPEN, f"paths.state={state}",
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        port = await _ready(runtime, process)
        load = OpenLoad(runtime, port, key)
        _, nodes = await load.call("GET", "/v1/nodes")
        await load.call("GET", "/v1/status")
        rows = await load.run(plan)
        load.close()
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                async with asyncio.timeout(STOP_S):
                    await process.communicate()
            except TimeoutError:
                process.kill()
                await process.wait()
    return Recorded(rows, [node["node_id"] for node in nodes])


async def _ready(runtime: LiveRuntime, process: asyncio.subprocess.Process) -> int:
    """The gateway's port, once the fleet is there."""
    assert process.stdout is not None
    port = 0
    async with runtime.timeout(START_S):
        async for raw in process.stdout:
            line = raw.decode()
            if line.startswith(LINE):
                port = int(line.rpartition(":")[2])
            elif line.startswith("ready:"):
                return port
    raise FleetError("the served control plane ended before it was ready")

"""The processes of the self-test: a served control plane and its nodes, each of which may be killed and begun anew."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

from sim.contracts import Runtime
from sim.errors import FleetError
from sim.live.link.credential import FILE, VARIABLE, read_secret, told
from sim.live.selftest.agent import LOG
from sim.live.serve.state import FOLDER

START_S = 120.0
REJOIN_S = 600.0  # a machine under load may take a minute to begin a control plane anew
SERVED = (
    "server.provider=none", "gateway.port=0", "server.node_port=0", "gateway.rate_limiting=false",
    "health.slow_start_s=0", "health.ejection.enabled=false", "fleet.agents_per_node=2",
)  # fmt: skip
AGENT = "sim.live.selftest.agent:noted"
Process = asyncio.subprocess.Process


class Processes:
    """`state` is the control plane's; nodes are named n1, n2, ..."""

    def __init__(self, runtime: Runtime, state: Path) -> None:
        self.runtime, self.state = runtime, state
        self.log = state / "executions.log"
        self.server: Process | None = None
        self.nodes: dict[str, Process] = {}
        self.port = 0
        self.url = ""

    async def start_server(self) -> None:
        """Returns once clients can come; raises `FleetError` where it ended before."""
        self.server = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "sim.experiments.main", "serve", *SERVED, f"paths.state={self.state}",
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        assert self.server.stdout is not None
        self.port, self.url = 0, ""
        async with self.runtime.timeout(START_S):
            async for raw in self.server.stdout:
                line = raw.decode()
                if line.startswith("gateway:"):
                    self.port = int(line.rpartition(":")[2])
                elif line.startswith("nodes join at:"):
                    self.url = line.split()[3]
                    return
        raise FleetError("the served control plane ended before it was there")

    async def start_node(self, name: str) -> None:
        """A node process."""
        settings = {
            "node_id": name, "url": self.url, "agents": {"agent": AGENT}, "capacity": 4, "heartbeat_s": 0.5,
            "rejoin_s": REJOIN_S, "metadata": {"zone": "zone-1", "region": "zone-1", "speed": 1.0},
        }  # fmt: skip
        secret = told(read_secret(self.state / FOLDER / FILE))
        self.nodes[name] = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "sim.live.node.child", json.dumps(settings),
            env={**os.environ, VARIABLE: secret, LOG: str(self.log)}, stdin=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip

    @staticmethod
    async def kill(process: Process) -> None:
        """SIGKILL, and wait until it is gone."""
        if process.returncode is None:
            process.kill()
        await process.communicate()

    async def stop(self) -> None:
        """End everything."""
        for process in (*self.nodes.values(), *([] if self.server is None else [self.server])):
            await self.kill(process)

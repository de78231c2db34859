"""The processes of the self-test: a served control plane and its nodes, each of which may be killed and begun anew."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from sim.contracts import Runtime
from sim.errors import FleetError
from sim.live.link.credential import FILE, read_secret, told
from sim.live.serve.state import FOLDER

START_S = 120.0
REJOIN_S = 600.0  # a machine under load may take long to begin a control plane anew
LOOK_S = 0.01
SERVED = (
    "server.provider=none", "gateway.port=0", "server.node_port=0", "gateway.rate_limiting=false",
    "health.slow_start_s=0", "health.ejection.enabled=false", "fleet.agents_per_node=2",
)  # fmt: skip
AGENT = "sim.live.selftest.agent:noted"


class Processes:
    """`state` is the control plane's; `server` and `nodes` are numbers of processes."""

    def __init__(self, runtime: Runtime, state: Path) -> None:
        self.runtime, self.state = runtime, state
        self.log = state / "executions.log"
        self.server = 0
        self.nodes: dict[str, int] = {}
        self.port = 0
        self.url = ""
        self._zygote: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Make what the others are forked from."""
        self._zygote = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "sim.live.selftest.zygote", stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip

    async def start_server(self) -> None:
        """Returns once clients can come; raises `FleetError` where it ended before."""
        self.server = await self._become({"serve": [*SERVED, f"paths.state={self.state}"]})
        async with self.runtime.timeout(START_S):
            while True:
                line = await self._line()
                if line.startswith("gateway:"):
                    self.port = int(line.rpartition(":")[2])
                elif line.startswith("nodes join at:"):
                    self.url = line.split()[3]
                    return

    async def start_node(self, name: str) -> None:
        """A node process."""
        settings = {
            "node_id": name, "url": self.url, "agents": {"agent": AGENT}, "capacity": 4, "heartbeat_s": 0.5,
            "rejoin_s": REJOIN_S, "metadata": {"zone": "zone-1", "region": "zone-1", "speed": 1.0},
        }  # fmt: skip
        secret = told(read_secret(self.state / FOLDER / FILE))
        self.nodes[name] = await self._become({"node": settings, "secret": secret, "log": str(self.log)})

    async def _become(self, order: dict[str, Any]) -> int:
        """Fork; gives the child's number."""
        assert self._zygote is not None
        assert self._zygote.stdin is not None
        self._zygote.stdin.write(json.dumps(order).encode() + b"\n")
        await self._zygote.stdin.drain()
        async with self.runtime.timeout(START_S):
            while True:
                line = await self._line()
                if line.startswith("pid "):
                    return int(line[4:])

    async def _line(self) -> str:
        assert self._zygote is not None
        assert self._zygote.stdout is not None
        line = (await self._zygote.stdout.readline()).decode()
        if not line:
            raise FleetError("the self-test's processes ended")
        return line.strip()

    async def gone(self, pid: int) -> None:
        """SIGKILL, and until there is no such process."""
        with suppress(ProcessLookupError):
            while True:
                os.kill(pid, signal.SIGKILL)
                await self.runtime.sleep(LOOK_S)

    async def stop(self) -> None:
        """End everything."""
        for pid in (*self.nodes.values(), self.server):
            if pid:
                await self.gone(pid)
        if self._zygote is not None:
            self._zygote.kill()
            await self._zygote.communicate()

"""The live stage: `serve`'s own server with its plugins, nodes as processes, an operator and clients over HTTP."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sim.bench.schema import Config
from sim.integration.gateway.key_files import open_ring
from sim.integration.gateway.kinds import ADMIN
from sim.integration.plugins.broker.stub import StubFetcher
from sim.live.calibrate.open_load import OpenLoad
from sim.live.demo.settings import BURST_CLIENTS, CLIENTS, DEAD_FOR_S, FASTER, KILLED, TYPES
from sim.live.demo.tuned import LiveTuned
from sim.live.entropy import system_entropy
from sim.live.keys import KEYS
from sim.live.serve.server import Say, Server
from sim.runtime.live import LiveRuntime
from sim.types.fleet import AgentStatus
from sim.types.metrics import OptimizationTarget

LOOK_S = 0.1
WAIT_S = 30.0
PAUSE_S = 0.2  # of a client whose task failed


class LiveStage:
    """Implements `sim.bench.demo.stage.Stage`; `start` before use, `stop` at the end."""

    def __init__(self, config: Config, tuning: Config, runtime: LiveRuntime, say: Say) -> None:
        self.config, self.runtime = config, runtime
        self._key = open_ring(Path(config.paths.state) / KEYS, system_entropy).issue(
            "operator", (ADMIN,), runtime.wall_at()
        )
        self.server = server = Server(config, runtime, say, StubFetcher())  # what plugins send out ends here
        self.gateway, self.manager = server.gateway, server.fleet.manager
        self.log, self.load = server.log, server.fleet.load
        self.tuned = LiveTuned(tuning, runtime, server.events, TYPES, FASTER)
        self.optimizer = self.tuned.optimizer
        self.gateway.optimizer = self.optimizer
        self.gateway.targets = OptimizationTarget
        self.served: dict[str, int] = {}
        self.failed_count = 0
        self.bursting = False
        self._http: OpenLoad | None = None
        self._struck: tuple[str, float] | None = None

    async def start(self) -> None:
        """Gateway and sockets; nodes come with `nodes`."""
        await self.server.start()
        assert self.gateway.port is not None
        self._http = OpenLoad(self.runtime, self.gateway.port, self._key)

    async def stop(self) -> None:
        """The server ends, and with it nodes and plugins."""
        if self._http is not None:
            self._http.close()
            await self.server.stop()

    async def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> tuple[int, Any]:
        """Over a real connection; pages that are no JSON come as None."""
        assert self._http is not None
        try:
            return await self._http.call(method, path, b"" if body is None else json.dumps(body).encode())
        except json.JSONDecodeError:
            return 200, None

    async def nodes(self) -> None:
        """Until the provider's processes have joined, with their agents."""
        wanted = self.config.fleet.nodes * self.config.fleet.agents_per_node
        while self.manager.agents_count(AgentStatus.READY) < wanted or self.gateway.manager is None:
            await self.runtime.sleep(LOOK_S)
        self.tuned.start()

    def orders(self) -> list[dict[str, Any]]:
        """Two agents more than the nodes bring."""
        return [{"name": f"{name.title()} Agent", "type": name, "model": "live"} for name in TYPES[:2]]

    def tunable(self) -> list[str]:
        """Types that have a ready agent."""
        ready = {info.agent_type for info in self.manager.list_agents(status=AgentStatus.READY)}
        return [name for name in TYPES if name in ready]

    def struck(self) -> tuple[str, float] | None:
        """The process that was killed."""
        return self._struck

    async def kill_and_restart(self) -> None:
        """SIGKILL to a node's process; a new one under its name after a while."""
        assert self.server.nodes is not None
        provider = self.server.nodes.provider
        provider.processes[KILLED].kill()
        self._struck = (KILLED, self.runtime.now())
        await self.runtime.sleep(DEAD_FOR_S)
        await provider.start(KILLED)

    def clients(self) -> None:
        """Closed-loop clients of each type; those of the burst wait until it is on."""
        for name in TYPES:
            for number in range(CLIENTS + BURST_CLIENTS):
                self.runtime.spawn(self._client(name, number >= CLIENTS), f"client {number} of {name}")

    async def _client(self, name: str, bursts: bool) -> None:
        while True:
            if bursts and not self.bursting:
                await self.runtime.sleep(LOOK_S)
                continue
            number, start, work_s = self.tuned.order(name)
            begun_at = self.runtime.now()
            order = {"type": name, "input": {"work_s": work_s}, "wait_s": WAIT_S}
            try:
                status, told = await self.call("POST", "/v1/tasks", order)
            except OSError:
                status, told = 0, {}
            sojourn_s = self.runtime.now() - begun_at
            if status != 200 or told.get("state") != "done":
                self.failed_count += 1
                await self.runtime.sleep(PAUSE_S)
                continue
            node_id = str(told["result"]["node_id"])
            self.served[node_id] = self.served.get(node_id, 0) + 1
            self.tuned.answered(name, number, start, sojourn_s)

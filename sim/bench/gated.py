"""Simulated clients at the real gateway: each request is an ASGI call on virtual time, `POST /v1/tasks` with a key.

The gateway is the one that listens live, FastAPI included; only clock, entropy and the body of a task are handed in,
and that body is the simulated fleet. A client has a key and an address of its own; which client sends a request, and
whether it shows a key that nobody issued, are draws of the request. The gateway takes no virtual time. Statuses: 429
is `shed`, what shows no good key or finds it full is `rejected`.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, fields
from typing import Any

from sim.bench.schema import Config
from sim.contracts import Draws, Runtime
from sim.errors import FleetError
from sim.integration.gateway.gateway import APIGateway
from sim.integration.gateway.kinds import OPERATE
from sim.integration.gateway.ports import FleetManager, Message, Optimizer, Plugins, Scope, TaskOrder
from sim.integration.gateway.settings import GatewayConfig
from sim.runtime.draws import GATEWAY_CLIENT, GATEWAY_KEY
from sim.types.metrics import OptimizationTarget
from sim.types.records import FAILED, OK, REJECTED, SHED, STATUSES
from sim.world.gate import Serve

REFUSALS = {401: REJECTED, 403: REJECTED, 429: SHED, 503: REJECTED}
UNKNOWN_KEY = "vs_00000000_" + "A" * 43
WAIT_MAX_S = 86_400.0


def gateway_settings(config: Config, **changes: Any) -> GatewayConfig:
    """The gateway's settings from the config group, with what a caller changes."""
    known = {field.name for field in fields(GatewayConfig)}
    own = {name: value for name, value in asdict(config.gateway).items() if name in known}
    return GatewayConfig.of({**own, **changes})


def seeded_entropy(seed: int) -> Any:
    """Bytes for keys of a simulation: the same in every run of a seed, and no secret at all."""
    count = 0

    def entropy(size: int) -> bytes:
        nonlocal count
        count += 1
        return hashlib.shake_256(f"gateway {seed} {count}".encode()).digest(size)

    return entropy


class GatewayDoor:
    """Implements `sim.world.gate.Door`, and the gateway's `TaskRunner`."""

    def __init__(self, config: Config, runtime: Runtime, draws: Draws) -> None:
        self.runtime, self.draws = runtime, draws
        group = config.gateway
        self.clients_count, self.unknown_key_ratio = group.clients_count, group.unknown_key_ratio
        settings = gateway_settings(config, task_wait_max_s=WAIT_MAX_S)
        self.gateway = APIGateway(settings, runtime=runtime, tasks=self, entropy=seeded_entropy(config.seed))
        self._pending: dict[int, Serve] = {}
        host = (b"host", b"localhost" if settings.is_loopback else settings.host.encode())
        kind = (b"content-type", b"application/json")
        keys = [UNKNOWN_KEY] * self.clients_count
        if settings.authentication:
            keys = [self.gateway.issue_key(f"client-{n}", OPERATE) for n in range(self.clients_count)]
        self._headers = [[host, kind, (b"x-api-key", key.encode())] for key in keys]
        self._unknown = [host, kind, (b"x-api-key", UNKNOWN_KEY.encode())]

    def connect(
        self, manager: FleetManager, plugins: Plugins | None = None, optimizer: Optimizer | None = None
    ) -> None:
        """The fleet stands: the gateway is ready."""
        gateway = self.gateway
        gateway.manager, gateway.plugins, gateway.optimizer = manager, plugins, optimizer
        gateway.targets = OptimizationTarget

    async def ask(self, request: int, serve: Serve) -> int:
        """The request as HTTP; see `Door`."""
        client = int(self.draws.uniform(GATEWAY_CLIENT, request) * self.clients_count)
        headers = self._headers[client]
        if self.unknown_key_ratio and self.draws.uniform(GATEWAY_KEY, request) < self.unknown_key_ratio:
            headers = self._unknown
        self._pending[request] = serve
        code = await self._call(client, headers, b'{"input":{"request":%d},"wait_s":%d}' % (request, WAIT_MAX_S))
        self._pending.pop(request, None)
        return REFUSALS.get(code, FAILED)

    async def run(self, order: TaskOrder) -> dict[str, Any]:
        """The body of a task: the simulated fleet."""
        status = await self._pending.pop(order.input["request"])()
        if status != OK:
            raise FleetError(f"the request ended as {STATUSES[status]}")
        return {}

    async def _call(self, client: int, headers: list[tuple[bytes, bytes]], body: bytes) -> int:
        status = 500
        address = f"10.{client >> 16}.{client >> 8 & 255}.{client & 255}"
        scope: Scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
            "path": "/v1/tasks", "raw_path": b"/v1/tasks", "query_string": b"", "root_path": "",
            "headers": [*headers, (b"content-length", str(len(body)).encode())], "client": (address, 1),
            "server": ("127.0.0.1", 80),
        }  # fmt: skip

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]

        await self.gateway(scope, receive, send)
        return status

    def counts(self) -> dict[str, int]:
        """What the gateway's own metrics say of the run."""
        metrics = self.gateway.metrics
        return {
            "gateway_requests": sum(metrics.requests.values()),
            "gateway_rate_limited": sum(metrics.refusals.values()),
            "gateway_auth_failures": metrics.auth_failures,
        }

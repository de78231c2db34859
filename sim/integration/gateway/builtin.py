"""The endpoints that every gateway has: the core's over FastAPI, and health, metrics, docs and events beside it.

`/healthz` (the process answers) and `/readyz` (it may be sent work) alone are open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.integration.gateway.docs import docs_page
from sim.integration.gateway.exchange import Request, Response, as_json
from sim.integration.gateway.face import Entry
from sim.integration.gateway.fleet_face import FleetFace
from sim.integration.gateway.kinds import READ
from sim.integration.gateway.metrics import MEDIA_TYPE
from sim.integration.gateway.parts_face import PartsFace
from sim.integration.gateway.router import SOCKET, Route
from sim.integration.gateway.sockets import Connection

if TYPE_CHECKING:
    from sim.integration.gateway.gateway import APIGateway


PAGE_POLICY = (
    b"content-security-policy",
    b"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
)


def core_entries(gateway: APIGateway) -> list[Entry]:
    """The documented endpoints of a gateway."""
    fleet = FleetFace(lambda: gateway.manager)
    parts = PartsFace(
        lambda: gateway.desk, lambda: gateway.plugins, lambda: gateway.optimizer, gateway.status,
        gateway.config.task_wait_max_s, lambda name: gateway.targets(name),
    )  # fmt: skip
    return [*parts.entries(), *fleet.entries()]  # FastAPI looks through them in order: tasks come first


def add_builtin(gateway: APIGateway) -> None:
    """Register what stands beside the documented endpoints."""

    async def healthz(request: Request) -> Response:
        return Response.of({"status": "ok"})

    async def readyz(request: Request) -> Response:
        ready = gateway.is_ready
        return Response.of(({"status": "ready" if ready else "not ready"}, 200 if ready else 503))

    async def metrics(request: Request) -> Response:
        return Response(200, gateway.metrics.text(), MEDIA_TYPE)

    async def openapi(request: Request) -> Response:
        return Response(200, as_json(gateway.openapi()))

    async def docs(request: Request) -> Response:
        page = docs_page(gateway.openapi()).encode()
        return Response(200, page, b"text/html; charset=utf-8", headers=(PAGE_POLICY,))

    async def events(connection: Connection) -> None:
        config, keys = gateway.config, gateway.keys

        def is_live(key_id: str) -> bool:
            return keys is not None and keys.live(key_id, gateway.runtime.wall_at()) is not None

        await gateway.events.stream(connection, gateway.runtime, config.events_queue_max, is_live)

    add, config = gateway.router.add, gateway.config
    add(Route("GET", "/healthz", healthz, None, "The process answers"))
    add(Route("GET", "/readyz", readyz, None, "New work may be sent here"))
    if config.metrics_collection:
        add(Route("GET", "/metrics", metrics, READ, "Numbers for Prometheus"))
    if config.enable_docs:
        add(Route("GET", "/openapi.json", openapi, READ, "This interface as an OpenAPI document"))
        add(Route("GET", "/docs", docs, READ, "This interface for people"))
    add(Route(SOCKET, "/v1/events", events, READ, "Control events as they happen"))

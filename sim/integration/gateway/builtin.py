"""The endpoints that every gateway has: the core's over FastAPI, and health, metrics, docs and events beside it.

`/healthz` (the process answers) and `/readyz` (it may be sent work) alone are open, and on loopback the status page
(`/`, `/status`), which holds no data (`watch`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.integration.gateway.docs import docs_page
from sim.integration.gateway.exchange import Request, Response, as_json
from sim.integration.gateway.face import Entry
from sim.integration.gateway.fleet_face import FleetFace
from sim.integration.gateway.kinds import READ
from sim.integration.gateway.metrics import MEDIA_TYPE
from sim.integration.gateway.offer import STATUS, TICKET_S
from sim.integration.gateway.parts_face import PartsFace
from sim.integration.gateway.router import SOCKET, Route
from sim.integration.gateway.snapshot import snapshot
from sim.integration.gateway.sockets import Connection
from sim.integration.gateway.watch import live_page

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

        status = (lambda: snapshot(gateway)) if connection.protocol == STATUS else None
        await gateway.events.stream(connection, gateway.runtime, config.events_queue_max, is_live, status)

    async def ticket(request: Request) -> Response:
        """For the WebSocket of a page, which can set no header; to read, and for `TICKET_S` at most."""
        keys, tokens, principal = gateway.keys, gateway.tokens, request.principal
        wall_at = gateway.runtime.wall_at()
        record = None if keys is None or principal is None else keys.live(principal.key_id, wall_at)
        made = "" if record is None or tokens is None else tokens.make(record, wall_at, (READ,), TICKET_S)
        return Response.of({"ticket": made, "for_s": TICKET_S})

    async def status_page(request: Request) -> Response:
        page, policy = live_page(config.authentication)
        told = ((b"content-security-policy", policy), (b"referrer-policy", b"no-referrer"))
        return Response(200, page, b"text/html; charset=utf-8", headers=told)

    add, config = gateway.router.add, gateway.config
    add(Route("GET", "/healthz", healthz, None, "The process answers"))
    add(Route("GET", "/readyz", readyz, None, "New work may be sent here"))
    if config.metrics_collection:
        add(Route("GET", "/metrics", metrics, READ, "Numbers for Prometheus"))
    if config.enable_docs:
        add(Route("GET", "/openapi.json", openapi, READ, "This interface as an OpenAPI document"))
        add(Route("GET", "/docs", docs, READ, "This interface for people"))
    add(Route(SOCKET, "/v1/events", events, READ, "Control events as they happen"))
    add(Route("GET", "/v1/events/ticket", ticket, READ, "A ticket for a page's WebSocket"))
    if config.serves_page:
        for path in ("/", "/status"):
            add(Route("GET", path, status_page, None, "The fleet as it is, for people; asks for a key"))

"""WebSockets (RFC 6455): everything that HTTP is asked is asked before the handshake is accepted.

Middleware for HTTP does not run for WebSockets, so that this goes the core's own way: guard, credential, limit, scope,
and the page's origin, which must be one that CORS allows, or the gateway's own status page, which shows a ticket
(`offer`). Messages are bounded, and so is the number of sockets.
"""

from __future__ import annotations

import json
from typing import Any

from sim.integration.gateway.auth import refused
from sim.integration.gateway.core import ALWAYS, Core, Visit
from sim.integration.gateway.exchange import Response, as_json
from sim.integration.gateway.guard import Headers
from sim.integration.gateway.kinds import Principal
from sim.integration.gateway.offer import Offer, is_own_page, offer_of
from sim.integration.gateway.ports import Receive, Scope, Send
from sim.integration.gateway.problem import Problem
from sim.integration.gateway.router import SOCKET, Route

NORMAL, POLICY, TOO_BIG, BROKEN = 1000, 1008, 1009, 1011
DENIAL = "websocket.http.response"
UPGRADED = 101


class SocketClosed(Exception):
    """The other side is gone, or was closed for what it sent."""


class Connection:
    """An accepted WebSocket as a handler sees it."""

    def __init__(
        self, receive: Receive, send: Send, params: dict[str, str], principal: Principal | None, bytes_max: int,
        protocol: str | None = None,
    ) -> None:  # fmt: skip
        self.params, self.principal, self.protocol = params, principal, protocol
        self._receive, self._send, self._bytes_max = receive, send, bytes_max
        self.closed = False

    async def send_json(self, value: Any) -> None:
        """One text message; raises `SocketClosed`."""
        await self.send_text(as_json(value).decode())

    async def send_text(self, text: str) -> None:
        """One text message; raises `SocketClosed`."""
        if self.closed:
            raise SocketClosed
        try:
            await self._send({"type": "websocket.send", "text": text})
        except OSError:
            self.closed = True
            raise SocketClosed from None

    async def receive_text(self) -> str:
        """The next message; raises `SocketClosed`, also for one that is too long."""
        if self.closed:
            raise SocketClosed
        message = await self._receive()
        if message["type"] != "websocket.receive":
            self.closed = True
            raise SocketClosed
        text, data = message.get("text"), message.get("bytes")
        if text is None:
            text = (data or b"").decode("utf-8", "replace")
        if len(text) > self._bytes_max or len(text.encode("utf-8", "replace")) > self._bytes_max:
            await self.close(TOO_BIG)
            raise SocketClosed
        return str(text)

    async def receive_json(self) -> Any:
        """The next message as JSON; one that is none closes the socket and raises `SocketClosed`."""
        try:
            return json.loads(await self.receive_text())
        except (ValueError, RecursionError):
            await self.close(POLICY)
            raise SocketClosed from None

    async def close(self, code: int = NORMAL) -> None:
        """Ends it; again does nothing."""
        if not self.closed:
            self.closed = True
            await self._send({"type": "websocket.close", "code": code})


class Sockets:
    """Lets WebSockets in and runs their handlers."""

    def __init__(self, core: Core) -> None:
        self.core = core

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One WebSocket, from handshake to end."""
        core, visit = self.core, self.core.visit(scope, SOCKET)
        await receive()  # websocket.connect
        try:
            route, connection = self._let_in(visit, scope, receive, send)
        except Problem as problem:
            visit.reason = problem.detail
            await self._deny(problem, visit, scope, send)
            core.book(visit, problem.status)
            return
        metrics = core.parts.metrics
        metrics.sockets += 1
        code = NORMAL
        try:
            accept: dict[str, Any] = {
                "type": "websocket.accept",
                "headers": [(b"x-request-id", visit.request_id.encode())],
            }
            if connection.protocol is not None:
                accept["subprotocol"] = connection.protocol
            await send(accept)
            await route.handler(connection)
        except SocketClosed:
            pass
        except Exception as error:  # a handler's; what it says may hold anything
            visit.reason, code = type(error).__name__, BROKEN
        finally:
            metrics.sockets -= 1
            core.book(visit, UPGRADED)
        await connection.close(code)

    def _let_in(self, visit: Visit, scope: Scope, receive: Receive, send: Send) -> tuple[Route, Connection]:
        core, parts = self.core, self.core.parts
        headers: Headers = parts.guard.headers(scope)
        if parts.config.request_logging:
            parts.log.request(visit.began_at, visit.request_id, SOCKET, visit.told_path, visit.address)
        offer = offer_of(headers)
        if offer.ticket is not None:
            headers = {**headers, b"authorization": b"Bearer " + offer.ticket.encode("latin-1")}
        match, principal = core.enter(visit, headers, SOCKET)
        route = core.admitted(match, principal, SOCKET)
        if principal is None and parts.auth is not None and route.scope is not None:
            raise refused()  # the core lets nobody in so: a second lock, as a stream outlives its handshake
        origin = headers.get(b"origin")
        if origin is not None and not parts.cors.allows(origin) and not self._is_page(offer, scope, headers):
            raise Problem(403, "pages of this origin may not open a stream")
        limit = parts.config.websockets_max
        if parts.metrics.sockets >= limit:
            raise Problem(503, f"{limit} streams are open already", "temporary-reduced-capacity")
        bytes_max = parts.config.websocket_message_bytes_max
        return route, Connection(receive, send, match.params, principal, bytes_max, offer.protocol)

    def _is_page(self, offer: Offer, scope: Scope, headers: Headers) -> bool:
        """The status page of this gateway, which got its ticket with a key (where keys are asked for)."""
        parts = self.core.parts
        return (
            parts.config.serves_page
            and (offer.ticket is not None or parts.auth is None)
            and is_own_page(scope, headers)
        )

    async def _deny(self, problem: Problem, visit: Visit, scope: Scope, send: Send) -> None:
        """Before the handshake: as HTTP where the server can, else a close, which servers turn into 403."""
        if DENIAL not in (scope.get("extensions") or {}):
            await send({"type": "websocket.close", "code": POLICY})
            return
        answer = Response.problem(problem, visit.request_id)
        told = (*ALWAYS, *answer.headers, *visit.told)
        length = str(len(answer.body)).encode()
        own = ((b"content-type", answer.media_type), (b"content-length", length))
        headers = [(b"x-request-id", visit.request_id.encode()), *told, *own]
        await send({"type": f"{DENIAL}.start", "status": answer.status, "headers": headers})
        await send({"type": f"{DENIAL}.body", "body": answer.body})

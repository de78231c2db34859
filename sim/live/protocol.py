"""HTTP/1.1 on a socket with the bounds that uvicorn's own protocol lacks.

A connection has `header_timeout_s` for each head, from its first byte (the first head from the connection's start), and
`header_bytes_max` bytes for it; there are at most `connections_max`, of one address `connections_per_address_max`. Who
is answered before its body was read is disconnected after the answer. Malformed requests get a problem document.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from sim.integration.gateway.ports import WHOLE
from sim.integration.gateway.problem import MEDIA_TYPE, Problem, title_of
from sim.integration.gateway.settings import GatewayConfig

LINGER_S = 1.0  # that a client has to read an answer that came before its body was read


@dataclass(slots=True)
class Bounds:
    """What all connections of a server share."""

    config: GatewayConfig
    count: int = 0
    by_address: dict[str, int] = field(default_factory=dict)
    refused_count: int = 0
    timed_out_count: int = 0

    def enter(self, address: str) -> bool:
        """One more connection; False if that is one too many."""
        mine = self.by_address.get(address, 0)
        if self.count >= self.config.connections_max or mine >= self.config.connections_per_address_max:
            self.refused_count += 1
            return False
        self.count += 1
        self.by_address[address] = mine + 1
        return True

    def leave(self, address: str) -> None:
        """One less."""
        self.count -= 1
        left = self.by_address[address] - 1
        if left:
            self.by_address[address] = left
        else:
            del self.by_address[address]


class StrictProtocol(HttpToolsProtocol):
    """One connection; `bounds` is set by the server's factory."""

    bounds: Bounds

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._address = self.client[0] if self.client else ""
        self._head_bytes = 0
        self._in_head = True
        self._timer: asyncio.TimerHandle | None = None
        self._counted = self.bounds.enter(self._address)
        if not self._counted:
            self.refuse(Problem(503, "too many connections", "temporary-reduced-capacity", ((b"retry-after", b"1"),)))
            return
        self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        self._left()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        config = self.bounds.config
        if self._in_head and self._head_bytes > config.header_bytes_max + config.uri_bytes_max:
            self.refuse(Problem(431, f"headers of more than {config.header_bytes_max} bytes"))

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True
        if self._timer is None:
            self._arm()

    def on_headers_complete(self) -> None:
        self._in_head, self._head_bytes = False, 0
        self._disarm()
        super().on_headers_complete()
        cycle = self.cycle
        if cycle is not None and cycle.scope is self.scope:  # not an upgrade; its task has not begun yet
            extensions: dict[str, Any] = {WHOLE: partial(answer_whole, cycle)}
            self.scope["extensions"] = extensions

    def on_response_complete(self) -> None:
        unread = self.cycle is not None and self.cycle.more_body
        super().on_response_complete()
        if unread and not self.transport.is_closing():
            self._linger()

    def handle_websocket_upgrade(self) -> None:
        self._disarm()
        self._left()  # streams have a bound of their own
        super().handle_websocket_upgrade()

    def send_400_response(self, msg: str) -> None:
        self.refuse(Problem(400, "this is no HTTP request"))

    def refuse(self, problem: Problem) -> None:
        """Answer and close, before any application is asked."""
        self._disarm()
        body = problem.body("")
        lines = [
            f"HTTP/1.1 {problem.status} {title_of(problem.status)}".encode(),
            b"content-type: " + MEDIA_TYPE.encode(),
            f"content-length: {len(body)}".encode(),
            b"connection: close",
            *(name + b": " + value for name, value in problem.headers),
        ]
        self.transport.write(b"\r\n".join([*lines, b"", body]))
        self.transport.close()

    def _linger(self) -> None:
        if self.transport.can_write_eof():
            self.transport.write_eof()
            self.loop.call_later(LINGER_S, self.transport.close)
        else:
            self.transport.close()

    def _arm(self) -> None:
        self._timer = self.loop.call_later(self.bounds.config.header_timeout_s, self._too_slow)

    def _disarm(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

    def _too_slow(self) -> None:
        self._timer = None
        if not self.transport.is_closing():
            self.bounds.timed_out_count += 1
            self.refuse(Problem(408, f"no whole head within {self.bounds.config.header_timeout_s:g} s"))

    def _left(self) -> None:
        if self._counted:
            self._counted = False
            self.bounds.leave(self._address)


def answer_whole(cycle: RequestResponseCycle, status: int, head: bytes, body: bytes) -> bool:
    """All of an answer in one write: `head` are its lines without the first, with Content-Length, without Connection.

    Half of what an answer costs is the way of single header lines through the server. Gives False where the answer has
    to go that way all the same: somebody has begun one, or the client reads too slowly.
    """
    if cycle.response_started or cycle.disconnected or cycle.flow.write_paused:
        return False
    cycle.response_started = cycle.response_complete = True
    cycle.waiting_for_100_continue = False
    last = b"\r\n" if cycle.keep_alive else b"connection: close\r\n\r\n"
    cycle.transport.write(b"".join((STATUS_LINE[status], head, last, body)))
    cycle.message_event.set()
    if not cycle.keep_alive:
        cycle.transport.close()
    cycle.on_response()
    return True


def protocol_factory(bounds: Bounds) -> Any:
    """What uvicorn calls for every connection."""

    class Bounded(StrictProtocol):
        pass

    Bounded.bounds = bounds
    return Bounded

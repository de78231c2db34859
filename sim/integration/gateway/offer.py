"""What a browser can say in a WebSocket's handshake: it sets no header, but it names subprotocols (RFC 6455, 4.1).

Of ours it may name one, `victor-sim.events` (control events) or `victor-sim.status` (the past ones first, and the
status every few seconds besides), and show a ticket as `ticket.TOKEN`: a bearer token of a few seconds and of the scope
to read, got with a key at `GET /v1/events/ticket`. The long-lived key itself stands in no handshake, no URL and no
subprotocol, which proxies like to log; a ticket is never sent back.
"""

from __future__ import annotations

from dataclasses import dataclass

from sim.integration.gateway.auth import refused
from sim.integration.gateway.guard import Headers
from sim.integration.gateway.ports import Scope

EVENTS, STATUS = PROTOCOLS = ("victor-sim.events", "victor-sim.status")
TICKET = "ticket."
TICKET_S = 30.0
NAMED = b"sec-websocket-protocol"


@dataclass(frozen=True, slots=True)
class Offer:
    """The subprotocol that is answered (None: none of ours was named) and the ticket that was shown."""

    protocol: str | None
    ticket: str | None


def offer_of(headers: Headers) -> Offer:
    """Raises `Problem` 401 for two tickets, or a ticket beside another credential."""
    named = [word.strip() for word in headers.get(NAMED, b"").decode("latin-1").split(",")]
    protocol = next((word for word in named if word in PROTOCOLS), None)
    tickets = [word.removeprefix(TICKET) for word in named if word.startswith(TICKET)]
    if len(tickets) > 1 or (tickets and (b"authorization" in headers or b"x-api-key" in headers)):
        raise refused()
    return Offer(protocol, tickets[0] if tickets else None)


def is_own_page(scope: Scope, headers: Headers) -> bool:
    """Whether the origin is that of the gateway itself, by a Host that the guard has trusted."""
    scheme = b"https" if scope.get("scheme") in ("wss", "https") else b"http"
    return headers.get(b"origin") == scheme + b"://" + headers.get(b"host", b"")

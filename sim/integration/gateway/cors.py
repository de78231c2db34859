"""Which web pages may read answers (CORS, Fetch standard) and open event streams: those of listed origins, no other.

Without an origin in the list nothing is allowed; `*` allows every page, but never with the browser's own credentials.
"""

from __future__ import annotations

from sim.integration.gateway.exchange import Pairs, Response
from sim.integration.gateway.guard import Headers
from sim.integration.gateway.problem import Problem
from sim.integration.gateway.settings import GatewayConfig

ASKED = b"access-control-request-method"
ALLOWED_HEADERS = b"authorization, content-type, x-api-key"
EXPOSED_HEADERS = b"ratelimit, ratelimit-policy, retry-after, x-request-id"
METHODS = b"GET, POST, PUT, PATCH, DELETE"
MAX_AGE_S = 600
VARY = (b"vary", b"origin")


class Cors:
    """Answers preflights and marks answers."""

    def __init__(self, config: GatewayConfig) -> None:
        self.enabled = config.enable_cors
        self.origins = frozenset(origin.encode() for origin in config.cors_origins)
        self.allows_all = b"*" in self.origins

    def allows(self, origin: bytes) -> bool:
        """Whether a page of that origin may do anything here."""
        return self.enabled and (self.allows_all or origin in self.origins)

    def preflight(self, headers: Headers) -> Response | None:
        """The answer to an OPTIONS that asks for a page, None if this is none. Raises `Problem` 403."""
        origin = headers.get(b"origin")
        if origin is None or ASKED not in headers or not self.enabled:
            return None
        if not self.allows(origin):
            raise Problem(403, "pages of this origin may not read answers", headers=(VARY,))
        told: Pairs = (
            *self.marks(origin),
            (b"access-control-allow-methods", METHODS),
            (b"access-control-allow-headers", ALLOWED_HEADERS),
            (b"access-control-max-age", str(MAX_AGE_S).encode()),
        )
        return Response(204, b"", b"", told)

    def marks(self, origin: bytes | None) -> Pairs:
        """What an answer says to the browser."""
        if origin is None or not self.allows(origin):
            return ()
        allowed = b"*" if self.allows_all else origin
        return ((b"access-control-allow-origin", allowed), (b"access-control-expose-headers", EXPOSED_HEADERS), VARY)

"""Who is asking: an API key in `X-API-Key`, or a token in `Authorization: Bearer`; one of them, verified every time.

There is no default principal: what is missing, doubled, malformed or unknown ends in a 401, and so does any failure
inside. The answer never says which of these it was.
"""

from __future__ import annotations

from collections.abc import Callable

from sim.integration.gateway.guard import Headers
from sim.integration.gateway.keys import KeyRing
from sim.integration.gateway.kinds import Principal
from sim.integration.gateway.problem import Problem
from sim.integration.gateway.tokens import Tokens

CHALLENGE = ((b"www-authenticate", b'Bearer realm="victor-sim"'), (b"www-authenticate", b"APIKey"))
BEARER = "bearer "
CREDENTIAL_BYTES_MAX = 4_096


class Authenticator:
    """Checks credentials against a key ring and its tokens."""

    def __init__(self, ring: KeyRing, tokens: Tokens, wall_at: Callable[[], float]) -> None:
        self._ring, self._tokens, self._wall_at = ring, tokens, wall_at

    def principal(self, headers: Headers) -> Principal:
        """Who is asking; raises `Problem` 401 for nobody."""
        key, bearer = headers.get(b"x-api-key"), headers.get(b"authorization")
        if (key is None) == (bearer is None):
            raise refused()
        try:
            found = self._verified(key, bearer)
        except Exception as error:  # whatever goes wrong in here lets nobody in
            raise refused() from error
        if found is None:
            raise refused()
        return found

    def _verified(self, key: bytes | None, bearer: bytes | None) -> Principal | None:
        text = (key or bearer or b"").decode("latin-1")
        if len(text) > CREDENTIAL_BYTES_MAX:
            return None
        if key is not None:
            return self._ring.verify(text, self._wall_at())
        if text[: len(BEARER)].lower() != BEARER:
            return None
        return self._tokens.verify(text[len(BEARER) :].strip(), self._wall_at())


def refused() -> Problem:
    """The one answer to whoever shows no valid credential."""
    return Problem(401, "a valid API key (X-API-Key) or token (Authorization: Bearer) is needed", headers=CHALLENGE)

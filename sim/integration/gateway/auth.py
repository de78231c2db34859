"""Who is asking: an API key in `X-API-Key`, or a token in `Authorization: Bearer`; one of them, verified every time.

There is no default principal: what is missing, doubled, malformed or unknown ends in a 401, and so does any failure
inside. The answer never says which of these it was.
"""

from __future__ import annotations

from collections.abc import Callable

from sim.contracts import Runtime
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

    def __init__(self, ring: KeyRing, tokens: Tokens, runtime: Callable[[], Runtime]) -> None:
        self._ring, self._tokens, self._runtime = ring, tokens, runtime
        self._clock: Callable[[], float] | None = None  # the runtime's `wall_at`, once there is a runtime

    def principal(self, headers: Headers) -> Principal:
        """Who is asking; raises `Problem` 401 for nobody."""
        key, bearer = headers.get(b"x-api-key"), headers.get(b"authorization")
        if (key is None) == (bearer is None):
            raise refused()
        try:
            wall_at = (self._clock or self._known_clock())()
            if bearer is None:
                text = (key or b"").decode("latin-1")
                found = self._ring.verify(text, wall_at) if len(text) <= CREDENTIAL_BYTES_MAX else None
            else:
                found = self._of_token(bearer.decode("latin-1"), wall_at)
        except Exception as error:  # whatever goes wrong in here lets nobody in
            raise refused() from error
        if found is None:
            raise refused()
        return found

    def _known_clock(self) -> Callable[[], float]:
        self._clock = self._runtime().wall_at
        return self._clock

    def _of_token(self, text: str, wall_at: float) -> Principal | None:
        if len(text) > CREDENTIAL_BYTES_MAX or text[: len(BEARER)].lower() != BEARER:
            return None
        return self._tokens.verify(text[len(BEARER) :].strip(), wall_at)


def refused() -> Problem:
    """The one answer to whoever shows no valid credential."""
    return Problem(401, "a valid API key (X-API-Key) or token (Authorization: Bearer) is needed", headers=CHALLENGE)

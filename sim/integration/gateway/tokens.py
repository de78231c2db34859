"""Short-lived bearer tokens: JWT (RFC 7519, 8725), HS256 and nothing else, with audience, issuer and expiry.

The algorithm is ours, not the token's: `none`, other algorithms, and headers that name a key (`kid`, `jku`, `x5u`,
`jwk`, `crit`) are refused. A token is as good as the API key it was made for: revoked or expired, it is refused too,
and it never has a scope that the key has not. Instants come from the injected wall clock; PyJWT checks signatures only.
"""

from __future__ import annotations

import math
from typing import Any

import jwt

from sim.errors import ConfigError
from sim.integration.gateway.keys import KeyRecord, KeyRing
from sim.integration.gateway.kinds import SCOPES, Principal
from sim.integration.gateway.settings import GatewayConfig

ALGORITHM = "HS256"
TOKEN_BYTES_MAX = 2_048
HEADER = {"alg": ALGORITHM, "typ": "JWT"}
CLAIMS = ("aud", "exp", "iat", "iss", "sub")


class Tokens:
    """Makes and checks tokens of a key ring."""

    def __init__(self, ring: KeyRing, config: GatewayConfig) -> None:
        self._ring, self._secret = ring, ring.derive("jwt")
        self.issuer, self.audience, self.token_s = config.token_issuer, config.token_audience, config.token_s

    def make(
        self, record: KeyRecord, wall_at: float, scopes: tuple[str, ...] | None = None, for_s: float | None = None
    ) -> str:
        """A token for a live key, good for `for_s` (None: `token_s`); raises `ConfigError` for a key that is not."""
        if not record.is_live(wall_at):
            raise ConfigError("key", record.name, "a key that is neither expired nor revoked")
        claims = {
            "iss": self.issuer,
            "aud": self.audience,
            "sub": record.key_id,
            "iat": math.floor(wall_at),
            "exp": math.floor(wall_at + (self.token_s if for_s is None else for_s)),
            "scope": " ".join(record.scopes if scopes is None else scopes),
        }
        return jwt.encode(claims, self._secret, algorithm=ALGORITHM)

    def verify(self, token: str, wall_at: float) -> Principal | None:
        """Whose token it is, None for what lets nobody in."""
        if len(token) > TOKEN_BYTES_MAX or not token.isascii():
            return None
        try:
            if jwt.get_unverified_header(token) != HEADER:
                return None
            claims = jwt.decode(
                token, self._secret, algorithms=[ALGORITHM], audience=self.audience, issuer=self.issuer,
                options={"require": list(CLAIMS), "verify_exp": False, "verify_iat": False, "verify_nbf": False},
            )  # fmt: skip
        except (jwt.PyJWTError, ValueError):
            return None
        return self._principal(claims, wall_at)

    def _principal(self, claims: dict[str, Any], wall_at: float) -> Principal | None:
        begins_at, ends_at, not_before = claims["iat"], claims["exp"], claims.get("nbf", 0)
        if any(isinstance(one, bool) or not isinstance(one, int | float) for one in (begins_at, ends_at, not_before)):
            return None
        if not (begins_at <= wall_at < ends_at and not_before <= wall_at and isinstance(claims["sub"], str)):
            return None
        record = self._ring.live(claims["sub"], wall_at)
        if record is None:
            return None
        asked = str(claims.get("scope", "")).split()
        scopes = tuple(scope for scope in asked if scope in SCOPES and record.principal.covers(scope))
        return Principal(record.key_id, record.name, scopes) if scopes else None

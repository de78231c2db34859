"""Which buckets a request is charged to, and what its answer says of them.

A verified key has its own bucket; whoever shows none is charged by address (an IPv6 address by its /64), so that
guessing is as slow as asking. An endpoint may have a limit of its own for each caller, and `address_rate_limit` bounds
an address whatever its keys. Headers: `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-11:
quota q, window w, remaining r, reset t) and `Retry-After` in whole seconds, rounded up, so that who obeys gets in.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Hashable
from functools import lru_cache
from math import ceil

from sim.integration.gateway.kinds import Principal
from sim.integration.gateway.limiter import Gcra, Verdict, take_all
from sim.integration.gateway.problem import Headers, Problem
from sim.integration.gateway.settings import GatewayConfig


class Quota:
    """All buckets of a gateway."""

    def __init__(self, config: GatewayConfig) -> None:
        period_s, keys_max = config.rate_period_s, config.limiter_keys_max
        self.config = config
        self.by_key = Gcra("key", config.default_rate_limit, period_s, config.burst, keys_max)
        self.by_caller = Gcra("caller", config.default_rate_limit, period_s, config.burst, keys_max)
        self.by_address: Gcra | None = None
        if config.address_rate_limit is not None:
            self.by_address = Gcra("address", config.address_rate_limit, period_s, config.address_rate_limit, keys_max)
        self.routes: dict[str, Gcra] = {}
        self._words: dict[str, tuple[bytes, bytes]] = {}  # of a bucket: its policy, and what its state begins with

    def add_route(self, name: str, limit: int) -> None:
        """An endpoint's own limit, for each caller, per `rate_period_s`."""
        config = self.config
        self.routes[name] = Gcra(name, limit, config.rate_period_s, limit, config.limiter_keys_max)

    def remove_route(self, name: str) -> None:
        """The endpoint is gone."""
        self.routes.pop(name, None)
        self._words.pop(name, None)

    def take(self, principal: Principal | None, address: str, route: str, now: float) -> Verdict:
        """Charge a request to its buckets, or to none when one refuses."""
        if principal is None:
            bucket, caller = self.by_caller, network_of(address)
        else:
            bucket, caller = self.by_key, principal.key_id
        own = self.routes.get(route)
        if own is None and self.by_address is None:
            return bucket.take(caller, now)
        charges: list[tuple[Gcra, Hashable]] = [(bucket, caller)]
        if self.by_address is not None:
            charges.append((self.by_address, network_of(address)))
        if own is not None:
            charges.append((own, caller))
        return take_all(charges, now)

    def headers(self, verdict: Verdict) -> Headers:
        """What the client is told."""
        allowed, name, remaining_count, reset_s, retry_s = verdict
        policy, begin = self._words.get(name) or self._known_words(name)
        told = ((b"ratelimit-policy", policy), (b"ratelimit", b"%b%d;t=%d" % (begin, remaining_count, ceil(reset_s))))
        if allowed:
            return told
        return (*told, (b"retry-after", b"%d" % max(1, ceil(retry_s))))

    def refusal(self, verdict: Verdict) -> Problem:
        """The answer to a request that is one too many."""
        fields = {"violated-policies": [verdict.name], "retry_after_s": round(verdict.retry_s, 3)}
        return Problem(429, "too many requests", "quota-exceeded", self.headers(verdict), fields)

    def _known_words(self, name: str) -> tuple[bytes, bytes]:
        gcra = self.routes.get(name) or {
            "key": self.by_key, "caller": self.by_caller, "address": self.by_address or self.by_key
        }[name]  # fmt: skip
        policy = f'"{name}";q={gcra.limit};w={ceil(gcra.period_s)}'.encode()
        words = self._words[name] = (policy, f'"{name}";r='.encode())
        return words


@lru_cache(4_096)
def network_of(address: str) -> str:
    """Who is behind an address: itself, or its /64 where one host has so many."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return address
    mapped = getattr(parsed, "ipv4_mapped", None)
    return str(mapped) if mapped is not None else str(ipaddress.ip_network((parsed, 64), strict=False))

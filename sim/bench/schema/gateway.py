"""Keys of the gateway: those of `GatewayConfig` by its names, and what simulated clients show at it.

The same keys serve a run (`gateway=default`: each request passes the real gateway on virtual time) and `serve`; what
concerns sockets has no effect in a run.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sim.bench.schema.ranges import number


@dataclass
class GatewayGroup:
    enabled: bool = False
    host: str = "127.0.0.1"
    port: int = number(8000, 0, 65_535)  # 0: one that is free
    enable_docs: bool = True
    enable_cors: bool = True
    cors_origins: list[str] = field(default_factory=list)
    trusted_hosts: list[str] = field(default_factory=list)
    rate_limiting: bool = True
    default_rate_limit: int = number(100, 1)  # requests of a key per rate_period_s
    authentication: bool = True
    request_logging: bool = True
    response_logging: bool = True
    metrics_collection: bool = True
    rate_period_s: float = number(60.0, above=0)
    rate_burst: int | None = number(None, 1)  # at once; None: default_rate_limit
    address_rate_limit: int | None = number(None, 1)  # of an address, whatever its keys
    limiter_keys_max: int = number(100_000, 1)
    allow_plaintext: bool = False  # beyond loopback
    tls_cert: str | None = None
    tls_key: str | None = None
    connections_max: int = number(1_000, 1)
    requests_max: int = number(10_000, 1)  # under way
    tasks_max: int = number(10_000, 1)
    status_page: str = "loopback"  # where the page without data is open; or: open, none
    clients_count: int = number(100, 1, 10_000)  # of a run: each has a key and an address; a request's is drawn
    unknown_key_ratio: float = number(0.0, 0, 1)  # of a run: share of requests with a key that nobody issued

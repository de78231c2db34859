"""Settings of a node, field by field those of the config groups `node` and `server` that concern it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from sim.errors import ConfigError

SERVE = "victor-sim serve prints the address at its start, behind `nodes join at:`"


@dataclass(frozen=True, slots=True)
class NodeParams:
    """Durations are seconds; `agents`: type -> what its agents do (see `bodies`)."""

    node_id: str
    url: str
    agents: dict[str, str]
    capacity: int = 12
    queue_max: int = 1_000_000
    heartbeat_s: float = 1.0
    rejoin_s: float = 60.0  # without a server, until the node ends
    drain_s: float = 30.0  # after SIGTERM
    upstream_timeout_s: float = 60.0
    tls_ca: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)  # zone, region, speed


def place_of(url: str) -> tuple[str, int, bool]:
    """Host, port, and whether over TLS, of `tcp://HOST:PORT` or `tls://HOST:PORT`; raises `ConfigError`."""
    accepted = "tcp://HOST:PORT or tls://HOST:PORT, as `victor-sim serve` prints it"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ConfigError("server.url", url, accepted, SERVE) from None
    if parts.scheme not in ("tcp", "tls") or not parts.hostname or not port or parts.path not in ("", "/"):
        raise ConfigError("server.url", url, accepted, SERVE)
    return parts.hostname, port, parts.scheme == "tls"

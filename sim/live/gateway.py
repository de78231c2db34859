"""The gateway as one gets it from `sim`: the room's own, with a live socket and the system's entropy handed in.

Keys are those that `victor-sim keys` keeps in `state` (paths.state), where that folder is; without it the gateway has a
ring of its own that lives as long as it does (`issue_key`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sim.integration.gateway import gateway as room
from sim.integration.gateway.key_files import open_ring
from sim.integration.gateway.kinds import APIVersion, EndpointType
from sim.integration.gateway.settings import GatewayConfig
from sim.live.entropy import system_entropy
from sim.live.keys import KEYS
from sim.live.server import UvicornServer


class APIGateway(room.APIGateway):
    """`config` takes the source's keys; `parts` are those of the room's gateway. Raises `ConfigError`."""

    def __init__(
        self, config: Mapping[str, Any] | GatewayConfig | None = None, *, state: str | Path = ".victor-sim",
        **parts: Any,
    ) -> None:  # fmt: skip
        parts.setdefault("entropy", system_entropy)
        parts.setdefault("make_server", UvicornServer)
        folder = Path(state) / KEYS
        if parts.get("keys") is None and folder.is_dir():
            parts["keys"] = open_ring(folder, system_entropy)
        if "tracer" not in parts:
            from opentelemetry import trace

            parts["tracer"] = trace.get_tracer("sim.gateway")
        super().__init__(config, **parts)


__all__ = ["APIGateway", "APIVersion", "EndpointType"]

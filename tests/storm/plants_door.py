"""Planted defects of the gateway, likewise."""

from __future__ import annotations

from typing import Any

from sim.bench.gated import GatewayDoor
from sim.integration.gateway.keys import KeyRing
from sim.integration.gateway.limiter import Gcra
from tests.storm.plants import Patch, nothing


def unknown_keys_are_good(patch: Patch) -> None:
    verify = KeyRing.verify

    def lax(self: Any, key: str, wall_at: float) -> Any:
        known = next(iter(self._records.values()))
        return verify(self, key, wall_at) or known.principal

    patch.setattr(KeyRing, "verify", lax)


def nothing_is_charged(patch: Patch) -> None:
    patch.setattr(Gcra, "charge", nothing)


def a_key_is_logged(patch: Patch) -> None:
    connected = GatewayDoor.connect

    def connect(self: GatewayDoor, manager: Any, *rest: Any) -> None:
        connected(self, manager, *rest)
        key = self._headers[0][-1][1].decode()
        self.runtime.spawn(tell(self, manager, key), "tell")

    patch.setattr(GatewayDoor, "connect", connect)


async def tell(door: GatewayDoor, manager: Any, key: str) -> None:
    manager.events.write(door.runtime.now(), "client_known", "client-0", key=key)

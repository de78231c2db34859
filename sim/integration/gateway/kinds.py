"""Nouns of the gateway: versions, endpoint types, scopes, and who is asking."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

READ, OPERATE, ADMIN = "read", "operate", "admin"
SCOPES = (READ, OPERATE, ADMIN)  # each covers those before it


class APIVersion(Enum):
    """The first segment of a path."""

    V1 = "v1"
    V2 = "v2"


class EndpointType(Enum):
    """What an endpoint speaks."""

    REST = "rest"
    WEBSOCKET = "websocket"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who a verified credential belongs to; there is no such object for anybody else."""

    key_id: str
    name: str
    scopes: tuple[str, ...]

    def covers(self, scope: str) -> bool:
        """Whether one of the scopes is the one asked for or a wider one."""
        return _covers(self.scopes, scope)


@lru_cache(64)
def _covers(scopes: tuple[str, ...], scope: str) -> bool:
    needed = SCOPES.index(scope)
    return any(SCOPES.index(granted) >= needed for granted in scopes)

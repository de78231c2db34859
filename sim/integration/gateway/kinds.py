"""Nouns of the gateway: versions, endpoint types, scopes, and who is asking."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

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

    covered: frozenset[str] = field(init=False, repr=False, compare=False)  # its scopes and those before them

    def __post_init__(self) -> None:
        widest = max((SCOPES.index(granted) for granted in self.scopes), default=-1)
        object.__setattr__(self, "covered", frozenset(SCOPES[: widest + 1]))

    def covers(self, scope: str) -> bool:
        """Whether one of the scopes is the one asked for or a wider one."""
        return scope in self.covered

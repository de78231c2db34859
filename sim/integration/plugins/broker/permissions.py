"""Permissions as texts: `FUNCTION` or `FUNCTION:SCOPE`, asked for by a manifest, granted by the operator, default deny.

A plugin holds what stands in both. A scope of `http.fetch` and `http.private` is a host, `*.domain` for the hosts below
a domain (not the domain itself), each with an optional port; without one, the scheme's own port. `http.private` lets a
granted host have an address that is not public (loopback, private networks, link-local).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from sim.errors import ConfigError

FUNCTIONS = ("metrics.read", "tasks.submit", "http.fetch", "http.private")
SCOPED = ("http.fetch", "http.private")
_HOST = re.compile(r"(\*\.)?[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?|\[[0-9a-f:.]+\]")


@dataclass(frozen=True, slots=True)
class Permission:
    """One function, and for some where it may go: a host in lower case and a port (None: the scheme's)."""

    function: str
    host: str = ""
    port: int | None = None

    def __str__(self) -> str:
        port = "" if self.port is None else f":{self.port}"
        return f"{self.function}:{self.host}{port}" if self.host else self.function

    def covers_host(self, host: str, port: int, usual_port: int) -> bool:
        """True if a connection to `host:port` is within the scope; `usual_port` is the scheme's own."""
        if port != (usual_port if self.port is None else self.port):
            return False
        return host.endswith(self.host[1:]) if self.host.startswith("*.") else host == self.host


def parse(text: str, key: str) -> Permission:
    """A permission; raises ConfigError naming `key`."""
    accepted = "one of " + ", ".join(f"{name}:HOST" if name in SCOPED else name for name in FUNCTIONS)
    function, _, scope = text.partition(":")
    if function not in FUNCTIONS or bool(scope) != (function in SCOPED):
        raise ConfigError(key, text, accepted)
    if not scope:
        return Permission(function)
    host, port = scope.lower(), None
    match = re.fullmatch(r"(.*[^:]):(\d{1,5})", host)
    if match and (host.startswith("[") or ":" not in match[1]):
        host, port = match[1], int(match[2])
    if not _HOST.fullmatch(host) or not (port is None or 1 <= port <= 65535):
        raise ConfigError(key, text, accepted + ", HOST a name, *.DOMAIN or an address, with an optional port")
    return Permission(function, host, port)


class Grants:
    """What one plugin holds: asked for and granted, both as texts."""

    def __init__(self, asked: Iterable[str], granted: Iterable[str], key: str = "permissions") -> None:
        wanted = [parse(text, key) for text in asked]
        given = [parse(text, f"{key}.granted") for text in granted]
        self.held = tuple(permission for permission in wanted if permission in given)
        self.missing = tuple(permission for permission in wanted if permission not in given)

    def why_not(self, function: str) -> str:
        """Empty when a function without scope is held, else the reason."""
        if Permission(function) in self.held:
            return ""
        asked = any(permission.function == function for permission in self.missing)
        return f"{function} is asked for and not granted" if asked else f"{function} is not in its manifest"

    def why_not_host(self, function: str, host: str, port: int, usual_port: int) -> str:
        """Empty when a host is within what is held, else the reason."""
        if any(each.function == function and each.covers_host(host, port, usual_port) for each in self.held):
            return ""
        asked = any(each.function == function and each.covers_host(host, port, usual_port) for each in self.missing)
        told = f"{function}:{host}:{port}"
        return f"{told} is asked for and not granted" if asked else f"{told} is not in its manifest"

"""Which endpoint a path and a method mean: literal paths first, then templates such as `/v1/nodes/{node_id}`.

One table for the core's, the user's and the plugins' endpoints, so that what one owner registered can be taken back
as a whole. Versions are the first segment of a path.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sim.errors import ConfigError
from sim.integration.gateway.guard import METHODS
from sim.integration.gateway.kinds import READ, SCOPES, APIVersion, EndpointType

ROUTES_MAX = 1_000
SOCKET = "WEBSOCKET"  # stands for the method of a WebSocket endpoint
PATHS = "/ and segments of letters, digits, ._~- or {name}"
PATH = re.compile(r"(?:/(?:[A-Za-z0-9._~-]+|\{[a-z_][a-z0-9_]*\}))+").fullmatch


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint. `scope` None: open to everybody. `heavy`: refused first when there is too much to do."""

    method: str
    path: str  # with its version, as a template
    handler: Callable[..., Any]
    scope: str | None = READ
    summary: str = ""
    owner: str = "core"
    heavy: bool = False
    name: str = field(init=False, compare=False)  # as logs, metrics and limits call it: never what a client sent

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", f"{self.method} {self.path}")


@dataclass(frozen=True, slots=True)
class Match:
    """What a path means: the route of the method if there is one, and the methods that there are."""

    route: Route | None
    params: dict[str, str]
    methods: tuple[str, ...]


NOWHERE = Match(None, {}, ())


class Router:
    """The table of endpoints."""

    def __init__(self) -> None:
        self._plain: dict[str, dict[str, Route]] = {}
        self._templates: dict[int, list[tuple[tuple[str, ...], dict[str, Route]]]] = {}  # by number of segments
        self._found: dict[tuple[str, str], Match] = {}  # of literal paths, as they were asked for: at most twice _plain
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def routes(self) -> list[Route]:
        """All endpoints, by path."""
        tables = [*self._plain.values(), *(table for found in self._templates.values() for _, table in found)]
        return sorted((route for table in tables for route in table.values()), key=lambda one: (one.path, one.method))

    def add(self, route: Route) -> None:
        """One more endpoint; raises `ConfigError` for a path, method or scope that is none, taken, or one too many."""
        if route.path != "/" and PATH(route.path) is None:
            raise ConfigError("path", route.path, PATHS)
        if route.method not in METHODS and route.method != SOCKET:
            raise ConfigError("method", route.method, "one of " + ", ".join(sorted(METHODS)))
        if route.scope is not None and route.scope not in SCOPES:
            raise ConfigError("scope", route.scope, "one of " + ", ".join(SCOPES))
        if self._count >= ROUTES_MAX:
            raise ConfigError("path", route.path, f"at most {ROUTES_MAX} endpoints")
        table = self._table(route.path)
        if route.method in table:
            raise ConfigError("path", route.path, f"a path whose {route.method} is not taken")
        table[route.method] = route
        self._found.clear()
        self._count += 1

    def remove(self, owner: str) -> int:
        """Take back all that an owner registered; gives how many."""
        gone = [route for route in self.routes() if route.owner == owner]
        for route in gone:
            del self._table(route.path)[route.method]
        self._found.clear()
        self._count -= len(gone)
        return len(gone)

    def match(self, path: str, method: str) -> Match:
        """What is meant; a HEAD is the GET of the same path where it has none of its own."""
        found = self._found.get((path, method))
        if found is not None:
            return found
        table = self._plain.get(path)
        if table:
            found = _of_table(table, method, {})
            if found.route is not None:  # else a client's words would fill the memory
                self._found[path, method] = found
            return found
        table, params = self._by_template(path)
        return _of_table(table, method, params) if table else NOWHERE

    def _by_template(self, path: str) -> tuple[dict[str, Route], dict[str, str]]:
        segments = path.split("/")
        for template, table in self._templates.get(len(segments), ()):
            params = {}
            for wanted, segment in zip(template, segments, strict=True):
                if wanted[:1] == "{":
                    params[wanted[1:-1]] = segment
                elif wanted != segment:
                    break
            else:
                if table and all(params.values()):
                    return table, params
        return {}, {}

    def _table(self, path: str) -> dict[str, Route]:
        if "{" not in path:
            return self._plain.setdefault(path, {})
        segments = tuple(path.split("/"))
        alike = self._templates.setdefault(len(segments), [])
        shape = [_blank(one) for one in segments]
        for template, table in alike:
            if [_blank(one) for one in template] == shape:
                if template != segments:
                    raise ConfigError("path", path, f"the parameters' names of {'/'.join(template)}")
                return table
        alike.append((segments, {}))
        alike.sort(key=lambda one: [segment[:1] == "{" for segment in one[0]])  # literal segments come first
        return self._table(path)


def _of_table(table: dict[str, Route], method: str, params: dict[str, str]) -> Match:
    route = table.get(method)
    if route is None and method == "HEAD":
        route = table.get("GET")
    return Match(route, params, tuple(table))


def _blank(segment: str) -> str:
    return "{}" if segment[:1] == "{" else segment


def full_path(path: str, version: APIVersion) -> str:
    """A registered path with its version; raises `ConfigError` for a path or version that is none."""
    if not isinstance(path, str) or PATH(path) is None:
        raise ConfigError("path", path, PATHS)
    if not isinstance(version, APIVersion):
        raise ConfigError("version", version, "one of " + ", ".join(str(one) for one in APIVersion))
    return f"/{version.value}{path}"


def method_of(method: str, endpoint_type: EndpointType) -> str:
    """The method under which an endpoint stands in the table; raises `ConfigError` for a type that is none."""
    if not isinstance(endpoint_type, EndpointType):
        raise ConfigError("endpoint_type", endpoint_type, "one of " + ", ".join(str(one) for one in EndpointType))
    return SOCKET if endpoint_type is EndpointType.WEBSOCKET else str(method).upper()

"""The broker: every host function passes here, is checked against grants, is answered, and is an event with its reason.

In a simulated run the fetcher is a `StubFetcher`, which answers from a declared table and opens nothing; live it is a
`LiveFetcher`. Both are asked only for what a plugin holds. Nothing else of the host is reachable: what is not one of
`permissions.FUNCTIONS` is refused by its name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from sim.contracts import EventSink, Runtime
from sim.integration.plugins.broker import requests
from sim.integration.plugins.broker.permissions import Grants

TEXT_MAX = 300


class Fetcher(Protocol):
    """Opens what was granted; `allow` is asked again for every hop and address."""

    async def fetch(self, fetch: requests.Fetch, target: requests.Target, grants: Grants) -> requests.Reply:
        """The reply; raises PermissionError for a hop that is not granted, OSError when nothing came."""


@dataclass(frozen=True, slots=True)
class HostServices:
    """What the host offers: a metric's value by name (None: not known), a task put in, and the way out."""

    metrics: Callable[[str], float | None]
    submit: Callable[[str, dict[str, Any]], str]
    fetcher: Fetcher


class _Read(msgspec.Struct, forbid_unknown_fields=True):
    name: str


class _Submit(msgspec.Struct, forbid_unknown_fields=True):
    kind: str
    fields: dict[str, Any] = {}


class Broker:
    """Implements `runners.base.HostFunctions`; plugins are admitted when they are loaded and dismissed after."""

    def __init__(self, runtime: Runtime, events: EventSink, services: HostServices) -> None:
        self._runtime, self._events, self._services = runtime, events, services
        self._grants: dict[str, Grants] = {}
        self._handlers = {"metrics.read": self._metrics, "tasks.submit": self._tasks, "http.fetch": self._fetch}

    def admit(self, plugin_id: str, asked: Iterable[str], granted: Iterable[str]) -> Grants:
        """From now on this plugin may call what is in both; raises ConfigError for a permission that does not parse."""
        grants = Grants(asked, granted, f"plugins.{plugin_id}.permissions")
        self._grants[plugin_id] = grants
        return grants

    def dismiss(self, plugin_id: str) -> None:
        """It may call nothing any more; again does nothing."""
        self._grants.pop(plugin_id, None)

    async def ask(self, plugin_id: str, name: str, arguments: dict[str, Any]) -> Any:
        """The value; raises PermissionError with the reason, and writes either as an event."""
        try:
            grants, handler = self._grants.get(plugin_id), self._handlers.get(name)
            if handler is None:
                raise PermissionError(f"there is no host function {name[:80]!r}")
            if grants is None:
                raise PermissionError("it is not admitted")
            value = await handler(grants, arguments)
        except PermissionError as error:
            self._write("plugin.refused", plugin_id, name, str(error))
            raise
        except msgspec.ValidationError as error:
            self._write("plugin.refused", plugin_id, name, str(error))
            raise PermissionError(str(error)[:TEXT_MAX]) from None
        except OSError as error:
            self._write("plugin.failed", plugin_id, name, str(error))
            raise PermissionError(f"{type(error).__name__}: {error}"[:TEXT_MAX]) from None
        self._write("plugin.asked", plugin_id, name, "granted")
        return value

    def _write(self, kind: str, plugin_id: str, name: str, reason: str) -> None:
        told = reason[:TEXT_MAX]
        self._events.write(self._runtime.now(), kind, plugin_id, function=name[:80], reason=told)

    async def _metrics(self, grants: Grants, arguments: dict[str, Any]) -> float | None:
        wanted = msgspec.convert(arguments, _Read)
        _require(grants.why_not("metrics.read"))
        return self._services.metrics(wanted.name)

    async def _tasks(self, grants: Grants, arguments: dict[str, Any]) -> str:
        wanted = msgspec.convert(arguments, _Submit)
        _require(grants.why_not("tasks.submit"))
        return self._services.submit(wanted.kind, wanted.fields)

    async def _fetch(self, grants: Grants, arguments: dict[str, Any]) -> dict[str, Any]:
        fetch = msgspec.convert(arguments, requests.Fetch)
        target = requests.checked(fetch)
        _require(grants.why_not_host("http.fetch", target.host, target.port, target.usual_port))
        reply = await self._services.fetcher.fetch(fetch, target, grants)
        return reply.told()


def _require(why_not: str) -> None:
    if why_not:
        raise PermissionError(why_not)

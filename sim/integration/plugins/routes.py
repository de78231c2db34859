"""API routes that plugins bring: kept here, served by whatever gateway asks for them while the plugin is enabled.

Entry of the group `route`: a handler, or a table with `handler` and, if wanted, `method` (GET), `scope` (by the
method), `rate_limit` and `summary`, as the gateway's `register_endpoint` takes them. NAME of the plugin ID is answered
at `/v1/plugins/ID/routes/NAME`. What would not be served (a scope that is none) is refused when it is enabled.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from sim.integration.plugins.protocol import PluginRefused

KEYS = ("handler", "method", "scope", "rate_limit", "summary")


class RouteDesk(Protocol):
    """The part of a gateway that serves routes of others."""

    def register_endpoint(self, path: str, method: str = "GET", handler: Any = None, **told: Any) -> Any: ...
    def remove_endpoints(self, owner: str) -> int: ...


class RouteTable:
    """`by_plugin[id][name]` are the arguments of a route; those of enabled plugins are served."""

    def __init__(self) -> None:
        self.by_plugin: dict[str, dict[str, dict[str, Any]]] = {}
        self._enabled: dict[str, None] = {}
        self._desk: RouteDesk | None = None

    def add(self, plugin_id: str, name: str, entry: Any) -> Callable[[], None]:
        """Keep one until the function that is given back is called; raises PluginRefused for what is no route."""
        told = dict(entry) if isinstance(entry, dict) else {"handler": entry}
        if not callable(told.get("handler")) or any(key not in KEYS for key in told):
            accepted = f"a function, or a table of {', '.join(KEYS)} with a function as handler"
            raise PluginRefused(plugin_id, "load", f"route:{name}", accepted)
        table = self.by_plugin.setdefault(plugin_id, {})
        table[name] = told

        def undo() -> None:
            self._withdraw(plugin_id)
            table.pop(name, None)
            if not table:
                self.by_plugin.pop(plugin_id, None)

        return undo

    def serve(self, desk: RouteDesk) -> None:
        """A gateway is there; raises `ConfigError` for a route that it does not take."""
        self._desk = desk
        for plugin_id in self._enabled:
            self._offer(plugin_id)

    def enable(self, plugin_id: str) -> None:
        """Its routes are answered from now on; raises `ConfigError` with none of them left."""
        self._withdraw(plugin_id)
        self._offer(plugin_id)
        self._enabled[plugin_id] = None

    def disable(self, plugin_id: str) -> None:
        """They are answered no more."""
        self._enabled.pop(plugin_id, None)
        self._withdraw(plugin_id)

    def _offer(self, plugin_id: str) -> None:
        if self._desk is None:
            return
        try:
            for name, told in self.by_plugin.get(plugin_id, {}).items():
                own = {"method": "GET", **told}
                self._desk.register_endpoint(f"/plugins/{plugin_id}/routes/{name}", owner=plugin_id, **own)
        except BaseException:
            self._withdraw(plugin_id)
            raise

    def _withdraw(self, plugin_id: str) -> None:
        if self._desk is not None and self.by_plugin.get(plugin_id):
            self._desk.remove_endpoints(plugin_id)

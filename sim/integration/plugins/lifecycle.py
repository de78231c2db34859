"""Units in and out of service: the frozen tables, the ledger, and a swap that is whole or not at all.

Tables change between two hook calls only, so that a call runs in one generation; the generation that leaves is stopped
once no call holds it, or after `plugin_timeout`.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable
from typing import Any

from sim.contracts import EventSink, Runtime
from sim.errors import SimError
from sim.integration.plugins.config import PluginConfig
from sim.integration.plugins.dispatch import Dispatcher
from sim.integration.plugins.folder import Found
from sim.integration.plugins.loader import Loader
from sim.integration.plugins.ordering import ordered
from sim.integration.plugins.protocol import HOOKS, PluginRefused, PluginState
from sim.integration.plugins.registering import impls_of
from sim.integration.plugins.unit import Impl, Unit

DRAIN_STEP_S = 0.001
Tables = dict[str, tuple[Impl, ...]]


class Lifecycle:
    """`units` are loaded, by id; `enabled` those of them that hooks call, with their functions."""

    def __init__(
        self, runtime: Callable[[], Runtime], events: EventSink, loader: Loader, hooks: Dispatcher, config: PluginConfig
    ) -> None:
        self._runtime, self._events, self._loader = runtime, events, loader
        self._hooks, self._config = hooks, config
        self.units: dict[str, Unit] = {}
        self.enabled: dict[str, dict[str, Impl]] = {}

    async def load(self, found: Found) -> None:
        """Bring a plugin in; raises as `Loader.make` and `bind`, PluginRefused when there are `max_plugins`."""
        if len(self.units) >= self._config.max_plugins:
            raise PluginRefused(found.plugin_id, "load", "max_plugins", f"{self._config.max_plugins} are loaded")
        unit = await self._loader.make(found)
        try:
            impls = impls_of(unit, self._config.plugin_timeout)
            self._loader.bind(unit)
        except SimError:
            await unit.runner.stop()
            raise
        self.units[found.plugin_id] = unit
        self._note(unit, impls)
        self._tell("plugin.loaded", unit, f"{unit.manifest.version} in {unit.runner.isolation()}")

    def enable(self, plugin_id: str) -> None:
        """Hooks call it from now on; again does nothing.

        Raises PluginRefused for an order that cannot be, ConfigError for a route that the gateway does not take.
        """
        if plugin_id in self.enabled:
            return
        unit = self.units[plugin_id]
        self._loader.routes.enable(plugin_id)
        try:
            self._freeze({**self.enabled, plugin_id: impls_of(unit, self._config.plugin_timeout)})
        except SimError:
            self._loader.routes.disable(plugin_id)
            raise
        self._tell("plugin.enabled", unit, f"at {', '.join(unit.manifest.hooks) or 'no hook'}")

    async def disable(self, plugin_id: str) -> None:
        """No hook calls it; raises PluginState while an enabled one requires it."""
        if plugin_id not in self.enabled:
            return
        self._needed_by(plugin_id, self.enabled, "disable")
        self._freeze({name: impls for name, impls in self.enabled.items() if name != plugin_id})
        self._loader.routes.disable(plugin_id)
        self._tell("plugin.disabled", self.units[plugin_id], "asked for")

    async def unload(self, plugin_id: str) -> None:
        """Take it out; raises PluginState while a loaded one requires it."""
        if plugin_id not in self.units:
            return
        self._needed_by(plugin_id, self.units, "unload")
        await self.disable(plugin_id)
        unit = self.units.pop(plugin_id)
        unit.undo_all()
        await self._retire(unit, "plugin.unloaded")

    async def unload_all(self) -> None:
        """Who is required goes last."""
        while self.units:
            for name in sorted(self.units, reverse=True):
                if not any(name in unit.manifest.requires for unit in self.units.values()):
                    await self.unload(name)
                    break

    def abandon(self) -> None:
        """Undo and end everything at this instant, without a word: the run is over, or never began."""
        self._freeze({})
        while self.units:
            _, unit = self.units.popitem()
            unit.undo_all()
            ending = unit.runner.stop()
            with contextlib.suppress(StopIteration):
                ending.send(None)
            ending.close()

    async def swap(self, found: Found) -> None:
        """A new version in the place of the old one; whatever it raises, the old one serves on as before."""
        plugin_id = found.plugin_id
        old, new = self.units[plugin_id], await self._loader.make(found)
        try:
            impls = impls_of(new, self._config.plugin_timeout)
            old.undo_all()
            try:
                self._loader.bind(new)
                if plugin_id in self.enabled:
                    self._loader.routes.enable(plugin_id)
                    self._freeze({**self.enabled, plugin_id: impls})
            except SimError:
                new.undo_all()
                self._loader.bind(old)
                if plugin_id in self.enabled:
                    self._loader.routes.enable(plugin_id)
                raise
        except SimError:
            await new.runner.stop()
            raise
        self.units[plugin_id] = new
        self._note(new, impls)
        self._tell("plugin.reloaded", new, f"{old.manifest.version} to {new.manifest.version}")
        await self._retire(old, "plugin.retired")

    async def _retire(self, unit: Unit, kind: str) -> None:
        runtime = self._runtime()
        until = runtime.now() + self._config.plugin_timeout
        while unit.in_use and runtime.now() < until:
            await runtime.sleep(DRAIN_STEP_S)
        reason = f"{unit.in_use} calls were cut" if unit.in_use else "no call holds it"
        await unit.runner.stop()
        self._tell(kind, unit, reason)

    def _needed_by(self, plugin_id: str, among: dict[str, Any], what: str) -> None:
        needing = [name for name in sorted(among) if plugin_id in self.units[name].manifest.requires]
        if needing:
            raise PluginState(plugin_id, what, "needed", f"{', '.join(needing)} requires it")

    def _freeze(self, enabled: dict[str, dict[str, Impl]]) -> None:
        """Put new tables in place, all at once; raises PluginRefused with the old ones left."""
        tables: Tables = {}
        wrappers: Tables = {}
        for hook in HOOKS:
            at_hook = {name: impls[hook] for name, impls in enabled.items() if hook in impls}
            order = ordered(hook, {name: impl.order for name, impl in at_hook.items()})
            impls = [at_hook[name] for name in order]
            tables[hook] = tuple(impl for impl in impls if not impl.order.wrapper)
            wrappers[hook] = tuple(impl for impl in impls if impl.order.wrapper)
        self.enabled = enabled
        self._hooks.tables, self._hooks.wrappers = tables, wrappers

    def _note(self, unit: Unit, impls: dict[str, Impl]) -> None:
        if self._hooks.recorder is not None:
            waiting = [hook for hook, impl in impls.items() if inspect.iscoroutinefunction(impl.function)]
            self._hooks.recorder.loaded(unit, waiting)

    def _tell(self, kind: str, unit: Unit, reason: str) -> None:
        now = self._runtime().now()
        self._events.write(now, kind, unit.plugin_id, generation=unit.generation, reason=reason)

    def metrics(self) -> dict[str, dict[str, dict[str, float]]]:
        """Plugin -> hook -> counts and seconds."""
        names = ("calls_count", "failures_count", "skipped_count", "answers_count", "elapsed_s", "cost_s")
        return {
            plugin_id: {hook: {name: getattr(counts, name) for name in names} for hook, counts in unit.counts.items()}
            for plugin_id, unit in sorted(self.units.items())
        }

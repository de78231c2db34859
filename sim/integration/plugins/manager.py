"""PluginManager: the source's face of the plugin system. Discover, load, enable, disable, unload, reload.

The same object serves a simulated fleet (virtual time, `call_now` at one instant) and a live one. Nothing is ambient:
runtime, events, draws, host services and runners are handed in; without them it is live, with the shipped folder, and
untrusted code goes to workers behind the sandbox. One operation at a time; what is under way at the hooks goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sim.contracts import Draws, EventSink, Runtime
from sim.errors import SimError
from sim.integration.plugins import shipped
from sim.integration.plugins.broker.broker import HostServices
from sim.integration.plugins.config import PluginConfig
from sim.integration.plugins.discovery import load_order, scan
from sim.integration.plugins.dispatch import Dispatcher
from sim.integration.plugins.folder import Found, read_folder
from sim.integration.plugins.info import PluginInfo, info_of
from sim.integration.plugins.journal import Journal
from sim.integration.plugins.lifecycle import Lifecycle
from sim.integration.plugins.loader import Loader, MakeRunner
from sim.integration.plugins.manifest import Fault, ManifestError
from sim.integration.plugins.objects import Kinds, Noting
from sim.integration.plugins.protocol import UnknownPlugin
from sim.integration.plugins.recording import Recorder
from sim.integration.plugins.replaying import Replay
from sim.integration.plugins.routes import RouteDesk
from sim.integration.plugins.runners.turns import Turns
from sim.integration.plugins.soft import hard_faults
from sim.integration.plugins.workshop import Workshop
from sim.runtime.events import EventLog

WAITING_MAX = 1_000  # operations that wait for their turn


class PluginManager:
    """`config` takes the source's keys; raises `ConfigError`."""

    def __init__(
        self, config: Mapping[str, Any] | PluginConfig | None = None, *, runtime: Runtime | None = None,
        events: EventSink | None = None, draws: Draws | None = None, services: HostServices | None = None,
        make_runner: MakeRunner | None = None, stopwatch: Callable[[], float] | None = None,
        journal: Journal | None = None, replay: Journal | None = None, ships: bool = True, kinds: Kinds | None = None,
    ) -> None:  # fmt: skip
        self.config = PluginConfig.of(config)
        self.events: EventSink = EventLog() if events is None else events
        self._given, self._turns = runtime, None if runtime is None else Turns(runtime, WAITING_MAX)
        self.workshop = Workshop(self._runtime, self.events, services, self.config.plugin_timeout)
        make = self.workshop.make_runner if make_runner is None else make_runner
        self.replay = None if replay is None else Replay(replay, self._runtime, self.workshop, kinds)
        if self.replay is not None:
            make = self.replay.make_runner
        recorder = None if journal is None else Recorder(journal, self.workshop, self._runtime)
        self.hooks = Dispatcher(self._runtime, self.events, self.config.plugin_timeout, draws, stopwatch, recorder)
        pins = shipped.pins() if ships and replay is None else {}
        noting = None if journal is None or kinds is None else Noting(journal, kinds)
        self.loader = Loader(
            self.config, self._runtime, self.events, self.workshop, make, pins, replay is not None, noting
        )
        self._roots = [*([shipped.folder()] if ships else []), *map(Path, self.config.folders)]
        self._found: dict[str, Found] = {}
        self._refused: dict[str, str] = {}
        self._life = Lifecycle(self._runtime, self.events, self.loader, self.hooks, self.config)

    def _runtime(self) -> Runtime:
        if self._given is None:
            from sim.runtime.live import LiveRuntime

            self._given = LiveRuntime()
        return self._given

    @property
    def runtime(self) -> Runtime:
        """Clock and tasks; a live runtime made at first use when none was given."""
        return self._runtime()

    async def _take(self, where: str) -> Turns:
        if self._turns is None:
            self._turns = Turns(self._runtime(), WAITING_MAX)
        await self._turns.take("*", where)
        return self._turns

    # Discovery

    async def discover_plugins(self) -> list[PluginInfo]:
        """Scan the folders; what is wrong with a plugin is in its info, and stops no other."""
        turns = await self._take("discover")
        try:
            self.discover()
            return self.list_plugins()
        finally:
            turns.give()

    def discover(self) -> None:
        """As `discover_plugins`, at this instant."""
        known = self._found
        self._found = {name: hard_faults(found, self.config, self._tell) for name, found in scan(self._roots).items()}
        _, self._refused = load_order(self._found)
        for name in self._found:
            if name not in known or known[name].content_hash != self._found[name].content_hash:
                reason = self._refused.get(name, "")
                self._tell("plugin.refused" if reason else "plugin.discovered", name, reason or "found by a scan")

    def list_plugins(self) -> list[PluginInfo]:
        """Facts of all plugins, by id."""
        return [self._info(name) for name in sorted({*self._found, *self._life.units})]

    def _info(self, plugin_id: str) -> PluginInfo:
        life, unit = self._life, self._life.units.get(plugin_id)
        found = self._found[plugin_id] if unit is None else self._found.get(plugin_id, unit.found)
        return info_of(found, unit, plugin_id in life.enabled, self._refused.get(plugin_id, ""))

    def get_plugin(self, plugin_id: str) -> PluginInfo:
        """Facts of one; raises UnknownPlugin."""
        if plugin_id not in self._found and plugin_id not in self._life.units:
            raise UnknownPlugin(plugin_id, "lookup", "unknown", "no such plugin was discovered")
        return self._info(plugin_id)

    def trusts(self, plugin_id: str) -> bool:
        """Whether its code would run in this process; raises UnknownPlugin."""
        self.get_plugin(plugin_id)
        return self.loader.trusts(self._found[plugin_id])

    # Life cycle

    async def load_plugin(self, plugin_id: str) -> PluginInfo:
        """Load it, and first what it requires. Raises UnknownPlugin, ManifestError, ConfigError, PluginError."""
        return await self._doing("load", plugin_id, lambda: self._load(plugin_id))

    async def enable_plugin(self, plugin_id: str) -> PluginInfo:
        """Its hooks are called from now on; loads it if need be, and enables what it requires."""
        return await self._doing("enable", plugin_id, lambda: self._enable(plugin_id))

    async def disable_plugin(self, plugin_id: str) -> PluginInfo:
        """No hook calls it any more; raises PluginState while another that is enabled requires it."""
        return await self._doing("disable", plugin_id, lambda: self._life.disable(plugin_id))

    async def unload_plugin(self, plugin_id: str) -> PluginInfo:
        """Undo everything it registered, let calls under way end, forget its code."""
        return await self._doing("unload", plugin_id, lambda: self._life.unload(plugin_id))

    async def reload_plugin(self, plugin_id: str) -> PluginInfo:
        """Read its folder again and swap; raises as `load_plugin`, and then the old version goes on serving."""
        return await self._doing("reload", plugin_id, lambda: self._reload(plugin_id))

    async def _doing(self, what: str, plugin_id: str, do: Callable[[], Any]) -> PluginInfo:
        turns = await self._take(what)
        try:
            if plugin_id not in self._found and plugin_id not in self._life.units:
                raise UnknownPlugin(plugin_id, what, "unknown", "no such plugin was discovered")
            await do()
            return self.get_plugin(plugin_id)
        except SimError as error:
            self._tell(f"plugin.{what}_failed", plugin_id, str(error)[:300])
            raise
        finally:
            turns.give()

    async def _load(self, plugin_id: str) -> None:
        if plugin_id in self._life.units:
            return
        found = self._usable(plugin_id)
        assert found.manifest is not None
        for needed in sorted(found.manifest.requires):
            await self._load(needed)
        await self._life.load(found)

    async def _enable(self, plugin_id: str) -> None:
        await self._load(plugin_id)
        for needed in sorted(self._life.units[plugin_id].manifest.requires):
            await self._enable(needed)
        self._life.enable(plugin_id)

    async def _reload(self, plugin_id: str) -> None:
        old = self._life.units.get(plugin_id)
        folder = Path(self._found[plugin_id].folder if plugin_id in self._found else old.found.folder)  # type: ignore[union-attr]
        self._found[plugin_id] = found = hard_faults(read_folder(folder, folder.parent), self.config, self._tell)
        _, self._refused = load_order(self._found)
        self._usable(plugin_id)
        if old is None:
            await self._load(plugin_id)
        else:
            await self._life.swap(found)

    def _usable(self, plugin_id: str) -> Found:
        found = self._found[plugin_id]
        if plugin_id in self._refused:
            raise ManifestError(found.folder, found.faults or (Fault("requires", self._refused[plugin_id]),))
        return found

    # Loops and ends

    async def start(self) -> None:
        """Scan if that is wanted, then load and enable `enabled`; one that fails stops no other."""
        if self.config.auto_discover_plugins or self.config.enabled:
            await self.discover_plugins()
        for plugin_id in self.config.enabled:
            await self.enable_plugin(plugin_id)

    async def run(self) -> None:
        """Scan every `plugin_scan_interval` until cancelled; what changed is reloaded where that is enabled."""
        while True:
            await self.runtime.sleep(self.config.plugin_scan_interval)
            if self.config.auto_discover_plugins:
                await self.scan_again()

    async def scan_again(self) -> None:
        """One scan; a new version that fails leaves the old one serving and is told."""
        before = {name: unit.found.content_hash for name, unit in self._life.units.items()}
        await self.discover_plugins()
        for name, was in before.items():
            found = self._found.get(name)
            if found is None or found.content_hash == was:
                continue
            if not self.config.enable_hot_reload:
                self._tell("plugin.changed", name, "its files changed; enable_hot_reload is off")
                continue
            try:
                await self.reload_plugin(name)
            except SimError:
                continue  # `reload_plugin` told it

    async def stop(self) -> None:
        """Unload all, those that others require last, and end every worker."""
        turns = await self._take("stop")
        try:
            await self._life.unload_all()
            self.workshop.close()
        finally:
            turns.give()

    def abandon(self) -> None:
        """As `stop`, at once and without events, for whoever cannot wait; after a stop it does nothing."""
        self._life.abandon()
        self.workshop.close()

    def _tell(self, kind: str, plugin_id: str, reason: str) -> None:
        self.events.write(self._runtime().now(), kind, plugin_id, reason=reason)

    def routes_to(self, desk: RouteDesk) -> None:
        """A gateway that answers the routes of enabled plugins; raises `ConfigError` for one that it does not take."""
        self.loader.routes.serve(desk)

    # What happened

    def log_of(self, plugin_id: str) -> str:
        """What a plugin logged last; empty without `plugin_logging`."""
        log = self.loader.logs.get(plugin_id)
        return "" if log is None else log.text()

    def metrics(self) -> dict[str, dict[str, dict[str, float]]]:
        """Plugin -> hook -> counts, wall seconds by the stopwatch, virtual seconds by the latency law."""
        return self._life.metrics()

    def process_ids(self) -> list[int]:
        """Of the workers that plugins run in."""
        found = (getattr(unit.runner, "pid", None) for unit in self._life.units.values())
        return [pid for pid in found if pid is not None]

    def ledger_of(self, plugin_id: str) -> list[str]:
        """What a loaded plugin registered, in order."""
        return list(self._life.units[plugin_id].entries)

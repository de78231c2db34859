"""From a folder that was read to a unit that is ready: policy, settings, runner, grants, what it brings.

Trust comes from the operator alone: `sandbox_plugins` off, or the id pinned to this very content hash. All else runs
where it cannot reach this process, at `isolation` or stronger (what its manifest asks for, if that is more), and is
refused where the machine gives less. Whatever is registered here stands in the unit's ledger.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from sim.contracts import EventSink, Runtime
from sim.errors import SimError
from sim.integration.plugins import settings, wants
from sim.integration.plugins.config import PluginConfig
from sim.integration.plugins.folder import Found
from sim.integration.plugins.inproc import InprocRunner
from sim.integration.plugins.manifest import GROUPS, Manifest
from sim.integration.plugins.objects import Noting
from sim.integration.plugins.protocol import PluginEnded, PluginRaised, PluginRefused, PluginRunner
from sim.integration.plugins.routes import RouteTable
from sim.integration.plugins.runners.base import PluginSource
from sim.integration.plugins.runners.log import BoundedLog
from sim.integration.plugins.sandbox.layers import LEVELS, rank
from sim.integration.plugins.unit import Circuit, Unit
from sim.integration.plugins.workshop import Workshop
from sim.registry import bring

LOG_MAX_BYTES = 64 << 10
ROUTE = "route"  # the group that is a table of the manager; all others are groups of the registry
MakeRunner = Callable[[Found, str], PluginRunner]  # (folder as read, weakest level that will do)


class Loader:
    """Makes units; `routes` are those that plugins brought."""

    def __init__(
        self, config: PluginConfig, runtime: Callable[[], Runtime], events: EventSink, broker: Workshop,
        make_runner: MakeRunner, pins: dict[str, str], replays: bool = False,
        noting: Noting | None = None,
    ) -> None:  # fmt: skip
        self.config, self.events, self.broker, self.make_runner = config, events, broker, make_runner
        self.pins = {**pins, **config.trusted}
        self.routes = RouteTable()
        self.logs: dict[str, BoundedLog] = {}
        self._runtime, self._replays, self._noting = runtime, replays, noting
        self._generation = 0

    def trusts(self, found: Found) -> bool:
        """Whether its code may run in this process."""
        return not self.config.sandbox_plugins or self.pins.get(found.plugin_id) == found.content_hash

    async def make(self, found: Found) -> Unit:
        """A unit that nothing calls yet and that registered nothing.

        Raises ConfigError (settings, permissions), PluginRefused, PluginRaised, PluginEnded.
        """
        manifest = found.manifest
        assert manifest is not None
        config, plugin_id = self.config, found.plugin_id
        trusted = self.trusts(found) or self._replays  # whose code never runs
        if config.signers and not trusted and not found.signed_by(config.signers):
            raise PluginRefused(plugin_id, "load", "signature", "it is neither pinned nor signed by a known key")
        if manifest.provides and not trusted:
            pin = f"plugins.trusted={{{plugin_id}: {found.content_hash}}}"
            text = f"only what runs in this process may bring objects; {pin} lets it, after a look at its code"
            raise PluginRefused(plugin_id, "load", "provides", text)
        level = _stronger(config.isolation, manifest.isolation)
        if trusted and (manifest.isolation not in ("", "none") or manifest.runner):
            trusted = False  # it asks for walls itself
        here = trusted and not self._replays
        runner = InprocRunner(self._runtime(), self.broker) if here else self.make_runner(found, level)
        self._keep_log(plugin_id, runner)
        source = PluginSource(
            plugin_id=plugin_id,
            module=manifest.module,
            files={name: data for name, data in found.files.items() if name.endswith((".py", ".wasm"))},
            hooks=tuple(manifest.hooks),
            settings=settings.typed(manifest.settings, config.settings_of(plugin_id), f"plugins.settings.{plugin_id}"),
            seed=_seed(config.seed, plugin_id),
        )
        hooks = await self._started(runner, source)
        self._generation += 1
        circuit = Circuit(config.failures_max, config.probe_after_s)
        word = int.from_bytes(hashlib.blake2b(plugin_id.encode(), digest_size=2).digest(), "little")
        mean_s = config.latency_s.get(plugin_id, manifest.latency.mean_s)
        return Unit(plugin_id, self._generation, found, manifest, runner, hooks, circuit, word, mean_s)

    async def _started(self, runner: PluginRunner, source: PluginSource) -> tuple[str, ...]:
        try:
            async with self._runtime().timeout(self.config.plugin_timeout):
                return await runner.start(source)
        except TimeoutError:
            await runner.stop()
            text = f"more than {self.config.plugin_timeout:g} s"
            raise PluginEnded(source.plugin_id, "load", "deadline", text) from None
        except (PluginRaised, PluginRefused, PluginEnded):
            await runner.stop()
            raise

    def _keep_log(self, plugin_id: str, runner: PluginRunner) -> None:
        if not self.config.plugin_logging:
            return
        log = getattr(runner, "log", None)
        self.logs[plugin_id] = log if isinstance(log, BoundedLog) else BoundedLog(LOG_MAX_BYTES)
        if isinstance(runner, InprocRunner):
            runner.log_line = self.logs[plugin_id].add

    def bind(self, unit: Unit) -> None:
        """Register what the unit brings and holds; raises ConfigError or PluginRefused with nothing left behind."""
        try:
            self._bind(unit, unit.manifest)
        except SimError:
            unit.undo_all()
            raise

    def _bind(self, unit: Unit, manifest: Manifest) -> None:
        plugin_id = unit.plugin_id
        granted = self.config.permissions.get(plugin_id, ())
        told = settings.typed(manifest.settings, self.config.settings_of(plugin_id), f"plugins.settings.{plugin_id}")
        self.broker.admit(plugin_id, wants.resolved(manifest.permissions, told), granted)
        unit.enter("grants", lambda: self.broker.dismiss(plugin_id))
        for group, name, entry in getattr(unit.runner, "provided", ()):
            if f"{group}:{name}" not in manifest.provides or group not in GROUPS:
                raise PluginRefused(plugin_id, "load", "provides", f"{group}:{name} is not in its manifest")
            if group == ROUTE:
                unit.enter(f"{group}:{name}", self.routes.add(plugin_id, name, entry))
            else:
                if self._noting is not None:
                    entry = self._noting.entry(plugin_id, group, name, entry)
                unit.enter(f"{group}:{name}", bring(group, name, plugin_id, entry))


def _stronger(one: str, other: str) -> str:
    return other if other in LEVELS and rank(other) > rank(one) else one


def _seed(seed: int, plugin_id: str) -> int:
    data = f"{seed} {plugin_id}".encode()
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little") >> 1

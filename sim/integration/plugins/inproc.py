"""The `inproc` runner: a trusted plugin's code in this process, imported from checked bytes under a private name.

It isolates faults, not malice: an operator pins the id and the content hash (`policy`). Modules live below a package
of their own generation and leave `sys.modules` when it stops. Calls are plain method calls; a coroutine hook is
awaited by who calls it.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import inspect
import linecache
import sys
import types
from collections.abc import Callable, Sequence
from typing import Any

from sim.contracts import Runtime
from sim.integration.plugins.runners.base import HostFunctions, PluginRaised, PluginSource, RunnerStatistics
from sim.integration.plugins.runners.guest.place import place_of
from sim.runtime.cancelled import Cancelled

PREFIX = "_victor_sim_plugin_"


class Context:
    """What a plugin is given: id, settings, the clock's instant, host functions, a log, a way to bring objects."""

    def __init__(
        self, plugin_id: str, settings: dict[str, Any], runtime: Runtime, host: HostFunctions,
        log_line: Callable[[bytes], None],
    ) -> None:  # fmt: skip
        self.plugin_id, self.settings = plugin_id, settings
        self.provided: list[tuple[str, str, Any]] = []
        self._runtime, self._host, self._log_line = runtime, host, log_line

    @property
    def at(self) -> float:
        """This instant on the runtime's clock, seconds."""
        return self._runtime.now()

    async def call(self, name: str, /, **arguments: Any) -> Any:
        """A host function, such as `metrics.read`; raises PermissionError with the reason when it is not granted."""
        return await self._host.ask(self.plugin_id, name, arguments)

    def log(self, text: str) -> None:
        """A line of the plugin's own log."""
        self._log_line(f"{text}\n".encode(errors="replace"))

    def provide(self, group: str, name: str, entry: Any) -> None:
        """Bring a strategy, law, figure or route that the manifest announces; while the plugin is made only."""
        self.provided.append((group, name, entry))


class InprocRunner:
    """Implements `protocol.PluginRunner`; `functions` are the hooks as plain callables, for the fast path."""

    _made = 0

    def __init__(self, runtime: Runtime, host: HostFunctions) -> None:
        self._runtime, self._host = runtime, host
        self._statistics = RunnerStatistics()
        self._finder: _Finder | None = None
        self._plugin_id = ""
        self.functions: dict[str, Callable[[Any], Any]] = {}
        self.provided: list[tuple[str, str, Any]] = []
        self.log_line: Callable[[bytes], None] = _unheard

    async def start(self, source: PluginSource) -> tuple[str, ...]:
        """Import it and make its `Plugin(context)`; raises PluginRaised with what its code raised."""
        return self.start_now(source)

    def start_now(self, source: PluginSource) -> tuple[str, ...]:
        """As `start`: nothing in here waits."""
        InprocRunner._made += 1
        self._plugin_id = source.plugin_id
        package = f"{PREFIX}{InprocRunner._made}"
        self._finder = _Finder(package, source.files)
        sys.meta_path.append(self._finder)
        context = Context(source.plugin_id, dict(source.settings), self._runtime, self._host, self.log_line)
        try:
            module = importlib.import_module(f"{package}.{source.module}")
            made = module.Plugin(context) if hasattr(module, "Plugin") else module
            found = {name: getattr(made, name, None) for name in source.hooks}
        except KeyboardInterrupt:
            self._forget()
            raise
        except BaseException as error:
            self._forget()
            text = text_of(error) + place_of(error, f"{package}/")
            raise PluginRaised(source.plugin_id, "start", type(error).__name__, text) from None
        self.functions = {name: function for name, function in found.items() if callable(function)}
        self.provided = context.provided
        return tuple(self.functions)

    async def call(self, hook: str, payload: Any, deadline_s: float) -> Any:
        """A hook's value; raises PluginRaised."""
        self._statistics.calls_count += 1
        try:
            value = self.functions[hook](payload)
            if inspect.isawaitable(value):
                async with self._runtime.timeout(deadline_s):
                    value = await value
        except (KeyboardInterrupt, Cancelled):
            raise
        except BaseException as error:
            self._statistics.raised_count += 1
            raise PluginRaised(self._plugin_id, hook, type(error).__name__, text_of(error)) from None
        return value

    async def stop(self) -> None:
        """Forget its code; again does nothing."""
        self._forget()

    def isolation(self) -> str:
        """Trusted: none."""
        return "none"

    def statistics(self) -> RunnerStatistics:
        """Counts of `call`; the fast path is counted by the dispatcher."""
        return self._statistics

    def _forget(self) -> None:
        self.functions, self.provided = {}, []
        finder, self._finder = self._finder, None
        if finder is None:
            return
        sys.meta_path.remove(finder)
        for name in [name for name in sys.modules if name == finder.package or name.startswith(finder.package + ".")]:
            del sys.modules[name]
        for name in [name for name in linecache.cache if name.startswith(finder.package)]:
            del linecache.cache[name]
        sys.path_importer_cache.pop(finder.package, None)


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the modules of one generation of one plugin in the bytes that were read."""

    def __init__(self, package: str, files: dict[str, bytes]) -> None:
        self.package, self._files = package, files

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """A spec for a module of the plugin, None for all others."""
        if name == self.package:
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        if not name.startswith(self.package + "."):
            return None
        stem = name[len(self.package) + 1 :].replace(".", "/")
        for file, is_package in ((f"{stem}.py", False), (f"{stem}/__init__.py", True)):
            if file in self._files:
                return importlib.machinery.ModuleSpec(name, self, origin=file, is_package=is_package)
        return None

    def exec_module(self, module: types.ModuleType) -> None:
        """Run a module's source; the package itself has none."""
        spec = module.__spec__
        if spec is not None and spec.origin is not None:
            where = f"{self.package}/{spec.origin}"
            exec(compile(self._files[spec.origin], where, "exec", dont_inherit=True), module.__dict__)


def _unheard(line: bytes) -> None:
    """Nobody keeps a log."""


def text_of(error: BaseException) -> str:
    """An error's text, which may itself raise."""
    try:
        return str(error)[:300]
    except KeyboardInterrupt:
        raise
    except BaseException as second:
        return f"its text raises {type(second).__name__}"

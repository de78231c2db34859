"""One plugin loaded from memory: its modules, its instance, its hooks.

The host read the files and checked their hashes; the worker gets the bytes and never sees the folder, so that no link,
race or archive can bring in anything else. Modules live in the package `plugin`, siblings are imported relatively.
A hook may be a coroutine function: it may await host functions, which answer at once, and nothing else.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import inspect
import sys
import types
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from sim.integration.plugins.runners import frames

PACKAGE = "plugin"


class MemoryFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds `plugin.*` in a table of sources."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self._files = files

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """A spec for a module of the plugin, None for all others."""
        if name == PACKAGE:
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        if not name.startswith(PACKAGE + "."):
            return None
        stem = name[len(PACKAGE) + 1 :].replace(".", "/")
        for file, package in ((f"{stem}.py", False), (f"{stem}/__init__.py", True)):
            if file in self._files:
                return importlib.machinery.ModuleSpec(name, self, origin=file, is_package=package)
        return None

    def exec_module(self, module: types.ModuleType) -> None:
        """Run a module's source; the package itself has none."""
        spec = module.__spec__
        if spec is not None and spec.origin is not None:
            exec(compile(self._files[spec.origin], spec.origin, "exec", dont_inherit=True), module.__dict__)


class Context:
    """What a plugin is given: its id, its settings, the instant of the call, and the host's functions."""

    def __init__(self, plugin_id: str, settings: dict[str, Any], ask: Callable[[str, dict[str, Any]], Any]) -> None:
        self.plugin_id, self.settings, self.at = plugin_id, settings, 0.0
        self._ask = ask

    async def call(self, name: str, /, **arguments: Any) -> Any:
        """A host function, such as `metrics.read`; raises PermissionError with the reason when it is not granted."""
        return self._ask(name, arguments)

    def log(self, text: str) -> None:
        """A line of the plugin's own log, which is also where it prints to."""
        print(text)

    def provide(self, group: str, name: str, entry: Any) -> None:
        """Objects cannot leave a process; raises PermissionError."""
        raise PermissionError(f"{group}:{name}: only a trusted plugin brings objects")


class Loaded:
    """A plugin that is ready to be called."""

    def __init__(self, context: Context, hooks: dict[str, Callable[..., Any]]) -> None:
        self.context, self.hooks = context, hooks

    def call(self, call: frames.Call) -> Any:
        """Run a hook to its end."""
        self.context.at = call.at
        value = self.hooks[call.hook](call.payload)
        return _finished(value) if inspect.iscoroutine(value) else value

    def forget(self) -> None:
        """Let go of everything that is held."""
        self.hooks.clear()


def _finished(coro: Coroutine[Any, Any, Any]) -> Any:
    try:
        coro.send(None)
    except StopIteration as done:
        return done.value
    coro.close()
    raise RuntimeError("a hook in a worker awaits host functions and nothing else")


def load(frame: frames.Load, ask: Callable[[str, dict[str, Any]], Any]) -> Loaded:
    """Import and make the plugin; whatever its code raises comes through."""
    importlib.import_module("random").seed(frame.seed)  # the plugin's own
    sys.meta_path.insert(0, MemoryFinder(frame.files))
    module = importlib.import_module(f"{PACKAGE}.{frame.module}")
    context = Context(frame.plugin_id, frame.settings, ask)
    made = module.Plugin(context) if hasattr(module, "Plugin") else module
    hooks = {name: getattr(made, name) for name in frame.hooks if callable(getattr(made, name, None))}
    return Loaded(context, hooks)

"""A plugin manager on virtual time over folders that a test writes; everything trusted unless it says otherwise."""

from __future__ import annotations

import textwrap
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

from sim.integration.plugins.manager import PluginManager
from sim.runtime.draws import CounterDraws
from sim.runtime.events import EventLog
from sim.runtime.virtual import VirtualRuntime

T = TypeVar("T")
BRINGS = """
class Plugin:
    def __init__(self, context):
        self.context = context
        context.provide("arrivals", "mine", object())
        context.provide("route", "mine", self.startup)
    def startup(self, payload):
        self.context.log(f"hello {payload['nodes']}")
"""
SLOW = """
class Plugin:
    def __init__(self, context): self.runtime = context._runtime
    async def startup(self, p): await self.runtime.sleep({0})
"""
PROVIDES = 'provides = ["arrivals:mine", "route:mine"]\n'
TELLS = "answer = {0}\ndef before_request(p):\n    return {{'reject': str(answer)}}\n"


def write(root: Path, plugin_id: str, code: str = "", manifest: str = "", hooks: str = "", **files: str) -> Path:
    """A plugin's folder; `hooks` separated by spaces, `manifest` is what stands besides id, version and module."""
    folder = root / plugin_id
    folder.mkdir(parents=True, exist_ok=True)
    lines = [f'id = "{plugin_id}"', 'module = "code"']
    if "version =" not in manifest:
        lines.append('version = "1.0.0"')
    if "hooks =" not in manifest:
        lines.append(f"hooks = {hooks.split()}" if hooks else 'hooks = ["startup"]')
    (folder / "manifest.toml").write_text("\n".join(lines) + "\n" + textwrap.dedent(manifest))
    (folder / "code.py").write_text(textwrap.dedent(code) or "def startup(payload): pass\n")
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)
    return folder


class Rig:
    """`run` a coroutine of the manager; `kinds` of the events so far."""

    def __init__(self, root: Path, config: dict[str, Any] | None = None, **parts: Any) -> None:
        self.root, self.runtime, self.events = root, VirtualRuntime(), EventLog()
        settings = {"folders": [str(root)], "sandbox_plugins": False, **(config or {})}
        parts.setdefault("draws", CounterDraws(7, 0))
        self.manager = PluginManager(settings, runtime=self.runtime, events=self.events, ships=False, **parts)

    def run(self, coro: Coroutine[Any, Any, T]) -> T:
        return self.runtime.run_task(coro)

    def up(self, *ids: str) -> Rig:
        self.run(self.manager.discover_plugins())
        for plugin_id in ids:
            self.run(self.manager.enable_plugin(plugin_id))
        return self

    def call(self, hook: str, **payload: Any) -> Any:
        return self.manager.hooks.call_now(hook, payload)

    def wait_call(self, hook: str, **payload: Any) -> Any:
        return self.run(self.manager.hooks.call(hook, payload))

    def plugin(self, plugin_id: str) -> Any:
        """The instance or module behind the hooks of a plugin in this process."""
        functions = self.manager._life.units[plugin_id].runner.functions  # type: ignore[attr-defined]
        first = next(iter(functions.values()))
        return getattr(first, "__self__", first)

    def kinds(self, plugin_id: str = "") -> list[str]:
        return [row.kind for row in self.events.rows if plugin_id in ("", row.subject)]

    def reasons(self, kind: str) -> list[str]:
        return [dict(row.fields)["reason"] for row in self.events.rows if row.kind == kind]

    def pass_time(self, duration_s: float) -> None:
        self.run(self.runtime.sleep(duration_s))


def answer(rig: Rig) -> Any:
    return rig.call("before_request", request=0)

"""What the runners' tests stand on: one nursery for all workers, a host that answers, both runtimes for real."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from sim.integration.plugins.runners.base import PluginSource, RunnerLimits
from sim.integration.plugins.runners.nursery import Nursery
from sim.integration.plugins.runners.worker import WorkerRunner
from sim.runtime.live import LiveRuntime, run_live
from sim.runtime.virtual import VirtualRuntime

T = TypeVar("T")
AnyRuntime = VirtualRuntime | LiveRuntime
NURSERIES: dict[tuple[str, ...] | None, Nursery] = {}
DEADLINE_S = 20.0  # of calls that should end by themselves


class Host:
    """Grants `double`, refuses all else; keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []

    async def ask(self, plugin_id: str, name: str, arguments: dict[str, Any]) -> Any:
        self.asked.append((name, arguments))
        if name == "double":
            return 2 * arguments["value"]
        raise PermissionError(f"{name} is not granted")


def source(code: str, *hooks: str, files: dict[str, str] | None = None, **settings: Any) -> PluginSource:
    """A plugin of one file; its hooks are the names given."""
    told = {"hooks.py": textwrap.dedent(code).encode()}
    told |= {name: textwrap.dedent(text).encode() for name, text in (files or {}).items()}
    return PluginSource("custom.test", "hooks", told, hooks or ("run",), settings, seed=7)


def nursery(layers: tuple[str, ...] | None = None) -> Nursery:
    """One process for all tests of a session that want the same layers; None: all."""
    if layers not in NURSERIES:
        NURSERIES[layers] = Nursery() if layers is None else Nursery(layers)
    return NURSERIES[layers]


def on_virtual(body: Callable[[AnyRuntime], Coroutine[Any, Any, T]]) -> T:
    """On SimPy."""
    runtime = VirtualRuntime()
    try:
        return runtime.run_task(body(runtime))
    finally:
        runtime.close()


def on_live(body: Callable[[AnyRuntime], Coroutine[Any, Any, T]]) -> T:
    """On asyncio, its clock the machine's."""
    return run_live(body)


STAGES = {"virtual": on_virtual, "live": on_live}


class Worker:
    """One plugin in a worker, driven from plain test code on virtual time."""

    def __init__(
        self,
        plugin: PluginSource,
        *,
        limits: RunnerLimits | None = None,
        layers: tuple[str, ...] | None = None,
        required: str = "confined",
    ) -> None:
        self.runtime, self.host = VirtualRuntime(), Host()
        self.runner = WorkerRunner(self.runtime, nursery(layers), self.host, limits, required)
        self.hooks = self.runtime.run_task(self.runner.start(plugin))

    def call(self, payload: Any = None, hook: str = "run", deadline_s: float = DEADLINE_S) -> Any:
        return self.runtime.run_task(self.runner.call(hook, payload, deadline_s))

    def close(self) -> None:
        self.runtime.run_task(self.runner.stop())
        self.runtime.close()

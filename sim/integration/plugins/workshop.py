"""What plugins run on when nobody hands it in: workers behind the sandbox, and a broker without services.

The nursery is started with the first worker and ends with `close`. A host that offers nothing answers every ask with a
refusal, so that a plugin without grants reaches nothing. `timeout_s` is the wall time that a runner gives a start and a
call, whatever the deadline of its caller.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from sim.contracts import EventSink, Runtime
from sim.integration.plugins.broker.broker import Broker, HostServices
from sim.integration.plugins.folder import Found
from sim.integration.plugins.journal import Asked, digest
from sim.integration.plugins.protocol import PluginRunner, plain
from sim.integration.plugins.runners.base import RunnerLimits


class Workshop:
    """Implements `runners.base.HostFunctions`; `services` may be set until the first plugin is admitted."""

    def __init__(
        self, runtime: Callable[[], Runtime], events: EventSink, services: HostServices | None = None,
        timeout_s: float = 30.0,
    ) -> None:  # fmt: skip
        self._runtime, self._events, self.services = runtime, events, services
        self.asked: list[Asked] | None = None  # where asks are noted (`recording.Desk`)
        self._limits = RunnerLimits(start_max_s=timeout_s, call_max_s=timeout_s)
        self._broker: Broker | None = None
        self._nursery: Any = None
        self._pool: Any = None

    @property
    def broker(self) -> Broker:
        """Checks and answers what plugins ask for."""
        if self._broker is None:
            self._broker = Broker(self._runtime(), self._events, self.services or self._live_services())
        return self._broker

    def _live_services(self) -> HostServices:
        from sim.integration.plugins.broker.live_fetch import LiveFetcher

        return HostServices(lambda name: None, _nowhere, LiveFetcher(self._runtime()))

    def admit(self, plugin_id: str, asked: Iterable[str], granted: Iterable[str]) -> None:
        """As `Broker.admit`."""
        self.broker.admit(plugin_id, asked, granted)

    def dismiss(self, plugin_id: str) -> None:
        """As `Broker.dismiss`."""
        self.broker.dismiss(plugin_id)

    async def ask(self, plugin_id: str, name: str, arguments: dict[str, Any]) -> Any:
        """As `Broker.ask`; raises PermissionError for arguments that are no plain data, too."""
        if not plain(arguments):
            raise PermissionError("arguments are plain data: none, flags, finite numbers, texts, lists, tables")
        if self.asked is None:
            return await self.broker.ask(plugin_id, name, arguments)
        note = Asked(self._runtime().now(), name, msgspec.to_builtins(arguments))
        self.asked.append(note)
        try:
            value = await self.broker.ask(plugin_id, name, arguments)
        except PermissionError as error:
            note.refusal = str(error)
            raise
        note.answer = digest(value)
        return value

    @property
    def nursery(self) -> Any:
        """The process that workers are forked from, None before the first of them."""
        return self._nursery

    def make_runner(self, found: Found, level: str) -> PluginRunner:
        """Where code runs that is not trusted: a worker, or what its manifest names instead."""
        from sim.integration.plugins.runners.nursery import Nursery
        from sim.integration.plugins.runners.worker import WorkerRunner

        kind = "" if found.manifest is None else found.manifest.runner
        if kind == "wasm":
            from sim.integration.plugins.runners.wasm import WasmRunner

            return WasmRunner(self._runtime(), self._limits)
        if self._nursery is None:
            self._nursery = Nursery()
        if kind == "monty":
            return self._monty(level)
        return WorkerRunner(self._runtime(), self._nursery, self, self._limits, level)

    def _monty(self, level: str) -> PluginRunner:
        from sim.integration.plugins.runners.monty import MontyRunner
        from sim.integration.plugins.runners.monty_pool import MontyPool

        if self._pool is None:
            self._pool = MontyPool(nursery=self._nursery)
        return MontyRunner(self._runtime(), self._pool, self, self._limits, level)

    def close(self) -> None:
        """End Monty's processes and the one that workers are forked from; again does nothing."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.close()
        nursery, self._nursery = self._nursery, None
        if nursery is not None:
            nursery.close()


def _nowhere(kind: str, fields: dict[str, Any]) -> str:
    raise PermissionError("no tasks are taken by this host")

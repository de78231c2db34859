"""What the runners have in common: a plugin's source as read by the host, limits, and how a call can end.

SimError
+-- PluginError          anything about one plugin
    +-- PluginRaised     its code raised; the runner goes on
    +-- PluginEnded      its process was ended: `why` is deadline, protocol, memory, exit, cancelled
    +-- PluginRefused    it was not started: what it asks for is more than the machine or the operator gives
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from sim.errors import SimError

START_MAX_S = 30.0  # of wall time, until the process that workers are forked from must be up


class PluginError(SimError):
    """Something about one plugin."""

    def __init__(self, plugin_id: str, where: str, why: str, text: str) -> None:
        super().__init__(plugin_id, where, why, text)
        self.plugin_id, self.where, self.why, self.text = plugin_id, where, why, text

    def __str__(self) -> str:
        return f"plugin {self.plugin_id}, {self.where}: {self.why}" + (f": {self.text}" if self.text else "")


class PluginRaised(PluginError):
    """Its code raised; `why` is the exception's class name."""


class PluginEnded(PluginError):
    """Its process was ended while it was called; `why` is `deadline`, `protocol`, `memory`, `exit` or `cancelled`."""


class PluginRefused(PluginError):
    """It was not started: `why` is the level, extra or permission that is missing."""


@dataclass(frozen=True, slots=True)
class PluginSource:
    """A plugin as the host read it once: bytes of checked files, typed settings, and which names are hooks."""

    plugin_id: str
    module: str  # the file with its hooks, without `.py`
    files: dict[str, bytes]
    hooks: tuple[str, ...]
    settings: dict[str, Any] = field(default_factory=dict)
    seed: int = 0  # of the plugin's own random module; from Draws


@dataclass(frozen=True, slots=True)
class RunnerLimits:
    """Bounds of one plugin: bytes, seconds, counts."""

    memory_max_bytes: int = 128 << 20
    cpu_max_s: int = 3600
    frame_max_bytes: int = 1 << 20
    log_max_bytes: int = 64 << 10
    start_max_s: float = 30.0  # wall seconds until a plugin must be loaded
    call_max_s: float = 30.0  # wall seconds of a Monty or WebAssembly call, whatever its deadline
    asks_max: int = 100  # host functions in one call
    waiting_max: int = 1000  # calls that wait for their turn
    restarts_max: int = 100  # processes that are started anew after one was ended


@dataclass(slots=True)
class RunnerStatistics:
    """What one runner did since it was made."""

    calls_count: int = 0
    raised_count: int = 0
    ended_count: int = 0
    asks_count: int = 0
    restarts_count: int = 0
    log_dropped_bytes: int = 0
    last_ended: str = ""  # why


class HostFunctions(Protocol):
    """The broker, as a runner sees it: grants, journals and answers what a plugin asks for."""

    async def ask(self, plugin_id: str, name: str, arguments: dict[str, Any]) -> Any:
        """The value; raises PermissionError with a reason that the plugin is told."""


class SourceRunner(Protocol):
    """A place for one plugin's code. Calls are answered one at a time, in the order they came."""

    async def start(self, source: PluginSource) -> tuple[str, ...]:
        """Load the plugin; the hooks it offers. Raises PluginRefused, PluginRaised, PluginEnded."""

    async def call(self, hook: str, payload: Any, deadline_s: float) -> Any:
        """A hook's value within wall seconds; raises PluginRaised or PluginEnded."""

    async def stop(self) -> None:
        """End it; again does nothing."""

    def isolation(self) -> str:
        """The level reached, a name of `sandbox.layers.LEVELS` or of the runner."""

    def statistics(self) -> RunnerStatistics:
        """Counts so far."""

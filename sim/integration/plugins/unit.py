"""One generation of a plugin in service, what it did at each hook, and the circuit that takes it off.

Circuit breaker (Nygard 2007): after `failures_max` failures in a row the plugin is off for `probe_after_s`, doubled at
each failed probe up to `PROBE_MAX_S`; the first call after that is the probe, and its success puts it back. Seconds of
the runtime's clock.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sim.integration.plugins.folder import Found
from sim.integration.plugins.manifest import Manifest, Order
from sim.integration.plugins.protocol import HookSpec, PluginRunner

PROBE_MAX_S = 3_600.0


@dataclass(slots=True, eq=False)
class Circuit:
    """Whether a plugin is called. `off_until` is -inf while it is on."""

    failures_max: int
    probe_after_s: float
    failures: int = 0  # in a row
    off_until: float = -math.inf
    opened_count: int = 0
    _wait_s: float = 0.0

    @property
    def off(self) -> bool:
        """True from the last failure of a row to the success of a probe."""
        return self.off_until > -math.inf

    def failed(self, now: float) -> bool:
        """A call failed; True if that takes the plugin off (again)."""
        self.failures += 1
        if self.failures < self.failures_max:
            return False
        self._wait_s = min(self._wait_s * 2.0 if self._wait_s else self.probe_after_s, PROBE_MAX_S)
        self.off_until = now + self._wait_s
        self.failures = self.failures_max - 1  # one failed probe is enough
        self.opened_count += 1
        return True

    def succeeded(self) -> bool:
        """A call ended well; True if that puts the plugin back."""
        was_off, self.off_until, self.failures, self._wait_s = self.off, -math.inf, 0, 0.0
        return was_off


@dataclass(slots=True, eq=False)
class HookCounts:
    """What one plugin did at one hook."""

    calls_count: int = 0
    failures_count: int = 0
    skipped_count: int = 0  # while it was off
    answers_count: int = 0
    elapsed_s: float = 0.0  # by the host's stopwatch, where there is one
    cost_s: float = 0.0  # by the declared latency law


@dataclass(slots=True, eq=False)
class Unit:
    """One loaded generation: its code's runner, its circuit, its books; `in_use` counts calls that hold it."""

    plugin_id: str
    generation: int
    found: Found
    manifest: Manifest
    runner: PluginRunner
    hooks: tuple[str, ...]
    circuit: Circuit
    word: int  # of its own draws
    mean_s: float  # of a simulated call
    counts: dict[str, HookCounts] = field(default_factory=dict)
    undo: list[Callable[[], None]] = field(default_factory=list)  # the ledger: unload plays it backwards
    entries: list[str] = field(default_factory=list)  # of the ledger, in words
    in_use: int = 0

    def enter(self, entry: str, undo: Callable[[], None]) -> None:
        """Something was registered; unload undoes it."""
        self.entries.append(entry)
        self.undo.append(undo)

    def undo_all(self) -> None:
        """Backwards; an empty ledger is left."""
        while self.undo:
            self.undo.pop()()
            self.entries.pop()


@dataclass(slots=True, eq=False)
class Impl:
    """One plugin at one hook, as the frozen tuple of the hook holds it."""

    spec: HookSpec
    unit: Unit
    function: Callable[[Any], Any]  # a value, or a coroutine of one
    order: Order
    counts: HookCounts
    circuit: Circuit
    mean_s: float

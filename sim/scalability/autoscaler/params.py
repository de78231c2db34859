"""The autoscaler's settings, field by field those of the config group `autoscaler` (assembly copies them).

Units: `_s` seconds, `_ratio` plain fractions, counts in nodes. Ranges of single keys are checked before a run by the
config schema; what holds only together is refused here, and what only one policy needs by that policy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sim.errors import ConfigError

PROVISIONING = ("deterministic", "exponential")


@dataclass(frozen=True, slots=True)
class AutoscalerParams:
    """What a policy and the loop may be told; raises `ConfigError` for settings that contradict each other."""

    kind: str = "none"
    min_nodes: int = 1
    max_nodes: int = 10
    target_utilization_ratio: float = 0.7
    interval_s: float = 15.0
    tolerance_ratio: float = 0.1
    stabilization_window_s: float = 300.0
    step_out_nodes_max: int = 4  # nodes more in one decision, or the ratio below, whichever is more
    step_out_ratio_max: float = 1.0
    step_in_nodes_max: int = 1_000_000
    provisioning_s: float = 60.0
    provisioning: str = "deterministic"
    readiness_s: float = 0.0
    drain_s: float = 300.0
    stable_window_s: float = 60.0
    panic_window_s: float = 6.0
    panic_ratio: float = 2.0
    season_s: float = 86_400.0
    bin_s: float = 300.0
    headroom_ratio: float = 0.95
    at_s: Sequence[float] = ()
    counts: Sequence[int] = ()
    params: dict[str, Any] = field(default_factory=dict)  # of a user's own policy

    def __post_init__(self) -> None:
        for name in ("interval_s", "target_utilization_ratio", "season_s", "bin_s", "stable_window_s"):
            if not getattr(self, name) > 0.0:
                raise refused(name, getattr(self, name), "a number above 0")
        for name, least in (("min_nodes", 0), ("max_nodes", 1), ("step_out_nodes_max", 1), ("step_in_nodes_max", 1)):
            if getattr(self, name) < least:
                raise refused(name, getattr(self, name), f"a whole number, at least {least}")
        if self.min_nodes > self.max_nodes:
            raise refused("min_nodes", self.min_nodes, f"at most autoscaler.max_nodes={self.max_nodes}")
        if self.provisioning not in PROVISIONING:
            raise refused("provisioning", self.provisioning, "one of " + ", ".join(PROVISIONING))

    @property
    def machines_max(self) -> int:
        """Machines at once, those included that come and go: twice `max_nodes`, so that a drain never blocks."""
        return 2 * self.max_nodes


def refused(key: str, value: object, accepted: str) -> ConfigError:
    """The error for a value of the group."""
    return ConfigError(f"autoscaler.{key}", value, accepted)

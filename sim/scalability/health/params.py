"""Settings of health, field by field those of the config groups `health`, `health.ejection` and `breaker`.

Units: `_s` seconds, `_ratio` in 0..1, counts plain. Ranges are checked before a run by the config schema; what holds
only together is checked where the part is built.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class EjectionParams:
    """Passive outlier ejection (defaults: Envoy's)."""

    enabled: bool = False
    failures_max: int = 5  # in a row, until ejected
    interval_s: float = 10.0  # between two sweeps: returns, decay, success rates
    base_s: float = 30.0  # times the number of ejections so far
    max_s: float = 300.0
    ejected_max_ratio: float = 0.1  # of the nodes in service, but one may always be ejected
    success_nodes_min: int = 5  # success rate: nodes with enough requests
    success_requests_min: int = 100  # in an interval
    success_stdev_factor: float = 1.9
    jitter_s: float = 0.0
    readmit_on_check: bool = True  # read where the parts are put together


@dataclass(frozen=True, slots=True)
class HealthParams:
    """Detection, panic and slow start."""

    detector: str = "none"
    interval_s: float = 10.0  # between two checks of a node
    heartbeat_s: float | None = None  # between two heartbeats of a node; None: interval_s
    jitter_ratio: float = 0.0  # of the interval, drawn for every check and heartbeat
    probe_timeout_s: float = 5.0
    misses_max: int = 3  # fall: failed checks in a row until down
    rises_min: int = 2  # rise: passed checks in a row until up again
    node_timeout_s: float = 60.0  # heartbeat_timeout: silence until down
    phi_threshold: float = 8.0
    phi_samples_max: int = 1_000
    phi_stdev_min_s: float = 0.1
    success_min_ratio: float = 0.8
    success_window: int = 10  # checks
    panic_ratio: float = 0.0
    slow_start_s: float = 0.0
    slow_start_min_ratio: float = 0.1
    slow_start_aggression: float = 1.0
    ejection: EjectionParams = field(default_factory=EjectionParams)

    @property
    def expected_heartbeat_s(self) -> float:
        """Time between two heartbeats of a node that is well."""
        return self.interval_s if self.heartbeat_s is None else self.heartbeat_s


@dataclass(frozen=True, slots=True)
class BreakerParams:
    """Circuit breaker of a node."""

    enabled: bool = False
    failures_max: int = 10  # in a row, until open
    open_s: float = 60.0
    trials_max: int = 1  # attempts at once while half open
    successes_min: int = 3  # until closed again

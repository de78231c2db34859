"""Keys of the control plane: autoscaler, health, failover. Units stand in the names."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sim.bench.schema.ranges import choice, number, rule


@dataclass
class AutoscalerConfig:
    kind: str = rule("autoscaler", "none")
    min_nodes: int = number(1, 0, 1_000_000)
    max_nodes: int = number(10, 1, 1_000_000)
    target_utilization_ratio: float = number(0.7, above=0)  # busy over ready agents that a policy aims at
    interval_s: float = number(15.0, above=0)  # between two decisions (HPA: 15 s, KPA: 2 s)
    tolerance_ratio: float = number(0.1, 0, 1)  # no change while |metric / target - 1| is within it
    stabilization_window_s: float = number(300.0, 0)  # a scale-in takes the highest wish of this window
    step_out_nodes_max: int = number(4, 1)  # nodes more in one decision, or the ratio below, whichever is more
    step_out_ratio_max: float = number(1.0, 0)
    step_in_nodes_max: int = number(1_000_000, 1)
    provisioning_s: float = number(60.0, 0)  # until a new machine can be registered
    provisioning: str = choice("deterministic", "deterministic", "exponential")
    readiness_s: float = number(0.0, 0)  # a node younger than this does not count in the metric
    drain_s: float = number(300.0, 0)  # a node that leaves may finish for so long
    stable_window_s: float = number(60.0, above=0)  # kpa
    panic_window_s: float = number(6.0, above=0)  # kpa
    panic_ratio: float = number(2.0, above=1)  # kpa: panic while the panic window wants so many times the ready nodes
    season_s: float = number(86_400.0, above=0)  # predictive, scheduled: length of a season
    bin_s: float = number(300.0, above=0)  # predictive: length of a bin of the forecast
    headroom_ratio: float = number(0.95, 0.5, 0.9999)  # predictive: the forecast's upper bound that is provided for
    at_s: list[float] = field(default_factory=list)  # scheduled: instants in the season
    counts: list[int] = field(default_factory=list)  # scheduled: nodes from each instant on
    params: dict[str, Any] = field(default_factory=dict)


@dataclass
class EjectionConfig:
    enabled: bool = False
    failures_max: int = number(5, 1)  # consecutive failures that eject (Envoy: 5); checks of success every interval_s
    interval_s: float = number(10.0, above=0)
    base_s: float = number(30.0, above=0)  # times the number of ejections so far
    max_s: float = number(300.0, above=0)
    ejected_max_ratio: float = number(0.1, 0, 1)  # of the fleet's nodes, but one may always be ejected
    success_nodes_min: int = number(5, 1)  # success rate: nodes with enough requests
    success_requests_min: int = number(100, 1)  # in an interval
    success_stdev_factor: float = number(1.9, 0)
    jitter_s: float = number(0.0, 0)
    readmit_on_check: bool = True  # an active check that passes ends an ejection (Envoy); false where checks are blind


@dataclass
class HealthConfig:
    detector: str = rule("detector", "none")
    interval_s: float = number(10.0, above=0)  # between two checks of a node
    heartbeat_s: float | None = number(None, above=0)  # between two heartbeats of a node; None: interval_s
    jitter_ratio: float = number(0.0, 0, 1)  # of the interval, drawn for every check and heartbeat
    probe_timeout_s: float = number(5.0, above=0)  # consecutive_failures, success_rate: an active check's
    misses_max: int = number(3, 1)  # fall: failed checks in a row until down
    rises_min: int = number(2, 1)  # rise: passed checks in a row until up again
    node_timeout_s: float = number(60.0, above=0)  # heartbeat_timeout: silence until down
    phi_threshold: float = number(8.0, above=0)  # phi_accrual
    phi_samples_max: int = number(1_000, 2)
    phi_stdev_min_s: float = number(0.1, above=0)
    success_min_ratio: float = number(0.8, 0, 1)  # success_rate: of the checks of the window
    success_window: int = number(10, 1)  # checks
    panic_ratio: float = number(0.0, 0, 1)  # below this share of healthy nodes all are used (Envoy: .5); 0: never
    slow_start_s: float = number(0.0, 0)  # a new or returning node's share of requests grows for so long
    slow_start_min_ratio: float = number(0.1, above=0, maximum=1)
    slow_start_aggression: float = number(1.0, above=0)
    ejection: EjectionConfig = field(default_factory=EjectionConfig)


@dataclass
class FailoverConfig:
    enabled: bool = False
    copies_min: int = number(1, 0, 100)  # other nodes that hold an agent's state
    deployment_timeout_s: float = number(300.0, above=0)
    save_interval_s: float = number(60.0, above=0)  # every ready agent saves its state

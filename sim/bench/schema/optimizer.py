"""Keys of the optimizer: those of `OptimizerConfig` by its names, and what a simulated fleet adds."""

from __future__ import annotations

from dataclasses import dataclass, field

from sim.bench.schema.ranges import choice, number


@dataclass
class OptimizerGroup:
    enabled: bool = False
    unit: str = choice("fleet", "fleet", "agent")  # what has a setting of its own, and is tuned
    optimization_interval: float = number(3_600.0, above=0)
    min_data_points: int = number(100, 1)
    model_retrain_interval: float = number(86_400.0, above=0)
    prediction_confidence_threshold: float = number(0.7, 0, 0.999)
    optimization_targets: list[str] = field(default_factory=lambda: ["response_time", "success_rate", "resource_usage"])
    model_types: dict[str, str] = field(default_factory=dict)
    pairs_max: int = number(60, 3)
    window_s: float = number(300.0, above=0)  # of a run: requests answered in it are one sample
    window_requests_min: int = number(20, 2)  # fewer: no sample
    canary_ratio: float = number(0.25, above=0, maximum=0.9)  # of the nodes, on which settings are tried
    guard_success_rate_min: float = number(0.0, 0, 1)
    guard_error_rate_max: float = number(1.0, 0, 1)

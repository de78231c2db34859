"""Settings of arrival and service laws as the world takes them; assembly copies them from the config groups.

Units, ranges and meanings stand in the schema's `ArrivalsConfig` and `ServiceConfig`; `types` are the fleet's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class ColumnParams:
    """Names of a trace's columns; None: found by their usual names."""

    time: str | None = None
    prompt_tokens: str | None = None
    output_tokens: str | None = None
    service_s: str | None = None
    type: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class ArrivalParams:
    """Field by field `ArrivalsConfig`, and the fleet's agent types."""

    kind: str = "poisson"
    rate_per_s: float | None = None
    utilization_ratio: float | None = None
    cv: float = 1.0
    burst_ratio: float = 4.0
    burst_s: float = 10.0
    calm_s: float = 90.0
    period_s: float = 86_400.0
    amplitude_ratio: float = 0.5
    peak_at: float = 0.0
    peak_s: float = 60.0
    peak_ratio: float = 3.0
    ramp_s: float = 5.0
    path: str | None = None
    columns: ColumnParams = field(default_factory=ColumnParams)
    time_unit: str = "auto"
    speedup: float = 1.0
    resample: str = "blocks"
    block_s: float = 300.0
    clients_count: int = 100
    think_s: float = 1.0
    type_mix: dict[str, float] = field(default_factory=dict)
    keys_count: int = 0
    keys_zipf: float = 0.0
    params: dict[str, Any] = field(default_factory=dict)
    types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ServiceParams:
    """Field by field `ServiceConfig`."""

    kind: str = "exponential"
    mean_s: float = 1.0
    scv: float = 1.0
    path: str | None = None
    scale: float = 1.0
    discipline: str = "fifo"
    per_attempt: str = "fixed"
    hardware: str = "h100-80gb-tp4"
    prompt_tokens_median: float = 1469.0
    prompt_tokens_sigma: float = 1.0
    output_tokens_median: float = 13.0
    output_tokens_sigma: float = 1.2
    prompt_tokens_max: int = 7436
    output_tokens_max: int = 4096
    params: dict[str, Any] = field(default_factory=dict)

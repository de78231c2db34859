"""The balancer's settings, field by field those of the config group `balancer` (assembly copies them).

Units: `_s` seconds, `_ratio` and `rif_quantile` in 0..1, counts plain. Ranges are checked before a run by the config
schema; what depends on the chosen strategy is checked by `make_balancer`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class BalancerParams:
    """What a strategy may be told; each reads only what its docstring names."""

    kind: str = "round_robin"
    d: int = 2  # power_of_d: nodes looked at
    signal: str = "local"  # local, polled, probed
    refresh_s: float = 1.0  # polled: time between two polls
    count_own_dispatches: bool = False  # polled: add own dispatches since the refresh
    dispatchers: int = 1
    ties: str = "random"  # random, rotate, lowest
    queue: str = "node"  # node, central
    queue_max: int = 1_000_000  # requests that wait at the balancer (the engine's bound)
    ewma_tau_s: float = 10.0  # response_time: decay
    load_factor: float = 1.25  # consistent_hash: bound over the mean load
    ring_points: int = 100  # consistent_hash: points a node
    probes_per_request: int = 3  # prequal
    probe_pool_max: int = 16
    probe_age_s: float = 1.0
    probe_delay_s: float = 0.0
    rif_quantile: float = 0.84
    params: dict[str, Any] = field(default_factory=dict)  # of a user's own strategy

"""Keys of the request path: retries, hedges, circuit breakers, admission. Units stand in the names."""

from __future__ import annotations

from dataclasses import dataclass, field

from sim.bench.schema.ranges import choice, number


@dataclass
class RetryConfig:
    attempts_max: int = number(1, 1, 1_000)  # 1: no retry
    attempt_timeout_s: float | None = number(None, above=0)
    backoff_s: float = number(0.1, 0)  # a retry k waits U(0, backoff_s 2^(k-1)), full jitter
    backoff_max_s: float = number(10.0, 0)
    budget_ratio: float | None = number(None, 0, 1)  # None: no budget
    budget_of: str = choice("fresh", "fresh", "active")
    budget_depth: int = number(10, 0)  # fresh: tokens saved up at most; active: retries always allowed at once
    non_idempotent_ratio: float = number(0.0, 0, 1)  # share of requests that must not run twice


@dataclass
class HedgeConfig:
    after_s: float | None = number(None, above=0)  # None: no hedge
    hedges_max: int = number(1, 1, 10)
    cancel: bool = True  # the losing attempt is cancelled at its node


@dataclass
class BreakerConfig:
    enabled: bool = False
    failures_max: int = number(10, 1)  # in a row, until open
    open_s: float = number(60.0, above=0)
    trials_max: int = number(1, 1)  # attempts at once while half open
    successes_min: int = number(3, 1)  # until closed again


@dataclass
class AdmissionConfig:
    kind: str = choice("none", "none", "concurrency", "success_rate")
    in_flight_max: int = number(1_000_000, 1)  # concurrency: requests in the system
    priority_mix: list[float] = field(default_factory=lambda: [1.0])  # shares of priority 0 (the highest), 1, ...
    priority_shares: list[float] = field(default_factory=lambda: [1.0])  # of in_flight_max that each may fill
    window_s: float = number(30.0, above=0)  # success_rate (Envoy's admission control)
    success_min_ratio: float = number(0.95, above=0, maximum=1)
    aggression: float = number(1.0, above=0)
    shed_max_ratio: float = number(0.8, 0, 1)

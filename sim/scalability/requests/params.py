"""Settings of the request path, field by field the schema's `RetryConfig`, `HedgeConfig` and `AdmissionConfig`.

Units: `_s` seconds, `_ratio` shares in 0..1, counts of attempts or requests. `check` raises `ConfigError` for what
holds only together.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

from sim.errors import ConfigError


@dataclass(frozen=True, slots=True)
class RetryParams:
    """Attempts of one request; 1 attempt is no retry."""

    attempts_max: int = 1
    attempt_timeout_s: float | None = None
    backoff_s: float = 0.1
    backoff_max_s: float = 10.0
    budget_ratio: float | None = None
    budget_of: str = "fresh"
    budget_depth: int = 10
    non_idempotent_ratio: float = 0.0


@dataclass(frozen=True, slots=True)
class HedgeParams:
    """A second attempt while the first is still out."""

    after_s: float | None = None
    hedges_max: int = 1
    cancel: bool = True


@dataclass(frozen=True, slots=True)
class AdmissionParams:
    """Who is let in."""

    kind: str = "none"
    in_flight_max: int = 1_000_000
    priority_mix: tuple[float, ...] = (1.0,)
    priority_shares: tuple[float, ...] = (1.0,)
    window_s: float = 30.0
    success_min_ratio: float = 0.95
    aggression: float = 1.0
    shed_max_ratio: float = 0.8


@dataclass(frozen=True, slots=True)
class RequestParams:
    """The whole request path; `deadline_s` counts from the arrival, None is none."""

    retry: RetryParams = RetryParams()
    hedge: HedgeParams = HedgeParams()
    admission: AdmissionParams = AdmissionParams()
    deadline_s: float | None = None
    deadline_propagation: str = "none"

    @property
    def plain(self) -> bool:
        """Whether a request is one attempt that is waited for however long it takes."""
        retry, limits = self.retry, (self.deadline_s, self.retry.attempt_timeout_s, self.hedge.after_s)
        single = retry.attempts_max == 1 and not retry.non_idempotent_ratio and all(one is None for one in limits)
        return single and self.admission.kind == "none" and len(self.admission.priority_mix) == 1


def check(params: RequestParams) -> None:
    """Raises `ConfigError` for settings that contradict each other."""
    retry, hedge, admission = params.retry, params.hedge, params.admission
    deadline_s, timeout_s = params.deadline_s, retry.attempt_timeout_s
    if deadline_s is not None and timeout_s is not None and timeout_s > deadline_s:
        raise ConfigError("retry.attempt_timeout_s", timeout_s, f"at most deadline_s={deadline_s:g}")
    if hedge.after_s is not None:
        for key, limit_s in (("deadline_s", deadline_s), ("retry.attempt_timeout_s", timeout_s)):
            if limit_s is not None and hedge.after_s >= limit_s:
                raise ConfigError("hedge.after_s", hedge.after_s, f"below {key}={limit_s:g}, or no hedge is ever sent")
    if retry.backoff_max_s < retry.backoff_s:
        raise ConfigError("retry.backoff_max_s", retry.backoff_max_s, f"at least retry.backoff_s={retry.backoff_s:g}")
    if retry.budget_ratio is not None and retry.attempts_max == 1:
        raise ConfigError("retry.budget_ratio", retry.budget_ratio, "null while retry.attempts_max=1 (no retry)")
    for name, values in (("mix", admission.priority_mix), ("shares", admission.priority_shares)):
        if not values or any(not 0.0 <= value < math.inf for value in values) or not sum(values):
            raise ConfigError(f"admission.priority_{name}", list(values), "numbers of 0 or more, with a sum above 0")
    shares = admission.priority_shares
    if admission.kind == "concurrency" and len(shares) != len(admission.priority_mix):
        accepted = f"as many as admission.priority_mix has, {len(admission.priority_mix)}"
        raise ConfigError("admission.priority_shares", list(shares), accepted)
    if any(later > earlier for earlier, later in pairwise(shares)) or max(shares) > 1.0:
        accepted = "1 at most, never rising (0 is the highest priority)"
        raise ConfigError("admission.priority_shares", list(shares), accepted)

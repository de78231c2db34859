"""Who is let in when there is too much: shedding early costs less than failing late.

- `Concurrency`: a request of priority p enters while fewer than share[p] x in_flight_max are in the system, so that the
  lowest priority is shed first (priority load shedding as in Google's and Netflix's services).
- `SuccessRate`: rejects with P = max(0, (n - ok / threshold) / (n + 1))^(1 / aggression), at most `shed_max_ratio`,
  over a window of one-second buckets (Envoy's admission control; Google SRE book, client-side throttling).
Priority 0 is the highest. Units: seconds, requests.
"""

from __future__ import annotations

from collections import deque
from typing import Protocol

from sim.scalability.requests.params import AdmissionParams

BUCKET_S = 1.0


class Admission(Protocol):
    """Asked once a request."""

    needs_draw: bool
    learns: bool
    shed_count: int

    def admit(self, priority: int, in_flight: int, draw: float, now: float) -> bool: ...
    def ended(self, ok: bool, now: float) -> None: ...


class Concurrency:
    """Implements `Admission` by the number of requests in the system."""

    needs_draw = False
    learns = False

    def __init__(self, params: AdmissionParams) -> None:
        self._limits = [share * params.in_flight_max for share in params.priority_shares]
        self.shed_count = 0

    def admit(self, priority: int, in_flight: int, draw: float, now: float) -> bool:
        """Below the limit of its priority."""
        if in_flight < self._limits[priority]:
            return True
        self.shed_count += 1
        return False

    def ended(self, ok: bool, now: float) -> None:
        """Nothing is learned from how requests end."""


class SuccessRate:
    """Implements `Admission` by the success of the requests that were let in lately."""

    needs_draw = True
    learns = True

    def __init__(self, params: AdmissionParams) -> None:
        self._params = params
        self._buckets: deque[list[float]] = deque()  # [start, requests, successes], at most window_s + 1 of them
        self._requests = self._successes = 0.0
        self.shed_count = 0

    def admit(self, priority: int, in_flight: int, draw: float, now: float) -> bool:
        """By chance, the more of them fail the rarer."""
        self._forget(now)
        params = self._params
        excess = self._requests - self._successes / params.success_min_ratio
        if excess <= 0.0:
            return True
        reject_prob = min(params.shed_max_ratio, (excess / (self._requests + 1.0)) ** (1.0 / params.aggression))
        if draw >= reject_prob:
            return True
        self.shed_count += 1
        return False

    def ended(self, ok: bool, now: float) -> None:
        """A request that was let in ended."""
        self._forget(now)
        buckets = self._buckets
        if not buckets or now - buckets[-1][0] >= BUCKET_S:
            buckets.append([now, 0.0, 0.0])
        buckets[-1][1] += 1.0
        self._requests += 1.0
        if ok:
            buckets[-1][2] += 1.0
            self._successes += 1.0

    def _forget(self, now: float) -> None:
        buckets, oldest_at = self._buckets, now - self._params.window_s
        while buckets and buckets[0][0] < oldest_at:
            _, requests, successes = buckets.popleft()
            self._requests -= requests
            self._successes -= successes


def make_admission(params: AdmissionParams) -> Admission | None:
    """None where everybody is let in."""
    kinds: dict[str, type[Concurrency] | type[SuccessRate]] = {"concurrency": Concurrency, "success_rate": SuccessRate}
    return kinds[params.kind](params) if params.kind in kinds else None

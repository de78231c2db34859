"""Who is let in when there is too much: shedding early costs less than failing late.

- `Concurrency`: a request of priority p enters while fewer than share[p] x in_flight_max are in the system, so that the
  lowest priority is shed first (priority load shedding as in Google's and Netflix's services).
- `SuccessRate`: rejects with P = max(0, (n - ok / threshold) / (n + 1))^(1 / aggression), at most `shed_max_ratio`,
  over a window of one-second buckets (Envoy's admission control; Google SRE book, client-side throttling).
Priority 0 is the highest. Units: seconds, requests. The rules are plain functions over `AdmissionState`, so that a
compiled engine runs the same ones; what changes stands in its arrays.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from functools import partial
from typing import Protocol

from sim.scalability.requests.params import AdmissionParams

BUCKET_S = 1.0
SHED, HEAD, BUCKETS = range(3)


class Admission(Protocol):
    """Asked once a request."""

    needs_draw: bool
    learns: bool

    @property
    def shed_count(self) -> int: ...
    def admit(self, priority: int, in_flight: int, draw: float, now: float) -> bool: ...
    def ended(self, ok: bool, now: float) -> None: ...


class AdmissionState:
    """`limits[priority]`; `counts` (3,): shed so far, first bucket of the ring, buckets in it; `sums` (2,) over them.

    The ring `begun_at`, `requests`, `successes` has room for the buckets of a window, which begin a second apart.
    """

    __slots__ = ("begun_at", "by_success", "counts", "exponent", "limits", "requests", "shed_max_ratio",
                 "success_min_ratio", "successes", "sums", "window_s")  # fmt: skip

    def __init__(self, params: AdmissionParams) -> None:
        self.by_success = params.kind == "success_rate"
        self.limits = array("d", [share * params.in_flight_max for share in params.priority_shares])
        self.counts = array("q", [0, 0, 0])
        self.sums = array("d", [0.0, 0.0])  # requests, successes
        self.window_s, self.exponent = float(params.window_s), 1.0 / params.aggression
        self.success_min_ratio, self.shed_max_ratio = float(params.success_min_ratio), float(params.shed_max_ratio)
        buckets_max = int(params.window_s / BUCKET_S) + 3 if self.by_success else 1
        self.begun_at, self.requests, self.successes = (array("d", [0.0]) * buckets_max for _ in range(3))


def admission_admit(state: AdmissionState, priority: int, in_flight: int, draw: float, now: float) -> bool:
    """Below the limit of its priority; or by chance, the more of the others fail the rarer."""
    if not state.by_success:
        if in_flight < state.limits[priority]:
            return True
    else:
        admission_forget(state, now)
        excess = state.sums[0] - state.sums[1] / state.success_min_ratio
        if excess <= 0.0:
            return True
        if draw >= min(state.shed_max_ratio, (excess / (state.sums[0] + 1.0)) ** state.exponent):
            return True
    state.counts[SHED] += 1
    return False


def admit_of(state: AdmissionState) -> Callable[[int, int, float, float], bool]:
    """`admission_admit` of a `Concurrency` with cells for attributes: every request passes there."""
    limits, counts = state.limits, state.counts

    def admit(priority: int, in_flight: int, draw: float, now: float) -> bool:
        if in_flight < limits[priority]:
            return True
        counts[SHED] += 1
        return False

    return admit


def admission_ended(state: AdmissionState, ok: bool, now: float) -> None:
    """A request that was let in ended (only `SuccessRate` learns from it)."""
    if not state.by_success:
        return
    admission_forget(state, now)
    counts, length = state.counts, len(state.begun_at)
    last = counts[HEAD] + counts[BUCKETS] - 1
    if last >= length:
        last -= length
    if counts[BUCKETS] == 0 or now - state.begun_at[last] >= BUCKET_S:
        last = counts[HEAD] + counts[BUCKETS]
        if last >= length:
            last -= length
        counts[BUCKETS] += 1
        state.begun_at[last] = now
        state.requests[last] = 0.0
        state.successes[last] = 0.0
    state.requests[last] += 1.0
    state.sums[0] += 1.0
    if ok:
        state.successes[last] += 1.0
        state.sums[1] += 1.0


def admission_forget(state: AdmissionState, now: float) -> None:
    """Buckets that began before the window do not count any more."""
    counts, oldest_at = state.counts, now - state.window_s
    while counts[BUCKETS] > 0 and state.begun_at[counts[HEAD]] < oldest_at:
        state.sums[0] -= state.requests[counts[HEAD]]
        state.sums[1] -= state.successes[counts[HEAD]]
        counts[BUCKETS] -= 1
        counts[HEAD] += 1
        if counts[HEAD] == len(state.begun_at):
            counts[HEAD] = 0


class _Ruled:
    """What both kinds share: the state and the rules bound to it."""

    def __init__(self, params: AdmissionParams) -> None:
        self.state = AdmissionState(params)
        self.admit: Callable[[int, int, float, float], bool] = partial(admission_admit, self.state)
        self.ended = partial(admission_ended, self.state)

    @property
    def shed_count(self) -> int:
        """Requests that were not let in."""
        return self.state.counts[SHED]


class Concurrency(_Ruled):
    """Implements `Admission` by the number of requests in the system."""

    needs_draw = False
    learns = False

    def __init__(self, params: AdmissionParams) -> None:
        super().__init__(params)
        self.admit = admit_of(self.state)


class SuccessRate(_Ruled):
    """Implements `Admission` by the success of the requests that were let in lately."""

    needs_draw = True
    learns = True


def make_admission(params: AdmissionParams) -> Admission | None:
    """None where everybody is let in."""
    kinds: dict[str, type[Concurrency] | type[SuccessRate]] = {"concurrency": Concurrency, "success_rate": SuccessRate}
    return kinds[params.kind](params) if params.kind in kinds else None

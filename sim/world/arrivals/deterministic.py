"""Deterministic arrivals: the k-th request (k = 1, 2, ...) at exactly k / rate, no running sum."""

from __future__ import annotations

from collections.abc import Iterator

from sim.contracts import ArrivalChunk, Draws
from sim.registry import register
from sim.world.params import ArrivalParams
from sim.world.renewal import CHUNK


class DeterministicArrivals:
    """Equally spaced instants."""

    terminating = False

    def __init__(self, rate_per_s: float) -> None:
        self._rate_per_s = rate_per_s

    def rate_per_s(self) -> float:
        """Arrivals a second."""
        return self._rate_per_s

    def chunks(self, draws: Draws, horizon_s: float) -> Iterator[ArrivalChunk]:
        """Arrivals before `horizon_s`."""
        first = 0
        while True:
            instants = [(first + number) / self._rate_per_s for number in range(1, CHUNK + 1)]
            at = [instant for instant in instants if instant < horizon_s]
            if at:
                yield ArrivalChunk(first, at)
            if len(at) < CHUNK:
                return
            first += CHUNK


@register("arrivals", "deterministic")
def deterministic(params: ArrivalParams, rate_per_s: float) -> DeterministicArrivals:
    """One arrival every 1 / rate seconds."""
    return DeterministicArrivals(rate_per_s)

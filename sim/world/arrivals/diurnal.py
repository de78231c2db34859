"""A day: rate(t) = mean (1 + amplitude sin(2 pi t / period)), inverted to float precision.

The cumulated rate is mean (t + swing (1 - cos(2 pi t / period))), swing = amplitude period / 2 pi; it lies between
mean t and mean (t + 2 swing), which brackets Newton's steps (a step that leaves the bracket becomes a bisection).
"""

from __future__ import annotations

import math

from sim.contracts import Draws
from sim.registry import register
from sim.world.arrivals.modulated import ModulatedArrivals
from sim.world.params import ArrivalParams

STEPS_MAX = 100
ULPS = 4.0  # a step this small changes nothing that the sum of gaps still knows


class DiurnalInverse:
    """Instants for growing operational times; every solution starts from the one before."""

    def __init__(self, rate_per_s: float, amplitude_ratio: float, period_s: float) -> None:
        self._rate_per_s, self._amplitude = rate_per_s, amplitude_ratio
        self._turn = 2.0 * math.pi / period_s
        self._last_at = 0.0

    def __call__(self, operational: list[float]) -> list[float]:
        return [self._one(value / self._rate_per_s) for value in operational]

    def _one(self, target: float) -> float:
        amplitude, turn = self._amplitude, self._turn
        swing = amplitude / turn
        low, high = max(target - 2.0 * swing, 0.0), target
        at = self._last_at if low < self._last_at < high else 0.5 * (low + high)
        for _ in range(STEPS_MAX):
            excess = at + swing * (1.0 - math.cos(turn * at)) - target
            if excess > 0.0:
                high = at
            else:
                low = at
            slope = 1.0 + amplitude * math.sin(turn * at)
            step = at - excess / slope if slope > 0.0 else low
            following = step if low <= step <= high else 0.5 * (low + high)
            close = abs(following - at) <= ULPS * math.ulp(at)
            at = following
            if close:
                break
        self._last_at = max(at, self._last_at)
        return self._last_at


@register("arrivals", "diurnal")
def diurnal(params: ArrivalParams, rate_per_s: float) -> ModulatedArrivals:
    """The sine starts at its mean and rises."""

    def inverse_of(draws: Draws) -> DiurnalInverse:
        return DiurnalInverse(rate_per_s, params.amplitude_ratio, params.period_s)

    return ModulatedArrivals(rate_per_s, inverse_of, terminating=True)

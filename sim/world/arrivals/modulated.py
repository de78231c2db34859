"""Arrivals whose rate changes in steps and ramps: two-state Markov modulated, flash crowd (and see `diurnal`).

All by time change of unit exponential gaps (`sim.world.renewal`); the burst state's path has draws of its own, so that
it is the same under every load. `mmpp` keeps the mean rate: calm rate = (mean - p burst) / (1 - p), p the share of
time in bursts (Fischer and Meier-Hellstern 1993), and starts in a burst with probability p, so that it is stationary.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from sim.contracts import ArrivalChunk, Draws
from sim.errors import ConfigError
from sim.registry import register
from sim.runtime.draws import MODULATION
from sim.world.params import ArrivalParams
from sim.world.piecewise import PiecewiseInverse, Segment
from sim.world.renewal import Inverse, chunks, exponential_gaps

ROUNDING = 1e-9  # of a burst ratio that is meant to leave no requests to the calm state


class ModulatedArrivals:
    """Poisson arrivals of a rate that `inverse_of(draws)` cumulates and inverts."""

    endless = True  # a run is as long as its horizon, even where its last request comes before

    def __init__(self, rate_per_s: float, inverse_of: Callable[[Draws], Inverse], *, terminating: bool) -> None:
        self._rate_per_s, self._inverse_of, self.terminating = rate_per_s, inverse_of, terminating

    def rate_per_s(self) -> float:
        """Long-run mean rate, 1/s; of a flash crowd the rate outside the peak."""
        return self._rate_per_s

    def chunks(self, draws: Draws, horizon_s: float) -> Iterator[ArrivalChunk]:
        """Arrivals before `horizon_s`."""
        return chunks(draws, horizon_s, exponential_gaps, self._inverse_of(draws))


@register("arrivals", "mmpp")
def mmpp(params: ArrivalParams, rate_per_s: float) -> ModulatedArrivals:
    """Calm and burst states of exponential length; with all requests in bursts an interrupted Poisson process."""
    share = params.burst_s / (params.burst_s + params.calm_s)
    in_calm = 1.0 - share * params.burst_ratio  # share of the requests
    if in_calm < -ROUNDING:
        accepted = f"at most {1.0 / share:.6g}: bursts are {share:.3g} of the time (arrivals.burst_s, arrivals.calm_s)"
        raise ConfigError("arrivals.burst_ratio", params.burst_ratio, accepted)
    calm = rate_per_s * max(in_calm, 0.0) / (1.0 - share)
    burst = rate_per_s * params.burst_ratio

    def segments(draws: Draws) -> Iterator[Segment]:
        bursting = draws.uniform(MODULATION, 0, index=1) < share
        starts_at, stay = 0.0, 0
        while True:
            rate, mean_s = (burst, params.burst_s) if bursting else (calm, params.calm_s)
            ends_at = starts_at - mean_s * math.log(draws.uniform(MODULATION, stay))
            yield Segment(starts_at, ends_at, rate, rate)
            starts_at, stay, bursting = ends_at, stay + 1, not bursting

    return ModulatedArrivals(rate_per_s, lambda draws: PiecewiseInverse(segments(draws)), terminating=False)


@register("arrivals", "flash_crowd")
def flash_crowd(params: ArrivalParams, rate_per_s: float) -> ModulatedArrivals:
    """`rate_per_s`, a linear rise over ramp_s from peak_at, peak_s at peak_ratio times it, a linear fall, and on."""
    rise, peak = params.peak_at, params.peak_at + params.ramp_s
    fall, after = peak + params.peak_s, peak + params.peak_s + params.ramp_s
    high = rate_per_s * params.peak_ratio
    path = [
        Segment(0.0, rise, rate_per_s, rate_per_s),
        Segment(rise, peak, rate_per_s, high),
        Segment(peak, fall, high, high),
        Segment(fall, after, high, rate_per_s),
        Segment(after, math.inf, rate_per_s, rate_per_s),
    ]
    path = [segment for segment in path if segment.ends_at > segment.starts_at]
    return ModulatedArrivals(rate_per_s, lambda draws: PiecewiseInverse(iter(path)), terminating=True)

"""Load known as bins of start, rate and CV: gamma gaps of the bin's CV in operational time, so that rates hold exactly.

A gap has the CV of the bin in which it begins. `speedup` divides the instants (and multiplies the rates);
`arrivals.rate_per_s` or `arrivals.utilization_ratio` rescales the rates to that mean over the file.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from sim.contracts import ArrivalChunk, Draws
from sim.errors import ConfigError, InputError
from sim.registry import register
from sim.runtime.draws import ARRIVAL_GAP
from sim.world.params import ArrivalParams
from sim.world.piecewise import PiecewiseInverse, Segment
from sim.world.renewal import CHUNK, equilibrium_gap, gamma_quantiles
from sim.world.traces.bins import Bin, read_bins

AHEAD = 64  # gaps made at one CV before looking whether the bin has changed


class BinnedArrivals:
    """Implements `sim.contracts.ArrivalLaw` over bins whose mean rate is `mean_per_s`, or as in the file."""

    terminating = True

    def __init__(self, bins: list[Bin], speedup: float, mean_per_s: float | None) -> None:
        origin = bins[0].starts_at
        mass = math.fsum((b.ends_at - b.starts_at) * b.rate_per_s for b in bins)
        own_per_s = mass / (bins[-1].ends_at - origin) * speedup
        factor = speedup if mean_per_s is None else mean_per_s / own_per_s * speedup
        self._rate_per_s = own_per_s if mean_per_s is None else mean_per_s
        self._path: list[Segment] = []
        self._cvs: dict[float, float] = {}
        for b in bins:
            starts_at, rate = (b.starts_at - origin) / speedup, b.rate_per_s * factor
            self._path.append(Segment(starts_at, (b.ends_at - origin) / speedup, rate, rate))
            self._cvs[starts_at] = b.cv

    def rate_per_s(self) -> float:
        """Mean rate over the bins, 1/s."""
        return self._rate_per_s

    def chunks(self, draws: Draws, horizon_s: float) -> Iterator[ArrivalChunk]:
        """Arrivals before `horizon_s` or the last bin's end."""
        inverse = PiecewiseInverse(iter(self._path))
        operational, first = 0.0, 0
        at: list[float] = []
        while True:
            uniforms = draws.uniforms(ARRIVAL_GAP, first, CHUNK)[:, 0]
            quantiles: list[float] = []
            made, cv = 0, -1.0  # quantiles hold the gaps made-len(quantiles)..made-1, all of CV cv
            for ordinal in range(CHUNK):
                wanted = self._cvs[inverse.segment().starts_at]
                if ordinal == made or wanted != cv:
                    made, cv = min(ordinal + AHEAD, CHUNK), wanted
                    quantiles = gamma_quantiles(cv, uniforms[ordinal:made])
                gap = quantiles[ordinal - made] if first + ordinal else equilibrium_gap(draws, cv)
                operational += gap
                instant = inverse.one(operational)
                if not instant < horizon_s:
                    if at:
                        yield ArrivalChunk(first, at)
                    return
                at.append(instant)
            yield ArrivalChunk(first, at)
            first, at = first + CHUNK, []


@register("arrivals", "rates")
def rates(params: ArrivalParams, rate_per_s: float | None) -> BinnedArrivals:
    """Bins of `arrivals.path`; raises `ConfigError` without a path, `InputError` for a file without load."""
    if params.path is None:
        raise ConfigError("arrivals.path", None, "the path of a CSV file: start s, requests/s, CV a bin")
    bins = read_bins(params.path)
    if not any(b.rate_per_s for b in bins):
        raise InputError(params.path, None, "rate", "no request in any bin; accepted is a rate above 0 in one or more")
    return BinnedArrivals(bins, params.speedup, rate_per_s)

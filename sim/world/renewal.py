"""Arrivals in operational time: gaps of mean 1, turned into instants by the inverse of the cumulated rate.

An arrival process of rate r(t) has its i-th arrival where the integral of r reaches the i-th sum of unit gaps (time
change; Cinlar 1975). The gap of request i is a pure function of i, so that the same requests come under every load and
every shape of the rate, only denser or sparser. A gamma process starts in equilibrium: its first gap has the density
(1 - F(x)) / mean, drawn as a uniform share of a length-biased gap (Cox 1962), so that the mean count is rate x time
from the start. Chunks are made on the host for every engine, which is why scipy's inverse of the regularized gamma
function (not bit-portable to compiled code) may be used. Instants in seconds.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterator
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincinv

from sim.contracts import ArrivalChunk, Draws
from sim.runtime.draws import ARRIVAL_GAP
from sim.runtime.plain import Chance, draw

CHUNK = 1024

Gaps = Callable[[Draws, int], list[float]]
Inverse = Callable[[list[float]], list[float]]


def exponential_gaps(draws: Draws, first: int) -> list[float]:
    """Unit exponential gaps of requests first..first+1023."""
    log = math.log
    return [-log(u) for u in draws.uniforms(ARRIVAL_GAP, first, CHUNK)[:, 0].tolist()]


def gamma_quantiles(cv: float, uniforms: NDArray[np.float64]) -> list[float]:
    """Gaps of mean 1 and coefficient of variation `cv` by inversion; all 1 at cv 0."""
    if cv == 0.0:
        return [1.0] * len(uniforms)
    shape = 1.0 / (cv * cv)
    quantiles: list[float] = gammaincinv(shape, uniforms).tolist()
    return [quantile / shape for quantile in quantiles]


def equilibrium_gap(draws: Draws, cv: float) -> float:
    """Gap from 0 to request 0 of a gamma renewal process that has been running forever; mean (1 + cv^2) / 2."""
    share = draws.uniform(ARRIVAL_GAP, 0, index=1)
    if cv == 0.0:
        return share
    shape = 1.0 / (cv * cv)
    length_biased = float(gammaincinv(shape + 1.0, draws.uniform(ARRIVAL_GAP, 0))) / shape
    return share * length_biased


def gamma_gaps(cv: float) -> Gaps:
    """Gaps of mean 1 and coefficient of variation `cv`, gamma distributed, in equilibrium."""

    def gaps(draws: Draws, first: int) -> list[float]:
        values = gamma_quantiles(cv, draws.uniforms(ARRIVAL_GAP, first, CHUNK)[:, 0])
        if first == 0:
            values[0] = equilibrium_gap(draws, cv)
        return values

    return gaps


def chunks(draws: Draws, horizon_s: float, gaps: Gaps, inverse: Inverse) -> Iterator[ArrivalChunk]:
    """Arrivals before `horizon_s`, 1,024 at a time; `inverse` is called with growing arguments only."""
    operational, first = 0.0, 0
    while True:
        sums = list(accumulate(gaps(draws, first), initial=operational))
        at = inverse(sums[1:])
        if not at[-1] < horizon_s:
            before = at[: bisect_left(at, horizon_s)]
            if before:
                yield ArrivalChunk(first, before)
            return
        yield ArrivalChunk(first, at)
        operational, first = sums[-1], first + CHUNK


class Renewal:
    """Where a stream of gaps stands: operational time so far, mean rate (1/s)."""

    __slots__ = ("operational", "rate_per_s")

    def __init__(self, rate_per_s: float) -> None:
        self.operational, self.rate_per_s = 0.0, rate_per_s


def exponential_fill(state: Renewal, chance: Chance, first: int, count: int, at: Any) -> None:
    """Instants of requests first..first + count - 1, a plain function: what `chunks` does with `exponential_gaps`."""
    for number in range(count):  # a loop of its own, which a compiler may do for several at once
        at[number] = draw(chance, ARRIVAL_GAP, first + number, 0, 0)
    operational = state.operational
    for number in range(count):
        operational += -math.log(at[number])
        at[number] = operational / state.rate_per_s
    state.operational = operational


class RenewalArrivals:
    """Independent, identically distributed gaps of mean 1 / rate; implements `sim.contracts.ArrivalLaw`."""

    terminating = False

    def __init__(self, rate_per_s: float, gaps: Gaps) -> None:
        self._rate_per_s, self._gaps = rate_per_s, gaps
        self.fill = exponential_fill if gaps is exponential_gaps else None
        self.stream = Renewal(rate_per_s)

    def rate_per_s(self) -> float:
        """Long-run mean rate, 1/s."""
        return self._rate_per_s

    def chunks(self, draws: Draws, horizon_s: float) -> Iterator[ArrivalChunk]:
        """Arrivals before `horizon_s`."""
        rate_per_s = self._rate_per_s
        return chunks(draws, horizon_s, self._gaps, lambda sums: [total / rate_per_s for total in sums])

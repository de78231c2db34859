"""Service demands by inversion: work of a request = quantile(u), u drawn for the request (and attempt) alone.

Laws: exponential; deterministic; lognormal of given mean and squared coefficient of variation (scv); hyperexponential
H2 with balanced means (p1 / mu1 = p2 / mu2; Whitt 1982), scv >= 1. Demands in seconds at speed 1. Only `math` functions
of one number (`engine_rules`: arithmetic), so that a compiled engine may draw the same bits inside its kernel.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.contracts import ArrivalChunk, Draws
from sim.errors import ConfigError
from sim.registry import register
from sim.runtime.draws import SERVICE_REQUEST
from sim.world.params import ServiceParams
from sim.world.service.normal import normal_quantile

SCV_MAX = 1e6
Rule = Callable[[Any, float], float]


class Coefficients:
    """Up to three numbers of a law, named where they are used."""

    __slots__ = ("a", "b", "c")

    def __init__(self, a: float, b: float = 0.0, c: float = 0.0) -> None:
        self.a, self.b, self.c = a, b, c


class InversionLaw:
    """Implements `sim.contracts.ServiceLaw` by one uniform a request; `rule(coefficients, u)` is a plain function."""

    def __init__(self, mean_s: float, rule: Rule, coefficients: Any) -> None:
        self._mean_s, self.rule, self.coefficients = mean_s, rule, coefficients

    def mean_s(self) -> float:
        """Mean demand in seconds."""
        return self._mean_s

    def work_s(
        self, draws: Draws, entities: NDArray[np.uint64], chunk: ArrivalChunk | None, attempt: int = 0
    ) -> list[float]:
        """Seconds of each entity; another `attempt` draws anew."""
        rule, coefficients = self.rule, self.coefficients
        return [rule(coefficients, u) for u in draws.uniforms_of(SERVICE_REQUEST, entities, 1, attempt)[:, 0].tolist()]


def exponential_work(of: Coefficients, u: float) -> float:
    """a: mean, seconds."""
    return -of.a * math.log(u)


def same_work(of: Coefficients, u: float) -> float:
    """a: what all demand, seconds."""
    return of.a


def lognormal_work(of: Coefficients, u: float) -> float:
    """a, b: mean and standard deviation of the logarithm."""
    return math.exp(of.a + of.b * normal_quantile(u))


def two_phase_work(of: Coefficients, u: float) -> float:
    """a: share of the short phase; b, c: means of the short and the long phase, seconds."""
    if u < of.a:
        return -of.b * math.log(u / of.a)
    return -of.c * math.log((u - of.a) / (1.0 - of.a))


@register("service", "exponential")
def exponential(params: ServiceParams) -> InversionLaw:
    """-mean log u."""
    return InversionLaw(params.mean_s, exponential_work, Coefficients(params.mean_s))


@register("service", "deterministic")
def deterministic(params: ServiceParams) -> InversionLaw:
    """Always the mean."""
    return InversionLaw(params.mean_s, same_work, Coefficients(params.mean_s))


@register("service", "lognormal")
def lognormal(params: ServiceParams) -> InversionLaw:
    """exp(m + s z) with s^2 = log(1 + scv), m = log(mean) - s^2 / 2."""
    variance = math.log1p(params.scv)
    location = math.log(params.mean_s) - variance / 2.0
    return InversionLaw(params.mean_s, lognormal_work, Coefficients(location, math.sqrt(variance)))


@register("service", "hyperexponential")
def hyperexponential(params: ServiceParams) -> InversionLaw:
    """With probability p exponential of mean / 2p, else of mean / 2(1 - p); at scv 1 an exponential.

    The uniform chooses the phase, and its place within the phase's share is the uniform of the phase, again inside
    (0, 1): p is a multiple of 2^-52 and draws are odd multiples of 2^-53.
    """
    if not 1.0 <= params.scv <= SCV_MAX:
        raise ConfigError("service.scv", params.scv, f"1 to {SCV_MAX:g} with service=hyperexponential")
    exact = 0.5 * (1.0 + math.sqrt((params.scv - 1.0) / (params.scv + 1.0)))
    p = math.floor(exact * 2.0**52) / 2.0**52  # a draw is never exactly p
    short_s, long_s = params.mean_s / (2.0 * p), params.mean_s / (2.0 * (1.0 - p))
    return InversionLaw(params.mean_s, two_phase_work, Coefficients(p, short_s, long_s))

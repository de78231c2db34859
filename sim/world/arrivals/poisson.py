"""Poisson arrivals: independent exponential gaps at a constant rate."""

from __future__ import annotations

from sim.registry import register
from sim.world.params import ArrivalParams
from sim.world.renewal import RenewalArrivals, exponential_gaps


@register("arrivals", "poisson")
def poisson(params: ArrivalParams, rate_per_s: float) -> RenewalArrivals:
    """Poisson arrivals of `rate_per_s`."""
    return RenewalArrivals(rate_per_s, exponential_gaps)

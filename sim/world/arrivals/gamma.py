"""Gamma renewal arrivals: gaps of mean 1 / rate and coefficient of variation `arrivals.cv` (bursty above 1)."""

from __future__ import annotations

from sim.errors import ConfigError
from sim.registry import register
from sim.world.params import ArrivalParams
from sim.world.renewal import RenewalArrivals, gamma_gaps


@register("arrivals", "gamma")
def gamma(params: ArrivalParams, rate_per_s: float) -> RenewalArrivals:
    """Raises `ConfigError` for a coefficient of variation of 0."""
    if params.cv == 0.0:
        raise ConfigError("arrivals.cv", params.cv, "above 0 (arrivals=deterministic has 0)")
    return RenewalArrivals(rate_per_s, gamma_gaps(params.cv))

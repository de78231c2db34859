"""A synthetic stand-in for a trace, from its published figures alone: token lengths and bursts.

Lengths: lognormal through the median; log-sd by least squares over ln(p90 / p50) and ln(p99 / p50) on the normal
quantiles, or where the 99th percentile stops short of the 90th's line (a context limit) the 90th's alone with a cut at
p99. Bursts: an interrupted Poisson process (Kuczura 1973: all requests come in bursts, which take 1 / ratio of the
time), with ratio R from the expected busiest second, m + sqrt(2 m ln n) = peak x mean (m = R x rate, n = span / R burst
seconds; extremes of a Poisson count taken as normal), and the mean burst b from the inter-arrival coefficient of
variation, cv^2 = 1 + 2 rate R (1 - 1/R)^2 b. For the Azure 2023 code trace (2.57/s, CV 13.2, peak 26 in 57 min) this is
R = 18, b = 2.1 s, calm 36 s. Rates in 1/s, durations in s.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from sim.world.service.normal import normal_quantile

Z90, Z99 = normal_quantile(0.9), normal_quantile(0.99)
CUT_RATIO = 0.85  # the p99's log-sd over the p90's below which the law is taken as cut
RATIO_MIN, RATIO_MAX, HALVINGS = 1.5, 1e6, 60


@dataclass(frozen=True, slots=True)
class LengthFit:
    """Keys of `service=llm` for one of the two lengths; `tokens_max` None: no cut."""

    median: float
    sigma: float
    tokens_max: int | None


@dataclass(frozen=True, slots=True)
class BurstFit:
    """Keys of `arrivals=mmpp`; at k times the rate the same bursts come with both stays divided by k."""

    burst_ratio: float
    burst_s: float
    calm_s: float


def fit_lengths(p50: float, p90: float, p99: float) -> LengthFit:
    """Lognormal of the given quantiles in tokens, 0 < p50 <= p90 <= p99."""
    y90, y99 = math.log(p90 / p50), math.log(p99 / p50)
    sigma90, sigma99 = y90 / Z90, y99 / Z99
    if sigma99 < CUT_RATIO * sigma90:
        return LengthFit(p50, sigma90, int(p99))
    return LengthFit(p50, (Z90 * y90 + Z99 * y99) / (Z90 * Z90 + Z99 * Z99), None)


def fit_bursts(rate_per_s: float, cv: float, peak_ratio: float, span_s: float) -> BurstFit | None:
    """Bursts of the given inter-arrival CV and busiest second over the mean; None where there are none (cv <= 1)."""
    if cv <= 1.0:
        return None

    def busiest(ratio: float) -> float:
        count = ratio * rate_per_s
        return count + math.sqrt(2.0 * count * math.log(max(span_s / ratio, 1.0)))

    low, high = RATIO_MIN, RATIO_MAX
    for _ in range(HALVINGS):  # by bisection on the logarithm
        middle = math.sqrt(low * high)
        if busiest(middle) < peak_ratio * rate_per_s:
            low = middle
        else:
            high = middle
    burst_s = (cv * cv - 1.0) / (2.0 * rate_per_s * low * (1.0 - 1.0 / low) * (1.0 - 1.0 / low))
    return BurstFit(low, burst_s, burst_s * (low - 1.0))

"""Most settings that look better are not: a claim's numbers under a prior that gives "no gain" a share of its own.

The surrogate says difference d with sd s for the best of many candidates, the setting that stands among them. Before,
with probability `NULL_PROB` nothing is to be gained, else the gain is above zero, the positive half of N(0,
`GAIN_SD`^2): what is worse than what stands is not the best. Then (spike and slab: Mitchell and Beauchamp 1988) P0 =
P(null | d) from the two marginal densities N(d; 0, s^2) and 2 N(d; 0, s^2 + t^2) Phi(m / v); given a gain it is N(m,
v^2) above zero, m = d t^2 / (t^2 + s^2), v^2 = s^2 t^2 / (t^2 + s^2); P(gain > 0) = 1 - P0, the mean is that of the
mixture, and the interval holds its middle 90 %.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.special import log_ndtr, ndtr, ndtri

NULL_PROB = 0.3
GAIN_SD = 0.4  # of the incumbent's value: wide, so that a large gain is not shrunk away


@dataclass(frozen=True, slots=True)
class Shrunk:
    """Mean, interval and P(gain > 0) of a difference after what was known before."""

    mean: float
    ci_low: float
    ci_high: float
    positive_prob: float


def shrink(d: float, s: float, ci_ratio: float, null_prob: float = NULL_PROB, gain_sd: float = GAIN_SD) -> Shrunk:
    """The belief about a gain whose estimate is `d` with sd `s`."""
    s2, t2 = max(s, 1e-12) ** 2, gain_sd**2
    m, v = d * t2 / (t2 + s2), math.sqrt(s2 * t2 / (s2 + t2))
    log_above = float(log_ndtr(m / v))
    log_odds = 0.5 * math.log(1.0 + t2 / s2) - 0.5 * d * d * (1.0 / s2 - 1.0 / (s2 + t2)) - math.log(2.0) - log_above
    log_odds += math.log(null_prob) - math.log1p(-null_prob) if null_prob > 0.0 else -math.inf
    null = 1.0 / (1.0 + math.exp(-min(max(log_odds, -700.0), 700.0)))
    mean = m + v * math.exp(-0.5 * (m / v) ** 2 - log_above) / math.sqrt(2.0 * math.pi)
    tail = 0.5 * (1.0 - ci_ratio)
    return Shrunk((1.0 - null) * mean, _quantile(tail, null, m, v), _quantile(1.0 - tail, null, m, v), 1.0 - null)


def _quantile(q: float, null: float, m: float, v: float) -> float:
    """Of the mixture of a point at zero and N(m, v^2) above zero."""
    if q <= null:
        return 0.0
    beyond = (1.0 - q) / (1.0 - null) * float(ndtr(m / v))  # of the whole normal, what lies above the quantile
    return max(m - v * float(ndtri(beyond)), 0.0) if beyond > 0.0 else 0.0

"""Most settings that look better are not: a claim's numbers under a prior that gives "no gain" a share of its own.

The surrogate says difference d with sd s for the best of many candidates. Before, with probability `NULL_PROB`
nothing is to be gained, else the gain is N(0, `GAIN_SD`^2). Then (spike and slab:
Mitchell and Beauchamp 1988) P0 = P(null | d) from the two marginal densities N(0, s^2) and N(0, s^2 + t^2); given a
gain it is N(m, v^2), m = d t^2 / (t^2 + s^2), v^2 = s^2 t^2 / (t^2 + s^2); the mean is (1 - P0) m, P(gain > 0) = (1 -
P0) Phi(m / v), and the interval holds the middle 90 % of the mixture.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.special import ndtr, ndtri

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
    log_odds = 0.5 * math.log(1.0 + t2 / s2) - 0.5 * d * d * (1.0 / s2 - 1.0 / (s2 + t2))
    log_odds += math.log(null_prob) - math.log1p(-null_prob) if null_prob > 0.0 else -math.inf
    null = 1.0 / (1.0 + math.exp(-min(max(log_odds, -700.0), 700.0)))
    m, v = d * t2 / (t2 + s2), math.sqrt(s2 * t2 / (s2 + t2))
    tail = 0.5 * (1.0 - ci_ratio)
    positive = (1.0 - null) * float(ndtr(m / v))
    return Shrunk((1.0 - null) * m, _quantile(tail, null, m, v), _quantile(1.0 - tail, null, m, v), positive)


def _quantile(q: float, null: float, m: float, v: float) -> float:
    """Of the mixture of a point at zero and N(m, v^2)."""
    below = (1.0 - null) * float(ndtr(-m / v))
    if q < below:
        return m + v * float(ndtri(q / (1.0 - null)))
    if q <= below + null:
        return 0.0
    return m + v * float(ndtri((q - null) / (1.0 - null)))

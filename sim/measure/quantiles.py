"""One quantile estimator for everything: the order statistic x[ceil(n p)] of the sorted sample.

It is the inverse of the empirical distribution function (Hyndman and Fan 1996, type 1; numpy's `inverted_cdf`): a
value that was observed, no interpolation across a gap in the tail. A quantile is reported where at least `BEYOND_MIN`
observations lie beyond it, n (1 - p) >= 10, else its own noise would be read as a result.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from sim.measure.summary import Floats

BEYOND_MIN = 10
_SLACK = 1e-9  # n p is a product of rounded numbers: 1000 * .95 must not become rank 951


def rank(count: int, prob: float) -> int:
    """1-based rank of the order statistic that estimates the `prob` quantile of `count` observations."""
    if not 0.0 < prob < 1.0:
        raise ValueError(f"prob={prob}: accepted is 0 < prob < 1")
    if count < 1:
        raise ValueError("a quantile needs at least one observation")
    return min(max(math.ceil(count * prob * (1.0 - _SLACK)), 1), count)


def reportable(count: int, prob: float) -> bool:
    """Whether at least `BEYOND_MIN` of `count` observations lie beyond the `prob` quantile."""
    return count * (1.0 - prob) >= BEYOND_MIN * (1.0 - _SLACK)


def quantiles(sample: Floats, probs: Sequence[float]) -> Floats:
    """Quantiles of an unsorted sample, shape (n,) -> shape (len(probs),); a partial sort, O(n).

    Raises ValueError on an empty sample or a probability outside (0, 1).
    """
    ranks = np.array([rank(len(sample), prob) - 1 for prob in probs], dtype=np.intp)
    parted = np.partition(sample, np.unique(ranks))
    return np.asarray(parted[ranks], dtype=np.float64)


def quantile(sample: Floats, prob: float) -> float:
    """One quantile of an unsorted sample, shape (n,)."""
    return float(quantiles(sample, (prob,))[0])


def sorted_quantiles(ordered: Floats, probs: Sequence[float]) -> Floats:
    """Quantiles of a sample that is sorted already, shape (n,) -> shape (len(probs),)."""
    ranks = np.array([rank(len(ordered), prob) - 1 for prob in probs], dtype=np.intp)
    return np.asarray(ordered[ranks], dtype=np.float64)

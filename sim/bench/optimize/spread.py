"""Intervals over seeds: whole seeds are drawn again (bootstrap by cluster), since a seed's answers go together.

Percentile intervals (Efron 1979) of any statistic of a set of seeds; chance comes from `Draws`, so that the same
records give the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from sim.runtime.draws import RESAMPLE, CounterDraws

TIMES = 2_000
Statistic = Callable[[Sequence[int]], float]  # of positions of seeds, some of them several times


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float


def over_seeds(count: int, statistic: Statistic, times: int = TIMES) -> Estimate:
    """The statistic of all `count` seeds and the 2.5 % and 97.5 % points of its resamples."""
    value = statistic(range(count))
    if count < 2:
        return Estimate(value, float("nan"), float("nan"))
    drawn = (CounterDraws(0, 0).uniforms(RESAMPLE, 0, times, count) * count).astype(int)
    resampled = np.array([statistic(row) for row in drawn.tolist()])
    kept = resampled[np.isfinite(resampled)]
    if not len(kept):
        return Estimate(value, float("nan"), float("nan"))
    low, high = np.quantile(kept, [0.025, 0.975])
    return Estimate(value, float(low), float(high))

"""Holt-Winters additive: level, trend and season of a series of bins, with the spread of its forecasts (Winters 1960).

y'(h) = level + (phi + ... + phi^h) trend + season(h); updates by the one-step error e: level += alpha e, trend = phi
trend + alpha beta e, season += gamma e (error form, Hyndman et al. 2008, 3.4.3; damped trend, Gardner and McKenzie
1985). The first season is seasonal naive: its mean is the level, its deviations are the season.
The variance h bins ahead is s2 (1 + sum over j < h of c_j^2), c_j = alpha (1 + beta (phi + ... + phi^j)) + gamma [j is
a whole season]; s2 is the mean square of the past one-step errors (exponentially weighted), at least the forecast
itself, since counts of independent arrivals have a variance of their mean.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

ALPHA, BETA, GAMMA, PHI = 0.2, 0.05, 0.3, 0.9  # damped, so that a burst is not carried on for hours
ERROR_WEIGHT = 0.05  # of a new squared error


class SeasonalForecast:
    """A forecast per bin, from the end of the first season on; state of `season_bins` + 3 numbers."""

    def __init__(self, season_bins: int) -> None:
        assert season_bins >= 2
        self.season_bins = season_bins
        self.bins_count = 0  # taken in so far
        self._first: list[float] = []
        self._season: list[float] = []
        self._level = self._trend = 0.0
        self._square: float | None = None

    @property
    def ready(self) -> bool:
        """Whether a season has been seen."""
        return bool(self._season)

    def add(self, value: float) -> None:
        """Take the next bin in; O(1)."""
        if self.ready:
            self._update(value)
        else:
            self._first.append(value)
            if len(self._first) == self.season_bins:
                self._begin(self._first)
        self.bins_count += 1

    def _begin(self, first: Sequence[float]) -> None:
        self._level = math.fsum(first) / len(first)
        self._season = [value - self._level for value in first]

    def _update(self, value: float) -> None:
        index = self.bins_count % self.season_bins
        damped = PHI * self._trend
        error = value - (self._level + damped + self._season[index])
        self._level += damped + ALPHA * error
        self._trend = damped + ALPHA * BETA * error
        self._season[index] += GAMMA * error
        square = error * error
        self._square = square if self._square is None else self._square + ERROR_WEIGHT * (square - self._square)

    def mean(self, ahead: int) -> float:
        """The forecast of the bin `ahead` >= 1 bins after the last one taken in; at least 0."""
        assert self.ready
        assert ahead >= 1
        damping = math.fsum(PHI**power for power in range(1, ahead + 1))
        index = (self.bins_count + ahead - 1) % self.season_bins
        return max(self._level + damping * self._trend + self._season[index], 0.0)

    def spread(self, ahead: int) -> float:
        """Standard deviation of what will be around `mean(ahead)`."""
        growth, damping = 1.0, 0.0
        for step in range(1, ahead):
            damping += PHI**step
            weight = ALPHA * (1.0 + BETA * damping) + (GAMMA if step % self.season_bins == 0 else 0.0)
            growth += weight * weight
        return math.sqrt(max(self._square or 0.0, self.mean(ahead)) * growth)

"""Statistics of a stream in bounded memory: gaps (Welford 1962), fullest windows, quantiles of a thinned sample.

Quantiles are exact up to VALUES_MAX values; beyond, every second value is dropped and from then on only every second
(fourth, ...) one is taken, a systematic sample of at least VALUES_MAX / 2. They are interpolated between order
statistics (Hyndman and Fan 1996, type 7).
"""

from __future__ import annotations

import math
from array import array

from sim.world.traces.facts import Sizes

VALUES_MAX = 2_000_000


class Gaps:
    """Mean and variance of the gaps between instants that never decrease, in one pass."""

    def __init__(self) -> None:
        self.count, self._mean, self._squares, self._last = 0, 0.0, 0.0, math.nan

    def add(self, at: float) -> None:
        """The next instant."""
        if not math.isnan(self._last):
            gap = at - self._last
            self.count += 1
            shift = gap - self._mean
            self._mean += shift / self.count
            self._squares += shift * (gap - self._mean)
        self._last = at

    def cv(self) -> float:
        """Standard deviation over mean; NaN without gaps or where all are 0."""
        return math.sqrt(self._squares / self.count) / self._mean if self.count and self._mean else math.nan


class Windows:
    """The fullest of the fixed windows of `length_s`, for instants that never decrease."""

    def __init__(self, length_s: float) -> None:
        self.length_s, self.fullest, self._index, self._count = length_s, 0, -1, 0

    def add(self, at: float) -> None:
        """The next instant."""
        index = int(at / self.length_s)
        if index != self._index:
            self._index, self._count = index, 0
        self._count += 1
        self.fullest = max(self.fullest, self._count)


class Sample:
    """Values, thinned when there are too many."""

    def __init__(self, values_max: int = VALUES_MAX) -> None:
        self.values, self._values_max, self._step, self._seen, self._sum = array("d"), values_max, 1, 0, 0.0

    def add(self, value: float) -> None:
        """The next value."""
        if self._seen % self._step == 0:
            if len(self.values) == self._values_max:
                self.values, self._step = self.values[::2], self._step * 2
            if self._seen % self._step == 0:
                self.values.append(value)
        self._seen += 1
        self._sum += value

    def sizes(self) -> Sizes:
        """Quantiles and mean of what was seen (one value or more)."""
        ordered = sorted(self.values)

        def quantile(share: float) -> float:
            place = share * (len(ordered) - 1)
            low = int(place)
            high = min(low + 1, len(ordered) - 1)
            return ordered[low] + (ordered[high] - ordered[low]) * (place - low)

        return Sizes(quantile(0.5), quantile(0.9), quantile(0.99), self._sum / self._seen)

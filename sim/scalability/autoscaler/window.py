"""Sliding windows over samples: the largest value, and the average.

A window of `window_s` at an instant holds the samples of (at - window_s, at]. The largest is kept in a deque of falling
values (O(1) amortized), the average over a deque of samples with an exact sum of what is in it. Both hold at most
`samples_max` samples; beyond that the oldest leave early.
"""

from __future__ import annotations

import math
from collections import deque

SAMPLES_MAX = 100_000


class WindowMax:
    """The largest of the values of the window."""

    def __init__(self, window_s: float, samples_max: int = SAMPLES_MAX) -> None:
        self.window_s = window_s
        self._falling: deque[tuple[float, int]] = deque(maxlen=samples_max)  # (at, value), the first is the largest

    def add(self, at: float, value: int) -> int:
        """Take a value in at an instant that is not before the last one; gives the largest of the window."""
        falling = self._falling
        while falling and falling[-1][1] <= value:
            falling.pop()
        falling.append((at, value))
        while falling[0][0] <= at - self.window_s and len(falling) > 1:
            falling.popleft()
        return falling[0][1]


class WindowMean:
    """The average of the samples of the window."""

    def __init__(self, window_s: float, samples_max: int = SAMPLES_MAX) -> None:
        self.window_s = window_s
        self._samples: deque[tuple[float, float]] = deque(maxlen=samples_max)

    def add(self, at: float, value: float) -> None:
        """Take a sample in at an instant that is not before the last one."""
        self._samples.append((at, value))
        while self._samples[0][0] <= at - self.window_s and len(self._samples) > 1:
            self._samples.popleft()

    def mean(self) -> float:
        """The average; NaN before the first sample."""
        return math.fsum(value for _, value in self._samples) / len(self._samples) if self._samples else math.nan

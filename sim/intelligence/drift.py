"""Has the world changed? A two-sided CUSUM over standardized one-step-ahead residuals (Page 1954).

r = (seen - predicted) / sd, each clipped to `CLIP` so that one wild window is no change; up = max(0, up + r - k),
down likewise, an alarm above h. With k = .5 and h = 5 in-control runs last 465 windows on average, a shift of 1.5 sd
is found in about 6 (Montgomery 2009, 9.1). Where the sum last left zero is where the change began, so that all before
may be forgotten. Contexts are watched in the same way about their own mean.
"""

from __future__ import annotations

CLIP = 4.0


class Cusum:
    """`add` says whether to alarm; `since` counts the windows from the change's likely begin, this one included."""

    def __init__(self, slack: float = 0.5, threshold: float = 5.0) -> None:
        self.slack, self.threshold = slack, threshold
        self.alarms_count = 0
        self.reset()

    def reset(self) -> None:
        """As after an alarm was dealt with."""
        self._sums = [0.0, 0.0]
        self._runs = [0, 0]

    @property
    def since(self) -> int:
        """Windows since the larger sum left zero."""
        return self._runs[0] if self._sums[0] >= self._sums[1] else self._runs[1]

    def add(self, residual: float) -> bool:
        """One more residual in sd."""
        held = min(max(residual, -CLIP), CLIP)
        for side, value in enumerate((held, -held)):
            grown = self._sums[side] + value - self.slack
            self._sums[side] = max(grown, 0.0)
            self._runs[side] = self._runs[side] + 1 if grown > 0.0 else 0
        if max(self._sums) <= self.threshold:
            return False
        self.alarms_count += 1
        return True

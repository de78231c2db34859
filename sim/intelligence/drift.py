"""Has the world changed? A two-sided CUSUM over standardized one-step-ahead residuals (Page 1954).

r = (seen - predicted) / sd, each clipped to `CLIP` so that one wild window is no change; up = max(0, up + r - k),
down likewise, an alarm above h. With k = .5 and h = 5 in-control runs last 465 windows on average, a shift of 1.5 sd
is found in about 6 (Montgomery 2009, 9.1). The change began where the likelihood of a shift of unknown size since then
is largest: the k last residuals of largest (sum r)^2 / k (Hinkley 1970), so that all before may be forgotten. Contexts
are watched in the same way about their own mean.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from itertools import accumulate

CLIP = 4.0
RECENT_MAX = 60  # residuals among which a change's begin is looked for


def likely_since(residuals: Iterable[float], side: float) -> int:
    """Of residuals in sd, oldest first, how many the most likely shift to that side (1 or -1) has lasted; 0 of none."""
    totals = accumulate(side * value for value in reversed(list(residuals)))
    likely = [max(total, 0.0) ** 2 / count for count, total in enumerate(totals, start=1)]
    return 1 + likely.index(max(likely)) if likely else 0


def held(residual: float) -> float:
    """A residual within `CLIP`."""
    return min(max(residual, -CLIP), CLIP)


class Cusum:
    """`add` says whether to alarm; `since` counts the windows from the change's likely begin, this one included."""

    def __init__(self, slack: float = 0.5, threshold: float = 5.0) -> None:
        self.slack, self.threshold = slack, threshold
        self.alarms_count = 0
        self.reset()

    def reset(self) -> None:
        """As after an alarm was dealt with."""
        self._sums = [0.0, 0.0]
        self._recent: deque[float] = deque(maxlen=RECENT_MAX)

    @property
    def side(self) -> float:
        """Of the larger sum: 1 for more than expected, -1 for less."""
        return 1.0 if self._sums[0] >= self._sums[1] else -1.0

    @property
    def since(self) -> int:
        """Residuals since the most likely begin of a change towards the larger sum, the last one included."""
        return likely_since(self._recent, self.side)

    def add(self, residual: float) -> bool:
        """One more residual in sd."""
        value = held(residual)
        for at, towards in enumerate((value, -value)):
            self._sums[at] = max(self._sums[at] + towards - self.slack, 0.0)
        self._recent.append(value)
        if max(self._sums) <= self.threshold:
            return False
        self.alarms_count += 1
        return True

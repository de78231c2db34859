"""Drift of what the surrogates believed and of the contexts met, window by window.

A residual counts only where the belief is surer than a window's own noise: elsewhere it shows what was not known, not
what has changed. One that is larger than `SURPRISE` asks for a setting to be run again that was run before: if the
world has changed it shows, and if the belief was wrong it does not. Contexts are compared with their own past: the
scaled mean of each number, over its spread.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from sim.intelligence import transforms
from sim.intelligence.beliefs import Beliefs
from sim.intelligence.drift import RECENT_MAX, Cusum
from sim.intelligence.protocol import Window
from sim.intelligence.rows import rows_of

WARM_WINDOWS = 20  # of memory before a residual means anything
SURE_RATIO = 0.3  # of the belief's variance over that of a window
SURPRISE = 2.5  # sd of a window
QUIET_WINDOWS = 12  # after an alarm, while the beliefs find their feet, none follows


class DriftWatch:
    """`see` gives what changed (`target` or `context`), or an empty word."""

    def __init__(self, slack: float = 0.5, threshold: float = 5.0) -> None:
        self.residuals = Cusum(slack, threshold)
        self.contexts = Cusum(1.0, 2.0 * threshold)
        self.is_surprised = False  # by the last window
        self._quiet = 0
        self._seen = 0
        self._counted: deque[int] = deque(maxlen=RECENT_MAX)  # windows whose residual counted

    def see(self, beliefs: Beliefs, window: Window) -> str:
        """One more window, before the beliefs learn from it."""
        self.is_surprised = False
        self._seen += 1
        self._quiet = max(self._quiet - 1, 0)
        if beliefs.rows_count < WARM_WINDOWS or beliefs.target not in window.means:
            return ""
        rows = rows_of([window], beliefs.space, beliefs.scale, beliefs.target)
        mean, sd = beliefs.surrogate.predict(rows.x, rows.z)
        noise = beliefs.typical_noise if beliefs.typical_noise > 0.0 else float(rows.noise[0])
        total = float(beliefs.surrogate.observed_sd(sd, np.array([max(float(rows.noise[0]), noise)]))[0])
        if not self._quiet and sd[0] ** 2 <= SURE_RATIO * (total**2 - sd[0] ** 2):
            residual = transforms.sign_of(beliefs.target) * float(rows.y[0] - mean[0]) / total
            self.is_surprised = abs(residual) > SURPRISE
            self._counted.append(self._seen)
            if self.residuals.add(residual):
                return "target"
        if beliefs.scale.names and self.contexts.add(2.0 * float(rows.z[0].mean()) * len(beliefs.scale.names) ** 0.5):
            return "context"
        return ""

    def since(self, what: str) -> int:
        """Windows since that change likely began, the last one included; both watches start anew."""
        count = (self.contexts if what == "context" else self.residuals).since
        if what != "context" and count:
            count = self._seen - self._counted[-count] + 1
        self.residuals.reset()
        self.contexts.reset()
        self._counted.clear()
        self._quiet = QUIET_WINDOWS
        return count

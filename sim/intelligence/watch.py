"""Drift of what the surrogates believed and of the contexts met, window by window.

Two charts watch the residuals, since none finds small changes and large ones soon (Sparks 2000): the one for small
changes counts where the belief is surer than a window's own noise (elsewhere a residual shows what was not known, not
what has changed), the one for jumps where it is as sure as that: there a window far off may still be ignorance, two of
them in a row are not. A residual in the first chart that is larger than `SURPRISE` asks for a setting to be run again
that was run before: if the world has changed it shows, and if the belief was wrong it does not. Contexts are compared
with their own past: the scaled mean of each number, over its spread.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from sim.intelligence import transforms
from sim.intelligence.beliefs import Beliefs
from sim.intelligence.drift import RECENT_MAX, Cusum, held, likely_since
from sim.intelligence.protocol import Window
from sim.intelligence.rows import rows_of

WARM_WINDOWS = 20  # of memory before a residual means anything
SURE_RATIO = 0.3  # of the belief's variance over that of a window
# Worked out from residuals of seeds 2005 to 2094: 90 of 90 sudden changes are found within 5 windows, 88 without this
# chart, and 1.08 windows late for 1.50.
JUMP_SURE_RATIO, JUMP_SLACK, JUMP_THRESHOLD = 1.0, 1.5, 4.5
SURPRISE = 2.5  # sd of a window
QUIET_WINDOWS = 12  # after an alarm, while the beliefs find their feet, none follows


class DriftWatch:
    """`see` gives what changed (`target` or `context`), or an empty word."""

    def __init__(self, slack: float = 0.5, threshold: float = 5.0) -> None:
        self.small, self.jump = Cusum(slack, threshold), Cusum(JUMP_SLACK, JUMP_THRESHOLD)
        self.contexts = Cusum(1.0, 2.0 * threshold)
        self.is_surprised = False  # by the last window
        self._recent: deque[float] = deque(maxlen=RECENT_MAX)  # residuals of all windows, whoever counts them
        self._side = 1.0  # of the last alarm
        self._quiet = 0

    def see(self, beliefs: Beliefs, window: Window) -> str:
        """One more window, before the beliefs learn from it."""
        self.is_surprised = False
        self._quiet = max(self._quiet - 1, 0)
        if beliefs.rows_count < WARM_WINDOWS or beliefs.target not in window.means:
            return ""
        rows = rows_of([window], beliefs.space, beliefs.scale, beliefs.target)
        mean, sd = beliefs.surrogate.predict(rows.x, rows.z)
        noise = beliefs.typical_noise if beliefs.typical_noise > 0.0 else float(rows.noise[0])
        total = float(beliefs.surrogate.observed_sd(sd, np.array([max(float(rows.noise[0]), noise)]))[0])
        own = total**2 - float(sd[0]) ** 2
        residual = transforms.sign_of(beliefs.target) * float(rows.y[0] - mean[0]) / total
        if not self._quiet and self._is_alarming(residual, float(sd[0]) ** 2, own):
            return "target"
        if beliefs.scale.names and self.contexts.add(2.0 * float(rows.z[0].mean()) * len(beliefs.scale.names) ** 0.5):
            return "context"
        return ""

    def _is_alarming(self, residual: float, variance: float, own: float) -> bool:
        self.is_surprised = abs(residual) > SURPRISE and variance <= SURE_RATIO * own
        self._recent.append(held(residual))
        charts = ((self.small, SURE_RATIO), (self.jump, JUMP_SURE_RATIO))
        alarmed = [chart for chart, ratio in charts if variance <= ratio * own and chart.add(residual)]
        if alarmed:
            self._side = alarmed[0].side
        return bool(alarmed)

    def since(self, what: str) -> int:
        """Windows since that change likely began, the last one included; all charts start anew."""
        count = self.contexts.since if what == "context" else likely_since(self._recent, self._side)
        for chart in (self.small, self.jump, self.contexts):
            chart.reset()
        self._recent.clear()
        self._quiet = QUIET_WINDOWS
        return count

"""The trust region: a box around a center inside which anything may be tried; it moves and grows with what is found.

After Eriksson et al. (2019, TuRBO): a move to a better center grows the box, a spell without one shrinks it. The
center moves only when the surrogate gives the new one a probability of `MOVE_PROB` to be better than the old, so that
one lucky window moves nothing. Unit-cube lengths.
"""

from __future__ import annotations

import numpy as np

from sim.intelligence.space import Floats

MOVE_PROB = 0.7
GROWTH, SHRINK = 1.3, 0.85
PATIENCE_WINDOWS = 15  # without a move before the box shrinks


class TrustRegion:
    """Half widths are the same for all parameters and stay in `half_min`..`half_max`."""

    def __init__(self, center: Floats, half: float, half_min: float, half_max: float) -> None:
        self.center, self.half, self.half_min, self.half_max = center.copy(), half, half_min, half_max
        self.idle_windows = 0

    @property
    def low(self) -> Floats:
        """Lower corner (p,)."""
        return np.maximum(self.center - self.half, 0.0)

    @property
    def high(self) -> Floats:
        """Upper corner (p,)."""
        return np.minimum(self.center + self.half, 1.0)

    @property
    def volume(self) -> float:
        """Of the box."""
        return float(np.prod(self.high - self.low))

    def inside(self, points: Floats) -> Floats:
        """Points (m, p) clipped to the box."""
        return np.clip(points, self.low, self.high)

    def consider(self, point: Floats, better_prob: float) -> bool:
        """Move to a point if it is likely better; whether it moved."""
        if better_prob >= MOVE_PROB and bool(np.any(np.abs(point - self.center) > 1e-9)):
            if float(np.max(np.abs(point - self.center))) > 0.5 * self.half:
                self.half = min(self.half * GROWTH, self.half_max)
            self.center = point.copy()
            self.idle_windows = 0
            return True
        self.idle_windows += 1
        if self.idle_windows >= PATIENCE_WINDOWS:
            self.half = max(self.half * SHRINK, self.half_min)
            self.idle_windows = 0
        return False

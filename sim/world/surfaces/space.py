"""The parameters of an agent that an optimizer may set: names, bounds and scale.

A point is a row of floats in the order of `NAMES`; its unit cube is linear in temperature and logarithmic in the three
counts, since their effects go by ratios.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
NAMES = ("temperature", "max_tokens", "context_tokens", "concurrency")
TEMPERATURE, MAX_TOKENS, CONTEXT_TOKENS, CONCURRENCY = range(4)
LOGARITHMIC_FROM = MAX_TOKENS


@dataclass(frozen=True, slots=True)
class Space:
    """Bounds of the four parameters; counts are whole numbers once `snapped`."""

    low: tuple[float, float, float, float] = (0.0, 128.0, 512.0, 1.0)
    high: tuple[float, float, float, float] = (1.6, 8_192.0, 65_536.0, 64.0)
    names: tuple[str, ...] = NAMES

    def from_unit(self, unit: Floats) -> Floats:
        """Points (m, 4) of the unit cube as parameters, snapped."""
        return self.snapped(self.loose(unit))

    def loose(self, unit: Floats) -> Floats:
        """Points (m, 4) of the unit cube as parameters, counts not yet whole."""
        low, high = np.array(self.low), np.array(self.high)
        points: Floats = low + unit * (high - low)
        for at in range(LOGARITHMIC_FROM, len(NAMES)):
            points[:, at] = low[at] * (high[at] / low[at]) ** unit[:, at]
        return points

    def to_unit(self, points: Floats) -> Floats:
        """Parameters (m, 4) as points of the unit cube."""
        low, high = np.array(self.low), np.array(self.high)
        held = np.clip(points, low, high)
        unit: Floats = (held - low) / (high - low)
        for at in range(LOGARITHMIC_FROM, len(NAMES)):
            unit[:, at] = np.log(held[:, at] / low[at]) / np.log(high[at] / low[at])
        return unit

    def snapped(self, points: Floats) -> Floats:
        """Within the bounds, counts rounded."""
        held: Floats = np.clip(np.asarray(points, dtype=np.float64), np.array(self.low), np.array(self.high))
        held[:, LOGARITHMIC_FROM:] = np.rint(held[:, LOGARITHMIC_FROM:])
        return held

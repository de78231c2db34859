"""A log that lies: the operator gave hard tasks more tokens and busy hours fewer slots, so that both look bad.

One hundred windows of such a log are told before the first ask: max_tokens = 2,500 exp(hardness / 2) and concurrency =
60 exp(-load), each times a small factor of chance; temperature and context are moved by chance alone. A fit that
does not know of hardness and load learns that long answers harm.
"""

from __future__ import annotations

import math

import numpy as np

from sim.contracts import Draws
from sim.registry import register
from sim.runtime.draws import SURFACE_OPERATOR
from sim.world.surfaces.surface import Context, Point, Surface

WINDOWS = 100


class Confounded(Surface):
    """The fitted agent with an operator."""

    __slots__ = ()

    def operator(self, draws: Draws, window: int, context: Context) -> Point:
        """What the operator set."""
        load, hardness = context
        u = [draws.uniform(SURFACE_OPERATOR, window, index=index) for index in range(4)]
        tokens = 2_500.0 * math.exp(0.5 * hardness + 0.3 * (u[1] - 0.5))
        slots = 60.0 * math.exp(-load + 0.4 * (u[3] - 0.5))
        point = self.space.snapped(np.array([[0.4 + 0.6 * u[0], tokens, 8_192.0 * math.exp(u[2] - 0.5), slots]]))[0]
        return (float(point[0]), float(point[1]), float(point[2]), float(point[3]))


@register("surface", "confounded")
def confounded() -> Surface:
    """The incumbent is what the operator sets on a plain hour."""
    plain = (0.7, 2_500.0, 8_192.0, 24.0)
    return Confounded("confounded", incumbent=plain, loads=(0.6, 1.2), hardnesses=(-1.2, 0.0, 1.2), log_windows=WINDOWS)

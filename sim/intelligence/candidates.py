"""Points worth a look inside the trust region: uniform ones, one-parameter moves, and clouds around what is best.

Chance by (purpose, window, point): the same window has the same candidates in every run of the same seed. Unit cube.
"""

from __future__ import annotations

import numpy as np

from sim.contracts import Draws
from sim.intelligence.region import TrustRegion
from sim.intelligence.space import Floats
from sim.runtime.draws import OPTIMIZER_POINT

UNIFORM, CLOUD = 150, 60
CLOUD_WIDTH = 0.25  # of the box's half width
MOVED_PROB = 0.5  # of each parameter in half of the cloud
WINDOW_SHIFT = 20


def uniform(draws: Draws, region: TrustRegion, step: int, count: int, attempt: int = 0) -> Floats:
    """Points (count, p) spread over the box."""
    u = draws.uniforms(OPTIMIZER_POINT, step << WINDOW_SHIFT, count, len(region.center), attempt)
    return np.asarray(region.low + u * (region.high - region.low))


def cloud(
    draws: Draws, region: TrustRegion, step: int, around: Floats, width: float, attempt: int, count: int = CLOUD
) -> Floats:
    """Points (count, p) near `around`, half of them moved in some parameters only."""
    p = len(region.center)
    u = draws.uniforms(OPTIMIZER_POINT, step << WINDOW_SHIFT, count, 2 * p, attempt)
    moved = (u[:, p:] < MOVED_PROB) | (np.arange(count) % 2 == 0)[:, None]
    return region.inside(around + width * (2.0 * u[:, :p] - 1.0) * moved)


def candidates(draws: Draws, region: TrustRegion, step: int, known: Floats) -> Floats:
    """All points of a step; `known` (k, p) are places to look around and to consider themselves."""
    parts = [region.inside(known), uniform(draws, region, step, UNIFORM)]
    for at, point in enumerate(known):
        parts.append(cloud(draws, region, step, point, CLOUD_WIDTH * region.half, 1 + at))
        parts.append(region.inside(_corners(point, region)))
    return np.vstack(parts)


def _corners(point: Floats, region: TrustRegion) -> Floats:
    """The point with each parameter in turn at either end of the box."""
    rows = []
    for at in range(len(point)):
        for end in (region.low[at], region.high[at]):
            row = point.copy()
            row[at] = end
            rows.append(row)
    return np.array(rows)

"""What one more window at a point is worth: how much better the best is then believed to be, on average.

The knowledge gradient for correlated normal beliefs (Frazier, Powell and Dayanik 2009): a window at x moves the belief
about x' by c(x', x) / sd(window) times a standard normal Z, so that its worth is E max_x' (m(x') + c(x', x) Z / sd) -
max m. Unlike expected improvement at x it counts what x tells of the other points and how noisy a window is. The mean
over Z is by Gauss and Hermite's rule. One noisy window alone is worth next to nothing anywhere (the worth of repeats is
convex at first: Frazier and Powell 2010), so that a point is valued by as many windows there as it may still get: as
much is taken to be to come as was seen, and a place to get `REPEATED_RATIO` of it.
"""

from __future__ import annotations

import numpy as np

from sim.intelligence.space import Floats

NODES = 15
REPEATED_RATIO = 0.25
_Z, _RAW = np.polynomial.hermite_e.hermegauss(NODES)
_SHARES = _RAW / _RAW.sum()


def repeats(seen_count: int) -> float:
    """Windows that a point is valued by after so many."""
    return max(REPEATED_RATIO * seen_count, 1.0)


def knowledge_gain(mean: Floats, covariance: Floats, noise: float) -> Floats:
    """Worth (m,) of a window at each of m points, by the mean (m,) and covariance (m, m) of what is believed of them.

    `noise` is the variance of a window. On the scale of `mean`, never below zero.
    """
    moved = covariance / np.sqrt(np.diag(covariance) + noise)[:, None]  # row x: what a window at x moves
    best, held = np.zeros(len(mean)), np.empty_like(moved)
    for z, share in zip(_Z, _SHARES, strict=True):
        np.multiply(moved, z, out=held)
        held += mean
        best += share * held.max(axis=1)
    return np.asarray(np.maximum(best - mean.max(), 0.0))

"""Covariances of the Gaussian process: Matern 5/2 with a length scale for each input (ARD).

k = s^2 (1 + a + a^2/3) exp(-a), a = sqrt(5) r, r^2 = sum (d_i / l_i)^2 (Rasmussen and Williams 2006, 4.2), and its
derivatives by the logarithms of s and l. A second term over the context alone takes what a setting cannot change; in a
difference of two settings it cancels.
"""

from __future__ import annotations

import numpy as np

from sim.intelligence.space import Floats

ROOT5 = 5.0**0.5


def matern(a: Floats, b: Floats, lengths: Floats) -> Floats:
    """Correlations (m, n) of inputs (m, d) and (n, d)."""
    left, right = a / lengths, b / lengths
    square = (left**2).sum(axis=1)[:, None] + (right**2).sum(axis=1)[None, :] - 2.0 * left @ right.T
    scaled = ROOT5 * np.sqrt(np.maximum(square, 0.0))
    return np.asarray((1.0 + scaled + scaled**2 / 3.0) * np.exp(-scaled))


def squares(a: Floats) -> Floats:
    """Squared distances by input (d, n, n) of inputs (n, d)."""
    return np.asarray((a.T[:, :, None] - a.T[:, None, :]) ** 2)


def matern_slopes(apart: Floats, lengths: Floats) -> tuple[Floats, Floats]:
    """Correlations (n, n) from squared distances (d, n, n), and derivatives (d, n, n) by the log lengths."""
    parts = apart / (lengths**2)[:, None, None]
    scaled = ROOT5 * np.sqrt(parts.sum(axis=0))
    fading = np.exp(-scaled)
    value = (1.0 + scaled + scaled**2 / 3.0) * fading
    return value, (5.0 / 3.0) * (1.0 + scaled)[None, :, :] * fading[None, :, :] * parts

"""Covariances of the Gaussian process: Matern 5/2 with a length scale for each input (ARD).

k = s^2 (1 + a + a^2/3) exp(-a), a = sqrt(5) r, r^2 = sum (d_i / l_i)^2 (Rasmussen and Williams 2006, 4.2). Its
derivative by log l_i is s^2 (5/3) (1 + a) exp(-a) (d_i / l_i)^2, so that a gradient needs one matrix and the squared
distances by input, laid out (d, n^2) for one product with each.
"""

from __future__ import annotations

import numpy as np

from sim.intelligence.space import Floats

ROOT5 = 5.0**0.5


def matern(a: Floats, b: Floats, lengths: Floats) -> Floats:
    """Correlations (m, n) of inputs (m, d) and (n, d)."""
    left, right = a / lengths, b / lengths
    square = left @ (-2.0 * right.T)
    square += (left**2).sum(axis=1)[:, None]
    square += (right**2).sum(axis=1)[None, :]
    return of_distance(ROOT5 * np.sqrt(np.maximum(square, 0.0)))


def of_distance(scaled: Floats) -> Floats:
    """Correlations from sqrt(5) r."""
    return np.asarray((1.0 + scaled + scaled**2 / 3.0) * np.exp(-scaled))


def squares(a: Floats) -> Floats:
    """Squared distances by input (d, n^2) of inputs (n, d)."""
    return np.asarray(((a.T[:, :, None] - a.T[:, None, :]) ** 2).reshape(a.shape[1], len(a) ** 2))


def matern_steep(apart: Floats, lengths: Floats) -> tuple[Floats, Floats]:
    """Correlations (n^2,) from squared distances (d, n^2), and what times apart_i / l_i^2 is the slope by log l_i."""
    scaled = ROOT5 * np.sqrt((1.0 / lengths**2) @ apart)
    fading = np.exp(-scaled)
    return (1.0 + scaled + scaled**2 / 3.0) * fading, (5.0 / 3.0) * (1.0 + scaled) * fading

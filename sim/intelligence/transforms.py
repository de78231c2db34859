"""The scale on which a target is modeled: log for seconds, arcsine root for rates, as it is for the rest.

A surrogate with one noise level fits better where the spread does not follow the mean: log t for times, asin(sqrt(p))
for shares (Anscombe 1948: variance 1/4n whatever p). The noise of a window's mean follows by the delta method:
var(g(mean)) = g'(mean)^2 var / n.
"""

from __future__ import annotations

import numpy as np

from sim.intelligence.space import Floats

LOG = ("response_time", "cost")
RATES = ("success_rate", "user_satisfaction", "task_completion_rate", "error_rate", "resource_usage")
SMALLER_IS_BETTER = ("response_time", "cost", "error_rate", "resource_usage")
TINY = 1e-9


def sign_of(target: str) -> float:
    """+1 where more is better, -1 where less is."""
    return -1.0 if target in SMALLER_IS_BETTER else 1.0


def forward(target: str, mean: Floats) -> Floats:
    """Means on the modeled scale."""
    if target in LOG:
        return np.log(np.maximum(mean, TINY))
    if target in RATES:
        return np.arcsin(np.sqrt(np.clip(mean, 0.0, 1.0)))
    return np.asarray(mean, dtype=np.float64)


def backward(target: str, value: Floats) -> Floats:
    """The target's own units."""
    if target in LOG:
        return np.exp(value)
    if target in RATES:
        return np.asarray(np.sin(np.clip(value, 0.0, np.pi / 2.0)) ** 2)
    return np.asarray(value, dtype=np.float64)


def slope(target: str, value: Floats) -> Floats:
    """Derivative of `backward`."""
    if target in LOG:
        return np.exp(value)
    if target in RATES:
        return np.asarray(np.sin(2.0 * np.clip(value, 0.0, np.pi / 2.0)))
    return np.ones_like(value)


def noise(target: str, mean: Floats, variance: Floats, n: Floats) -> Floats:
    """Variance of a window's mean on the modeled scale."""
    if target in LOG:
        return np.asarray(variance / n / np.maximum(mean, TINY) ** 2)
    if target in RATES:
        held = np.clip(mean, 0.5 / n, 1.0 - 0.5 / n)
        return np.asarray(np.maximum(variance / n, TINY) / (4.0 * held * (1.0 - held)))
    return np.asarray(variance / n)

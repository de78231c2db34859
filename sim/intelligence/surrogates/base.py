"""What every surrogate answers: a window's value, and the difference of two settings, each with its uncertainty.

A difference is asked for directly, since what two settings share (the context, the level) cancels in it. All numbers
are on the target's modeled scale; sd are of the belief in the mean, without the noise of a window unless said so.
"""

from __future__ import annotations

from typing import Protocol

from sim.intelligence.rows import Rows
from sim.intelligence.space import Floats


class Surrogate(Protocol):
    """Fitted by `fit`; the others need that first."""

    kind: str

    def fit(self, rows: Rows) -> None:
        """Learn from windows."""

    def predict(self, x: Floats, z: Floats) -> tuple[Floats, Floats]:
        """Mean and sd (m,) of the value at parameters (m, p), each in its context (m, c)."""

    def observed_sd(self, sd: Floats, noise: Floats) -> Floats:
        """Sd (m,) of what windows with these noise variances will show, given that of their means."""

    def difference(self, x: Floats, base: Floats, contexts: Floats, shares: Floats) -> tuple[Floats, Floats]:
        """Mean and sd (m,) of value(x) - value(base), (m, p) and (p,), over contexts (c, k) with shares (c,)."""

    def contrast(self, x: Floats, z: Floats, weights: Floats) -> tuple[float, float]:
        """Mean and sd of sum_i weights_i value(x_i, z_i), (k, p), (k, c), (k,), where the weights sum to zero."""

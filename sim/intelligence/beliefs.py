"""What is believed from the windows in memory: a surrogate of the objective and one for each guardrail.

Scales are searched for every `refit_every` windows, weights are renewed with each. A guardrail is asked for the mean
over the contexts in the target's own units; its sd takes contexts as fully correlated, which errs on the safe side.
Only the Gaussian process can use windows from before a drift alarm; the other surrogates begin anew.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import ndtr

from sim.intelligence import transforms
from sim.intelligence.protocol import Guardrail, Window
from sim.intelligence.rows import ContextScale, Rows, capped, clipped, contexts_of, rows_of
from sim.intelligence.space import Floats, Space
from sim.intelligence.surrogates.base import Surrogate
from sim.intelligence.surrogates.gp import GaussianProcess
from sim.intelligence.taught import PROOF

CURRENT_MIN = 4  # windows since a drift alarm from which on the others are left out


class Beliefs:
    """Fitted to `windows`; `contexts` (c, k) and `shares` (c,) are what they met."""

    def __init__(self, space: Space, target: str, surrogate: Surrogate, guardrails: Sequence[Guardrail]) -> None:
        self.space, self.target, self.surrogate = space, target, surrogate
        self.guards = [(guardrail, GaussianProcess()) for guardrail in guardrails]
        self.scale = ContextScale.of(())
        self.contexts: Floats = np.zeros((1, 0))
        self.shares: Floats = np.ones(1)
        self.rows_count = 0
        self.typical_noise = 0.0

    def learn(self, windows: Sequence[Window], base: Floats, fully: bool, old_count: int = 0) -> None:
        """From all windows in memory, `base` the incumbent; `fully` searches for the scales again."""
        names = self.scale.names
        if fully or not self.rows_count:
            self.scale = ContextScale.of(windows)
        self.contexts, self.shares = contexts_of(windows, self.scale)
        fully = fully or self.scale.names != names or not self.rows_count
        rows = self._clipped(windows, base, old_count)
        self.rows_count = len(rows)
        self.typical_noise = _typical(windows, self.target, rows.noise)
        if not isinstance(self.surrogate, GaussianProcess):
            if fully:
                self.surrogate.fit(rows)
        elif fully:
            self.surrogate.fit(rows)
        else:
            self.surrogate.refresh(rows)
        for guardrail, surrogate in self.guards:
            held = rows_of(windows, self.space, self.scale, guardrail.target, old_count)
            held = capped(held, guardrail.target, guardrail.maximum)
            if fully:
                surrogate.fit(held)
            else:
                surrogate.refresh(held)

    def likeliest_change(self, windows: Sequence[Window], base: Floats, old_count: int, latest: int) -> int:
        """Of `old_count` to `latest` windows before the change, the number under which all are likeliest."""
        held = list(windows)
        if not isinstance(self.surrogate, GaussianProcess) or not all(self.target in each.means for each in held):
            return old_count
        self.scale = ContextScale.of(held)
        return self.surrogate.likeliest_change(self._clipped(held, base, old_count), latest)

    def rows(self, windows: Sequence[Window], base: Floats, old_count: int = 0) -> Rows:
        """What the surrogate would learn from, contexts scaled anew."""
        self.scale = ContextScale.of(windows)
        return self._clipped(windows, base, old_count)

    def _clipped(self, windows: Sequence[Window], base: Floats, old_count: int) -> Rows:
        rows = rows_of(windows, self.space, self.scale, self.target, old_count)
        usual = _typical(windows, self.target, rows.noise)
        if not isinstance(self.surrogate, GaussianProcess) and len(rows) - rows.old_count >= CURRENT_MIN:
            rows = rows.current()
        return clipped(rows, base, transforms.sign_of(self.target), usual)

    def guard_prob(self, points: Floats, contexts: Floats, shares: Floats) -> Floats:
        """Probability (m,) that all guardrails hold (the product), in the mean over contexts."""
        prob = np.ones(len(points))
        for guardrail, surrogate in self.guards:
            mean, sd = np.zeros(len(points)), np.zeros(len(points))
            for context, share in zip(contexts, shares, strict=True):
                value, spread = surrogate.predict(points, np.tile(context, (len(points), 1)))
                mean += share * transforms.backward(guardrail.target, value)
                sd += share * np.abs(transforms.slope(guardrail.target, value)) * spread
            sd = np.maximum(sd, 1e-9)
            below = ndtr((guardrail.maximum - mean) / sd) if np.isfinite(guardrail.maximum) else 1.0
            above = ndtr((mean - guardrail.minimum) / sd) if np.isfinite(guardrail.minimum) else 1.0
            prob = prob * below * above
        return prob

    def no_worse_prob(self, points: Floats, base: Floats, contexts: Floats, shares: Floats) -> Floats:
        """Probability (m,) that no guarded target is worse than under `base` (the product), contexts averaged."""
        prob = np.ones(len(points))
        for guardrail, surrogate in self.guards:
            mean, sd = surrogate.difference(points, base, contexts, shares)
            if np.isfinite(guardrail.maximum):
                prob = prob * ndtr(-mean / sd)
            if np.isfinite(guardrail.minimum):
                prob = prob * ndtr(mean / sd)
        return prob

    def gain(self, points: Floats, base: Floats, contexts: Floats, shares: Floats) -> tuple[Floats, Floats]:
        """Mean and sd (m,) of how much better points are than `base`, on the modeled scale, positive when better."""
        mean, sd = self.surrogate.difference(points, base, contexts, shares)
        return transforms.sign_of(self.target) * mean, sd

    def policy_gain(self, points: Floats, base: Floats, contexts: Floats, shares: Floats) -> tuple[float, float]:
        """As `gain`, of a setting for each context (c, p) over `base` (p,) or over one for each (c, p)."""
        old = np.broadcast_to(base, points.shape)
        weights = np.concatenate([shares, -shares])
        mean, sd = self.surrogate.contrast(np.vstack([points, old]), np.vstack([contexts, contexts]), weights)
        return transforms.sign_of(self.target) * mean, sd

    def level(self, point: Floats, contexts: Floats, shares: Floats) -> float:
        """The modeled mean of a setting over contexts."""
        value, _ = self.surrogate.predict(np.tile(point, (len(contexts), 1)), contexts)
        return float(shares @ value)


def _typical(windows: Sequence[Window], target: str, noise: Floats) -> float:
    """The usual noise of one window, not of the many that a proof taught as one."""
    single = np.array([window.arm != PROOF for window in windows if target in window.means], dtype=bool)[-len(noise) :]
    return float(np.median(noise[single] if single.any() else noise))

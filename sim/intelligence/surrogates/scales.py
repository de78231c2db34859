"""The scales of the Gaussian process: their logarithms in one vector, and how well they explain what was seen.

In order: s, l_x (p), l_z (c); with a context s_g, l_g (c); after a drift alarm s_h, l_h (p); w. Lengths are of the unit
cube, spreads in standard deviations of what was seen. The loss is the negative log posterior density; the slope of a
term by its log l is a product of one matrix with the squared distances (`kernel`), by its log s twice the term.

A few windows close together say little about s and l_x, so that the priors decide how sure a belief is of what lies
beyond: effects go by less than half of the box and reach twice as far as what was seen, else the unseen passes for
flat. Chosen for the log score of true gains at settings not seen, on seeds 2001 to 2004 of `victor-sim optimize`.
What has changed (h) is taken to go by the width of the box, so that a few windows tell what of before still holds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import linalg

from sim.intelligence.space import Floats
from sim.intelligence.surrogates.kernel import matern_steep

PRIOR_LENGTH = (float(np.log(0.4)), 0.5)
PRIOR_SPREAD = (float(np.log(2.0)), 0.5)
PRIOR_CHANGE, PRIOR_CHANGE_LENGTH = (0.0, 1.0), (float(np.log(0.7)), 0.7)
PRIOR_CONTEXT = (0.0, 1.0)
PRIOR_WHITE = (float(np.log(0.1)), 1.0)


@dataclass(frozen=True, slots=True)
class Scales:
    """`theta` are the logarithms; `p` parameters, `c` numbers of a context, `has_changed` after a drift alarm."""

    p: int
    c: int
    has_changed: bool
    theta: Floats

    @classmethod
    def middle(cls, p: int, c: int, has_changed: bool) -> Scales:
        """The middle of the prior."""
        made = cls(p, c, has_changed, np.zeros(0))
        return replace(made, theta=made.priors()[0])

    def at(self, theta: Floats) -> Scales:
        """The same with other logarithms."""
        return replace(self, theta=theta)

    def fitting(self, other: Scales) -> Scales:
        """These where `other` has the same ones, else those of `other`."""
        if (self.p, self.c) != (other.p, other.c):
            return other
        if self.has_changed == other.has_changed:
            return self
        theta, shared = other.theta.copy(), 1 + self.p + self.c + (1 + self.c if self.c else 0)
        theta[:shared], theta[-1] = self.theta[:shared], self.theta[-1]
        return replace(other, theta=theta)

    def unchanged(self) -> Scales:
        """These without what has changed."""
        if not self.has_changed:
            return self
        theta = np.append(self.theta[: self._h_at], self.theta[-1])
        return replace(self, has_changed=False, theta=theta)

    def priors(self) -> tuple[Floats, Floats]:
        """Means and sd of the logarithms."""
        pairs = [PRIOR_SPREAD, *[PRIOR_LENGTH] * self.p, *[PRIOR_CONTEXT] * self.c]
        if self.c:
            pairs += [PRIOR_CHANGE, *[PRIOR_CONTEXT] * self.c]
        if self.has_changed:
            pairs += [PRIOR_CHANGE, *[PRIOR_CHANGE_LENGTH] * self.p]
        table = np.array([*pairs, PRIOR_WHITE])
        return table[:, 0], table[:, 1]

    @property
    def _g_at(self) -> int:
        return 1 + self.p + self.c

    @property
    def _h_at(self) -> int:
        return self._g_at + (1 + self.c if self.c else 0)

    @property
    def s(self) -> float:
        """Spread of f."""
        return float(np.exp(self.theta[0]))

    @property
    def lx(self) -> Floats:
        """Lengths of f over parameters (p,)."""
        return np.asarray(np.exp(self.theta[1 : 1 + self.p]))

    @property
    def lz(self) -> Floats:
        """Lengths of f over the context (c,)."""
        return np.asarray(np.exp(self.theta[1 + self.p : self._g_at]))

    @property
    def sg(self) -> float:
        """Spread of g, 0 without a context."""
        return float(np.exp(self.theta[self._g_at])) if self.c else 0.0

    @property
    def lg(self) -> Floats:
        """Lengths of g (c,)."""
        return np.asarray(np.exp(self.theta[self._g_at + 1 : self._g_at + 1 + self.c]))

    @property
    def sh(self) -> float:
        """Spread of what has changed, 0 without a change."""
        return float(np.exp(self.theta[self._h_at])) if self.has_changed else 0.0

    @property
    def lh(self) -> Floats:
        """Lengths of what has changed (p,)."""
        return np.asarray(np.exp(self.theta[self._h_at + 1 : self._h_at + 1 + self.p]))

    @property
    def w(self) -> float:
        """Sd of the unknown noise."""
        return float(np.exp(self.theta[-1]))


def loss(
    theta: Floats, scales: Scales, apart: Floats, y: Floats, noise: Floats, now: Floats, level: float
) -> tuple[float, Floats]:
    """Negative log posterior density and its gradient; `apart` (p + c, n^2), `level` the variance of the constants."""
    held, n, p = scales.at(theta), len(y), scales.p
    pairs = np.outer(now, now).ravel() if held.has_changed else np.ones(n * n)
    one, steep_x = matern_steep(apart[:p], held.lx)
    two, steep_z = matern_steep(apart[p:], held.lz) if held.c else (np.ones(n * n), np.zeros(n * n))
    parts = [(held.s, one * two, [(held.lx, apart[:p], steep_x * two), (held.lz, apart[p:], one * steep_z)])]
    if held.c:
        value, steep = matern_steep(apart[p:], held.lg)
        parts.append((held.sg, value, [(held.lg, apart[p:], steep)]))
    if held.has_changed:
        value, steep = matern_steep(apart[:p], held.lh)
        parts.append((held.sh, pairs * value, [(held.lh, apart[:p], pairs * steep)]))
    flat = level * pairs + level if held.has_changed else np.full(n * n, level)
    for spread, value, _ in parts:
        flat += spread**2 * value
    covariance = flat.reshape(n, n)
    covariance[np.diag_indices(n)] += noise + held.w**2
    factor = linalg.cholesky(covariance, lower=True, check_finite=False)
    inverse = linalg.cho_solve((factor, True), np.eye(n), check_finite=False)
    weights = inverse @ y
    pull = (np.outer(weights, weights) - inverse).ravel()
    gradient: list[float] = []
    for spread, value, lengthy in parts:
        gradient.append(-(spread**2) * float(pull @ value))
        for lengths, distances, steep in lengthy:
            gradient += (-0.5 * spread**2 * (distances @ (pull * steep)) / lengths**2).tolist()
    gradient.append(-float(pull[:: n + 1].sum()) * held.w**2)
    center, width = held.priors()
    off = (theta - center) / width
    found = 0.5 * float(y @ weights) + float(np.log(np.diag(factor)).sum())
    return found + 0.5 * float(off @ off), np.array(gradient) + off / width

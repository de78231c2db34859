"""A test that may be looked at after every pair: the anytime-valid t-test, as an e-value and a confidence sequence.

For n normal differences of unknown spread, t = sqrt(n) (mean - m) / s, nu = n - 1, A = 1 + n c^2, a normal prior of
variance c^2 on the effect size and the right Haar prior on the scale give E_n(m) = A^-1/2 ((1 + t^2/nu) / (1 + t^2/(nu
A)))^(n/2), a martingale under mean m (Lai 1976; Rouder et al. 2009; Wang and Ramdas 2025), so that P(ever E >= 1/alpha)
<= alpha (Ville 1939). The means with E_n(m) < 1/alpha are an interval that holds at all n at once: with L = (sqrt(A) /
alpha)^(2/n), half width = s / sqrt(n) sqrt(nu (L - 1) / (1 - L/A)) where L < A, infinite before.
"""

from __future__ import annotations

import math

EFFECT_SD = 0.7  # c: sd of the effect sizes that are worth finding, in sd of one pair


class PairedTest:
    """Takes differences one at a time; `alpha` is the chance that zero is ever left out although true."""

    def __init__(self, alpha: float = 0.1, effect_sd: float = EFFECT_SD) -> None:
        self.alpha, self.effect_sd = alpha, effect_sd
        self.count, self.mean = 0, 0.0
        self._squares = 0.0

    def add(self, difference: float) -> None:
        """One more pair (Welford 1962)."""
        self.count += 1
        step = difference - self.mean
        self.mean += step / self.count
        self._squares += step * (difference - self.mean)

    @property
    def sd(self) -> float:
        """Of one pair; infinite before two."""
        return math.sqrt(self._squares / (self.count - 1)) if self.count > 1 else math.inf

    @property
    def e_value(self) -> float:
        """Evidence against a mean of zero."""
        if self.count < 2:
            return 1.0
        a, nu = 1.0 + self.count * self.effect_sd**2, self.count - 1
        variance = self._squares / nu
        if variance <= 0.0:
            return 1.0 if self.mean == 0.0 else a ** (0.5 * nu)
        square = self.count * self.mean**2 / variance / nu
        grown = self.count / 2.0 * (math.log1p(square) - math.log1p(square / a))
        return math.exp(min(grown - 0.5 * math.log(a), 700.0))

    def interval(self, alpha: float | None = None) -> tuple[float, float]:
        """The means that are not ruled out, at all looks at once."""
        level = self.alpha if alpha is None else alpha
        if self.count < 2:
            return -math.inf, math.inf
        a, nu = 1.0 + self.count * self.effect_sd**2, self.count - 1
        bound = (math.sqrt(a) / level) ** (2.0 / self.count)
        if bound >= a:
            return -math.inf, math.inf
        half = self.sd / math.sqrt(self.count) * math.sqrt(nu * (bound - 1.0) / (1.0 - bound / a))
        return self.mean - half, self.mean + half

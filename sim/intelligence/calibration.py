"""How much wider than believed the truth lies about a claim, learned from claims that were validated since.

With e_i = (validated - claimed) / sqrt(sd^2 + se^2) of independent validations, k^2 is the posterior mean of the
variance under a scaled inverse chi-square prior of `PRIOR_COUNT` pairs at `PRIOR_SCALE`^2 (Gelman et al. 2013, 2.6).
It only knows pairs validated before the claim that it is used for (prequential: Dawid 1984).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

PAIRS_MAX = 500
PRIOR_COUNT = 20.0
PRIOR_SCALE = 1.0


class Calibration:
    """`scale` is k, of the sd; what the prior says until pairs come in."""

    def __init__(self, scale: float = PRIOR_SCALE) -> None:
        self.prior_scale = scale
        self._squares: deque[float] = deque(maxlen=PAIRS_MAX)

    @classmethod
    def of(cls, pairs: Sequence[float]) -> Calibration:
        """From what `pairs` gave."""
        made = cls()
        made._squares.extend(float(value) for value in pairs)
        return made

    def pairs(self) -> list[float]:
        """The squared errors that are remembered, oldest first."""
        return list(self._squares)

    @property
    def pairs_count(self) -> int:
        """Validated pairs that are remembered."""
        return len(self._squares)

    @property
    def scale(self) -> float:
        """Factor on the believed sd."""
        total = PRIOR_COUNT * self.prior_scale**2 + sum(self._squares)
        return float((total / (PRIOR_COUNT + len(self._squares))) ** 0.5)

    def add(self, claimed: float, sd: float, validated: float, se: float) -> None:
        """One claim with its believed sd, and what independent data said with its standard error."""
        variance = sd * sd + se * se
        if variance > 0.0:
            self._squares.append((validated - claimed) ** 2 / variance)

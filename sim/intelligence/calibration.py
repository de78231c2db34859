"""How far and how much wider than believed the truth lies about a claim, learned from claims that were validated since.

With e_i = (validated - believed) / sqrt(sd^2 + se^2) of independent validations, held to +-`ERROR_MAX` (Huber 1964) so
that one claim that a change of the world refuted silences no later ones, the shift b is their mean under a normal prior
worth `PRIOR_COUNT` pairs at `PRIOR_SHIFT` (what the choice of the best of many leaves of the winner's curse: Smith and
Winkler 2006), and k^2 the posterior mean of the variance about it under a scaled inverse chi-square prior of as many at
`PRIOR_SCALE`^2 (Gelman et al. 2013, 2.6). A claim is the belief plus b sd, its sd k times the believed one. It only
knows pairs validated before the claim that it is used for (prequential: Dawid 1984). The prior spread was measured on
seeds 1001 to 1004 of the surfaces of `victor-sim optimize`, the shift set on seeds 2001 to 2008.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

PAIRS_MAX = 500
PRIOR_COUNT = 20.0
PRIOR_SCALE = 1.15
PRIOR_SHIFT = -0.5
ERROR_MAX = 3.0


class Calibration:
    """`shift` is b and `scale` k, both of the believed sd; what the priors say until pairs come in."""

    def __init__(self, scale: float = PRIOR_SCALE, shift: float = PRIOR_SHIFT) -> None:
        self.prior_scale, self.prior_shift = scale, shift
        self._errors: deque[float] = deque(maxlen=PAIRS_MAX)

    @classmethod
    def of(cls, errors: Sequence[float]) -> Calibration:
        """From what `errors` gave."""
        made = cls()
        made._errors.extend(float(value) for value in errors)
        return made

    def errors(self) -> list[float]:
        """The standardized errors of the beliefs that are remembered, oldest first."""
        return list(self._errors)

    @property
    def pairs_count(self) -> int:
        """Validated pairs that are remembered."""
        return len(self._errors)

    @property
    def shift(self) -> float:
        """What is added to a believed mean, in believed sd."""
        return (PRIOR_COUNT * self.prior_shift + sum(self._errors)) / (PRIOR_COUNT + len(self._errors))

    @property
    def scale(self) -> float:
        """Factor on the believed sd."""
        shift = self.shift
        total = PRIOR_COUNT * self.prior_scale**2 + sum((error - shift) ** 2 for error in self._errors)
        return float((total / (PRIOR_COUNT + len(self._errors))) ** 0.5)

    def add(self, claimed: float, sd: float, validated: float, se: float) -> None:
        """One claim, the sd believed before calibration, and what independent data said with its standard error."""
        variance = sd * sd + se * se
        if variance > 0.0:
            error = (validated - claimed + self.shift * sd) / variance**0.5
            self._errors.append(min(max(error, -ERROR_MAX), ERROR_MAX))

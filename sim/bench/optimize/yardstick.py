"""What methods are held against, computed once: the best utility and the incumbent's by window, true Sobol indices.

Total index of parameter i: E[Var(U | all but i)] / Var(U), by Jansen's estimator (1999) on halves of an unscrambled
Sobol sequence of the unit cube; the utility is exact, so that the sequence's error is the only one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import qmc

from sim.registry import lookup
from sim.world.surfaces.optimum import best_utility
from sim.world.surfaces.space import NAMES
from sim.world.surfaces.surface import UTILITY, Surface

SOBOL_POINTS = 1024
GAIN_MIN_RATIO = 1e-4  # of the incumbent's utility


@dataclass(frozen=True, slots=True)
class Yardstick:
    """Of one surface; utilities by window in points, indices by parameter."""

    name: str
    best: dict[int, float]
    incumbent: dict[int, float]
    total_indices: dict[str, float]
    error_rate_max: float
    changes_at: int | None
    changed_by: int | None

    @property
    def has_gain(self) -> bool:
        """Whether there is anything to win at first: more than the search for the optimum itself leaves open."""
        first = min(self.best)
        return self.best[first] > self.incumbent[first] * (1.0 + GAIN_MIN_RATIO)

    def regret(self, utility: float, error_rate: float, window: int) -> float:
        """(U* - U) / (U* - U incumbent); a broken guardrail counts as nothing gained, or worse."""
        best, base = self.best[window], self.incumbent[window]
        found = (best - utility) / (best - base)
        return max(found, 1.0) if error_rate > self.error_rate_max else found


def yardstick(name: str, windows: tuple[int, ...]) -> Yardstick:
    """The truth of a surface after so many windows each, under the law of the last of them."""
    surface: Surface = lookup("surface", name)()
    laws = {window: window - 1 if surface.changes_at is not None else 0 for window in windows}
    by_law = {law: best_utility(surface, _held(surface, law)) for law in dict.fromkeys(laws.values())}
    points = np.array([surface.incumbent])
    base = {law: float(surface.truth(points, law)[UTILITY][0]) for law in by_law}
    return Yardstick(
        name,
        {window: by_law[law] for window, law in laws.items()},
        {window: base[law] for window, law in laws.items()},
        total_indices(surface),
        surface.error_rate_max,
        surface.changes_at,
        surface.changed_by,
    )


def _held(surface: Surface, window: int) -> int:
    """The first window with the same law, so that equal laws are searched once."""
    assert surface.changes_at is not None or window == 0
    if surface.changes_at is None or window < surface.changes_at:
        return 0
    return min(window, surface.changed_by or window)


def total_indices(surface: Surface) -> dict[str, float]:
    """True total Sobol indices of the utility over the whole space, before any drift."""
    size = len(NAMES)
    rows = qmc.Sobol(2 * size, scramble=False).random(SOBOL_POINTS)
    one, other = rows[:, :size], rows[:, size:]
    base = surface.truth(surface.space.loose(one))[UTILITY]
    found = {}
    for at, name in enumerate(NAMES):
        mixed = one.copy()
        mixed[:, at] = other[:, at]
        found[name] = float(
            np.mean((base - surface.truth(surface.space.loose(mixed))[UTILITY]) ** 2) / 2.0 / np.var(base)
        )
    return found

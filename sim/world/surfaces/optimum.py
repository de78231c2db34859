"""The best parameters of a surface by its exact truth: a grid over the unit cube, then finer grids around the best.

The truth has no noise, so that this needs no chance: 5 levels a parameter, then rounds of 3 around each of the two
best starts, the step halved; then with the slots whole, clouds (Sobol 1967) for the rest. Guardrails are kept exactly.
Utility in points.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from itertools import product

import numpy as np
from scipy.stats import qmc

from sim.world.surfaces.space import CONCURRENCY, NAMES, Floats
from sim.world.surfaces.surface import UTILITY, Context, Point, Surface

LEVELS, AROUND, STARTS, ROUNDS, MOVES_MAX = 5, 3, 2, 7, 4
FINE = 0.03
Truth = Callable[[Floats], dict[str, Floats]]
_CLOUD = 2.0 * qmc.Sobol(len(NAMES), scramble=False).random(128) - 1.0  # follows a curved guardrail
_SHIFTS = np.array(list(product(np.linspace(-1.0, 1.0, AROUND), repeat=len(NAMES))))


@lru_cache(maxsize=256)
def optimum(surface: Surface, window: int = 0, context: Context | None = None) -> tuple[Point, float]:
    """The best parameters and their utility: over all contexts, or in one."""

    def truth(points: Floats) -> dict[str, Floats]:
        return surface.truth(points, window) if context is None else surface.means(points, context, window)

    grid = np.array(list(product(np.linspace(0.0, 1.0, LEVELS), repeat=len(NAMES))))
    values = _valued(surface, truth, grid)
    starts = grid[np.argsort(-values, kind="stable")[:STARTS]]
    at = max((_climb(surface, truth, start, 1.0 / (LEVELS - 1)) for start in starts), key=_second)[0]
    whole = [_held(surface, at, slots) for slots in _around(surface, at)]  # few slots: their rounding shifts the rest
    best = max((_climb(surface, truth, start, FINE, CONCURRENCY) for start in whole), key=_second)
    point = surface.space.snapped(surface.space.loose(best[0][None, :]))
    value = float(truth(point)[UTILITY][0])
    row = point[0].tolist()
    return (row[0], row[1], row[2], row[3]), value


def best_utility(surface: Surface, window: int = 0) -> float:
    """Utility of the best policy: one setting for all contexts, or one for each on a contextual surface."""
    if not surface.contextual:
        return optimum(surface, window)[1]
    return float(np.mean([optimum(surface, window, context)[1] for context in surface.contexts]))


def _second(found: tuple[Floats, float]) -> float:
    return found[1]


def _around(surface: Surface, at: Floats) -> tuple[float, float]:
    slots = float(surface.space.loose(at[None, :])[0, CONCURRENCY])
    return math.floor(slots), math.ceil(slots)


def _held(surface: Surface, at: Floats, slots: float) -> Floats:
    point = surface.space.loose(at[None, :])
    point[0, CONCURRENCY] = slots
    held: Floats = surface.space.to_unit(point)[0]
    return held


def _climb(
    surface: Surface, truth: Truth, start: Floats, step: float, fixed: int | None = None
) -> tuple[Floats, float]:
    at, value = start, -np.inf
    shifts = _SHIFTS if fixed is None else _CLOUD * (np.arange(len(NAMES)) != fixed)
    for _ in range(ROUNDS):
        for _ in range(MOVES_MAX):  # until nothing around is better
            around = np.clip(at + step * shifts, 0.0, 1.0)
            values = _valued(surface, truth, around, fixed is not None)
            found = int(np.argmax(values))
            if values[found] <= value:
                break
            at, value = around[found], float(values[found])
        step /= 2.0
    return at, value


def _valued(surface: Surface, truth: Truth, unit: Floats, whole: bool = False) -> Floats:
    """Utility, minus infinity where a guardrail is broken; of whole counts or not."""
    found = truth(surface.space.from_unit(unit) if whole else surface.space.loose(unit))
    allowed = found["error_rate"] <= surface.error_rate_max
    return np.where(allowed, found[UTILITY], -np.inf)

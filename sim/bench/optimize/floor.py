"""What noise leaves of the gain whoever searches: the least normalized regret after so many windows.

A learner that knows the curvature H of the utility about its optimum and lacks only the place (p numbers), and tries
settings that lose no more than L points: n windows of noise sd s, spread over the p axes, tell each coordinate to
variance p s^2 / (2 n L h_i), and what stands loses p^2 s^2 / (4 n L) on average (Cramer and Rao). Who must learn the
curvature too loses more. A guardrail kept with probability P costs a margin of z_P standard errors of a rate pooled
over all windows as if every one told the same rate; the best setting within the margin is found exactly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from sim.bench.optimize.yardstick import GAIN_MIN_RATIO
from sim.contracts import Draws
from sim.registry import lookup
from sim.world.surfaces.optimum import best_utility, optimum
from sim.world.surfaces.outcomes import run_window
from sim.world.surfaces.surface import UTILITY, Context, Surface

PROBED_TASKS = 20_000  # of one window that tells the noise
FROM = (1 << 30) + (1 << 20)  # a window apart from all others


@dataclass(frozen=True, slots=True)
class Floor:
    """Of a surface with a gain: utilities in points, `noise_ratio` of one window over the gain, regrets by windows.

    `regrets` are the least ones, of place or guardrail, whichever costs more; None where the law drifts: what was seen
    before is then worth an unknown part.
    """

    surface: str
    incumbent: float
    best: float
    noise_ratio: float
    regrets: dict[int, float] | None


def floors(names: tuple[str, ...], draws: Draws, windows: tuple[int, ...], tasks: int) -> list[Floor]:
    """What noise leaves on each surface that has something to gain, under its first law."""
    found = []
    for name in names:
        surface: Surface = lookup("surface", name)()
        base = _incumbent_utility(surface)
        gain = best_utility(surface) - base
        if gain <= GAIN_MIN_RATIO * abs(base):
            continue
        seen = [run_window(surface, draws, FROM, surface.incumbent, PROBED_TASKS, each) for each in surface.contexts]
        sd = math.sqrt(float(np.mean([each.variance(UTILITY) for each in seen])) / tasks)
        regrets = None
        if surface.changes_at is None:
            regrets = {
                count: max(place_floor(surface, draws, count, tasks), guard_floor(surface, count, tasks))
                for count in windows
            }
        found.append(Floor(name, base, base + gain, sd / gain, regrets))
    return found


def place_floor(surface: Surface, draws: Draws, windows: int, tasks: int, loss_ratio: float = 0.1) -> float:
    """Least mean regret, a share of the open gain, for want of knowing where the optimum is; no law that drifts."""
    base = _incumbent_utility(surface)
    wanted: tuple[Context | None, ...] = surface.contexts if surface.contextual else (None,)
    lost = []
    for context in wanted:
        point, _ = optimum(surface, 0, context)
        seen = run_window(surface, draws, FROM, point, PROBED_TASKS, context)
        unit = surface.space.to_unit(np.array([point]))[0]
        free = int(np.sum((unit > 1e-6) & (unit < 1.0 - 1e-6)))  # who stands at a bound is known
        variance = seen.variance(UTILITY) / tasks
        lost.append(free**2 * variance / (4.0 * windows / len(wanted) * loss_ratio * abs(base)))
    return float(np.mean(lost)) / (best_utility(surface) - base)


def guard_floor(surface: Surface, windows: int, tasks: int, guard_prob: float = 0.95) -> float:
    """Regret of the best setting that keeps the guardrail by the margin; 0 without one, at most 1 (the incumbent)."""
    rate = surface.error_rate_max
    if rate >= 1.0:
        return 0.0
    margin = float(ndtri(guard_prob)) * math.sqrt(rate * (1.0 - rate) / (windows * tasks))
    base = _incumbent_utility(surface)
    best = best_utility(surface)
    return min((best - best_utility(surface.changed(error_rate_max=rate - margin))) / (best - base), 1.0)


def _incumbent_utility(surface: Surface) -> float:
    return float(surface.truth(np.array([surface.incumbent]))[UTILITY][0])

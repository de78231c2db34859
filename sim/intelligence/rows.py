"""Windows as arrays: unit parameters, scaled contexts, a target's modeled value and the variance of its noise.

Contexts are scaled by the spread of what was seen, so that a length scale means the same for each. A variance from few
tasks is itself noisy and follows its mean; it is shrunk toward the median of all windows (weight of `PRIOR_N` tasks).
What an interval brought to all its arms is taken off (`blocks`).
Missing variances are the median of the others, and without any, unknown: the surrogate finds the noise by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sim.intelligence import transforms
from sim.intelligence.blocks import controlled
from sim.intelligence.protocol import Window
from sim.intelligence.space import Floats, Space
from sim.intelligence.taught import PROOF

PRIOR_N = 50.0
CONTEXTS_MAX = 16
FLOOR_SDS, FLOOR_GAINS = 3.0, 1.0
CAP_RATIO = 3.0


@dataclass(frozen=True, slots=True)
class Rows:
    """`x` (r, p) in the unit cube, `z` (r, c) scaled contexts, `y` (r,) modeled values, `noise` (r,) variances.

    The first `old_count` rows are from before the last drift alarm.
    """

    x: Floats
    z: Floats
    y: Floats
    noise: Floats
    old_count: int = 0

    def __len__(self) -> int:
        return len(self.y)

    def part(self, start: int, stop: int) -> Rows:
        """Rows start..stop-1."""
        old_count = min(max(self.old_count - start, 0), stop - start)
        return Rows(self.x[start:stop], self.z[start:stop], self.y[start:stop], self.noise[start:stop], old_count)

    def current(self) -> Rows:
        """The rows since the last drift alarm."""
        return self.part(self.old_count, len(self))


@dataclass(frozen=True, slots=True)
class ContextScale:
    """Names of the context's numbers, their centers and spreads."""

    names: tuple[str, ...]
    center: Floats
    spread: Floats

    @classmethod
    def of(cls, windows: Sequence[Window]) -> ContextScale:
        """From what was seen; numbers that never change are left out."""
        names = sorted({name for window in windows for name in window.context})
        values = np.array([[window.context.get(name, 0.0) for name in names] for window in windows], dtype=np.float64)
        values = values.reshape(len(windows), len(names))
        spread = values.std(axis=0) if len(windows) else np.zeros(len(names))
        kept = [at for at in range(len(names)) if spread[at] > 1e-12]
        center = values.mean(axis=0) if len(windows) else np.zeros(len(names))
        return cls(tuple(names[at] for at in kept), center[kept], spread[kept])

    def scaled_all(self, windows: Sequence[Window]) -> Floats:
        """Shape (m, c): the contexts of many windows, as `scaled`."""
        pairs = list(zip(self.names, self.center.tolist(), strict=True))
        values = np.array([[window.context.get(name, center) for name, center in pairs] for window in windows])
        return np.asarray((values.reshape(len(windows), len(pairs)) - self.center) / self.spread / 2.0)

    def scaled(self, context: Mapping[str, float]) -> Floats:
        """Shape (c,): a context as the surrogates see it."""
        values = np.array([context.get(name, center) for name, center in zip(self.names, self.center, strict=True)])
        return np.asarray((values - self.center) / self.spread / 2.0, dtype=np.float64).reshape(len(self.names))

    def named(self, scaled: Floats) -> dict[str, float]:
        """The numbers of a context that `scaled` gave (c,)."""
        values = self.center + 2.0 * self.spread * scaled
        return {name: float(value) for name, value in zip(self.names, values, strict=True)}


def rows_of(windows: Sequence[Window], space: Space, scale: ContextScale, target: str, old_count: int = 0) -> Rows:
    """The windows that have the target; the first `old_count` windows are from before the last drift alarm."""
    held = [window for window in windows if target in window.means]
    old = sum(target in window.means for window in list(windows)[:old_count])
    x, z = space.to_units([window.params for window in held]), scale.scaled_all(held)
    mean = np.array([window.means[target] for window in held], dtype=np.float64)
    n = np.array([float(window.n) for window in held])
    own = np.array([window.variances.get(target, np.nan) for window in held], dtype=np.float64)
    known = own[np.isfinite(own)]
    middle = float(np.median(known)) if len(known) else 0.0
    shrunk = (PRIOR_N * middle + n * np.where(np.isfinite(own), own, middle)) / (PRIOR_N + n)
    mean, variance = controlled(held, mean, shrunk / n, target in transforms.LOG, old)
    return Rows(x, z, transforms.forward(target, mean), transforms.noise(target, mean, variance * n, n), old)


def clipped(rows: Rows, base: Floats, sign: float, usual: float) -> Rows:
    """Rows whose disasters are no worse than `FLOOR_SDS` noises and `FLOOR_GAINS` gains below the incumbent.

    `usual` is the variance of one window's noise: a proof's is not it.
    A stationary surrogate spends its scales on cliffs; how deep a disaster is changes nothing in what is recommended.
    Rows at the floor get the usual noise, since theirs is that of tasks which all failed alike.
    """
    good = sign * rows.y
    here = np.all(np.abs(rows.x - base) < 1e-6, axis=1)
    if here[rows.old_count :].any():
        here[: rows.old_count] = False
    level = float(np.mean(good[here])) if here.any() else float(np.median(good))
    sd = usual**0.5
    floor = level - max(FLOOR_SDS * sd, FLOOR_GAINS * (float(np.quantile(good, 0.9)) - level))
    low = good < floor
    noise = np.where(low, np.maximum(rows.noise, sd**2), rows.noise)
    return Rows(rows.x, rows.z, sign * np.maximum(good, floor), noise, rows.old_count)


def capped(rows: Rows, target: str, maximum: float) -> Rows:
    """Rows of a guardrail, those beyond `CAP_RATIO` of its bound set to that: how badly it is broken matters not."""
    if not np.isfinite(maximum):
        return rows
    cap = float(transforms.forward(target, np.array([CAP_RATIO * maximum]))[0])
    noise = np.where(rows.y > cap, np.maximum(rows.noise, float(np.median(rows.noise))), rows.noise)
    return Rows(rows.x, rows.z, np.minimum(rows.y, cap), noise, rows.old_count)


def contexts_of(windows: Sequence[Window], scale: ContextScale) -> tuple[Floats, Floats]:
    """The distinct contexts seen (c, k), the `CONTEXTS_MAX` most frequent, and their shares (c,).

    What a proof taught as one window counts as the many usual ones whose tasks it has.
    """
    usual = float(np.median([window.n for window in windows if window.arm != PROOF] or [1]))
    counts: dict[tuple[float, ...], float] = {}
    for row, window in zip(np.round(scale.scaled_all(windows), 9).tolist(), windows, strict=True):
        key = tuple(row)
        counts[key] = counts.get(key, 0.0) + (window.n / usual if window.arm == PROOF else 1.0)
    best = sorted(counts, key=lambda key: (-counts[key], key))[:CONTEXTS_MAX]
    shares = np.array([counts[key] for key in best], dtype=np.float64)
    return np.array(best, dtype=np.float64).reshape(len(best), len(scale.names)), shares / shares.sum()

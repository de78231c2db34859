"""Regret of what stands: normalized, by surface, window and seed; its ratio to another method on the same draws.

A method that proves what it recommends takes two windows for each pair besides those that it asks for, and may learn
from them: `counted` is the regret once all of them together are so many.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.bench.optimize.spread import Estimate, over_seeds
from sim.bench.optimize.yardstick import Yardstick

Record = dict[str, Any]


class Regrets:
    """Normalized simple regrets of records as arrays (surfaces with a gain, seeds, judged windows) by method."""

    def __init__(self, records: Sequence[Record], yardsticks: Mapping[str, Yardstick], windows: Sequence[int]) -> None:
        self.surfaces = [name for name, stick in yardsticks.items() if stick.has_gain]
        self.seeds = list(dict.fromkeys(record["seed"] for record in records))
        self.windows = list(windows)
        self.by_method: dict[str, NDArray[np.float64]] = {}
        self.taken: dict[str, NDArray[np.int64]] = {}  # windows with those of proofs, of the same shape
        for record in records:
            if record["surface"] not in self.surfaces:
                continue
            shape = (len(self.surfaces), len(self.seeds), len(self.windows))
            table = self.by_method.setdefault(record["method"], np.full(shape, np.nan))
            stick = yardsticks[record["surface"]]
            at = self.surfaces.index(record["surface"]), self.seeds.index(record["seed"])
            pairs = np.array([claim["pairs"] for claim in record["claims"]])
            before = np.cumsum(pairs) - pairs  # a recommendation knows of the proofs of those before it
            self.taken.setdefault(record["method"], np.zeros(shape, dtype=np.int64))[at] = self.windows + 2 * before
            table[at] = [
                stick.regret(claim["utility"], claim["error_rate"], claim["window"]) for claim in record["claims"]
            ]

    def mean(self, method: str, window: int, surface: str | None = None) -> Estimate:
        """Mean over surfaces (or of one) after a window, seeds resampled."""
        table = self._of(method, window)
        by_seed = table.mean(axis=0) if surface is None else table[self.surfaces.index(surface)]
        return over_seeds(len(self.seeds), lambda chosen: float(by_seed[list(chosen)].mean()))

    def ratio(self, method: str, other: str, window: int) -> Estimate:
        """Mean regret over that of another method, paired by seed."""
        one, base = self._of(method, window).mean(axis=0), self._of(other, window).mean(axis=0)
        return over_seeds(len(self.seeds), lambda chosen: float(one[list(chosen)].mean() / base[list(chosen)].mean()))

    def counted(self, method: str, windows: int) -> Estimate:
        """Mean over surfaces of what stood when so many windows, those of proofs among them, were taken."""
        held = np.maximum((self.taken[method] <= windows).sum(axis=2) - 1, 0)
        by_seed = np.take_along_axis(self.by_method[method], held[:, :, None], axis=2)[:, :, 0].mean(axis=0)
        return over_seeds(len(self.seeds), lambda chosen: float(by_seed[list(chosen)].mean()))

    def proof_windows(self, method: str) -> float:
        """Mean number of a trial's windows that proofs took before the last recommendation."""
        return float(np.mean(self.taken[method][:, :, -1] - self.windows[-1]))

    def _of(self, method: str, window: int) -> NDArray[np.float64]:
        found: NDArray[np.float64] = self.by_method[method][:, :, self.windows.index(window)]
        return found

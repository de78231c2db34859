"""Regret of what stands: normalized, by surface, window and seed; its ratio to another method on the same draws."""

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
        for record in records:
            if record["surface"] not in self.surfaces:
                continue
            shape = (len(self.surfaces), len(self.seeds), len(self.windows))
            table = self.by_method.setdefault(record["method"], np.full(shape, np.nan))
            stick = yardsticks[record["surface"]]
            table[self.surfaces.index(record["surface"]), self.seeds.index(record["seed"])] = [
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

    def _of(self, method: str, window: int) -> NDArray[np.float64]:
        found: NDArray[np.float64] = self.by_method[method][:, :, self.windows.index(window)]
        return found

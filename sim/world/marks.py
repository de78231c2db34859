"""What a request carries beside its demand: the agent type it asks for and its affinity key.

Types are drawn by their shares; keys are 0..keys_count-1, uniform or Zipf (share of key k proportional to
(k + 1) ** -keys_zipf), by inversion of the cumulated shares. Both are pure functions of the request.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from sim.contracts import Draws
from sim.runtime.draws import KEY, TYPE


class Marks:
    """`type_shares` by the fleet's order of types (None: no request asks for one); `keys_count` 0: no keys."""

    def __init__(self, type_shares: Sequence[float] | None, keys_count: int, keys_zipf: float) -> None:
        self._types = None if type_shares is None else _cumulated(type_shares)
        weights = [math_power(rank + 1, keys_zipf) for rank in range(keys_count)]
        self._keys = _cumulated(weights) if keys_count else None

    def types(self, draws: Draws, entities: NDArray[np.uint64]) -> list[int] | None:
        """Index of the agent type each request asks for; None when none does."""
        if self._types is None:
            return None
        shares = self._types
        return [bisect_right(shares, u) for u in draws.uniforms_of(TYPE, entities)[:, 0].tolist()]

    def keys(self, draws: Draws, entities: NDArray[np.uint64]) -> list[int] | None:
        """Affinity key of each request; None when there are no keys."""
        if self._keys is None:
            return None
        shares = self._keys
        return [bisect_right(shares, u) for u in draws.uniforms_of(KEY, entities)[:, 0].tolist()]


def math_power(base: float, zipf: float) -> float:
    """base ** -zipf."""
    return float(base) ** -zipf


def _cumulated(weights: Sequence[float]) -> list[float]:
    """Cumulated shares without the last one, which is 1."""
    running = list(accumulate(weights))
    return [value / running[-1] for value in running[:-1]]

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
from sim.errors import ConfigError
from sim.runtime.draws import KEY, TYPE

ZIPF_KEYS_MAX = 1_000_000  # cumulated shares are held in memory
KEYS_MAX = 2**31


class Marks:
    """`type_shares` by the fleet's order of types (None: no request asks for one); `keys_count` 0: no keys.

    Raises `ConfigError` for shares without a positive sum and for more keys than can be held.
    """

    def __init__(self, type_shares: Sequence[float] | None, keys_count: int, keys_zipf: float) -> None:
        if type_shares is not None and not (min(type_shares) >= 0.0 and max(type_shares) > 0.0):
            raise ConfigError("arrivals.type_mix", tuple(type_shares), "shares of 0 or more with a sum above 0")
        keys_max = ZIPF_KEYS_MAX if keys_zipf else KEYS_MAX
        if keys_count > keys_max:
            raise ConfigError("arrivals.keys_count", keys_count, f"at most {keys_max} with keys_zipf={keys_zipf:g}")
        self._types = None if type_shares is None else _cumulated(type_shares)
        self._keys_count = keys_count
        weights = [float(rank) ** -keys_zipf for rank in range(1, keys_count + 1)] if keys_zipf else []
        self._keys = _cumulated(weights) if weights else None

    def types(self, draws: Draws, entities: NDArray[np.uint64]) -> list[int] | None:
        """Index of the agent type each request asks for; None when none does."""
        if self._types is None:
            return None
        shares = self._types
        return [bisect_right(shares, u) for u in draws.uniforms_of(TYPE, entities)[:, 0].tolist()]

    def keys(self, draws: Draws, entities: NDArray[np.uint64]) -> list[int] | None:
        """Affinity key of each request; None when there are no keys."""
        if not self._keys_count:
            return None
        uniforms: list[float] = draws.uniforms_of(KEY, entities)[:, 0].tolist()
        if self._keys is None:
            return [int(u * self._keys_count) for u in uniforms]
        shares = self._keys
        return [bisect_right(shares, u) for u in uniforms]


def _cumulated(weights: Sequence[float]) -> list[float]:
    """Cumulated shares without the last one, which is 1."""
    running = list(accumulate(weights))
    return [value / running[-1] for value in running[:-1]]

"""Single draws at machine speed: where a retry asks for three of them, ten rounds over Python integers are its cost.

The same words as `sim.runtime.draws.CounterDraws` (Philox4x32-10; Salmon et al. 2011), by the code that the kernel
draws with; what that does not take (entities from 2**63 on, many at once) goes the way of the base.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types
from numpy.typing import NDArray

from sim.kernel.lower import entry
from sim.kernel.structs import Structs, type_of
from sim.runtime.draws import CounterDraws
from sim.runtime.plain import Chance, draw_pair

ENTITY_BITS = 63
PAIR = types.UniTuple(types.float64, 2)


def call_pair(chance: Any, purpose: int, entity: int, attempt: int, pair: int) -> tuple[float, float]:
    """Draws 2 pair and 2 pair + 1."""
    return draw_pair(chance, purpose, entity, attempt, pair)


class MachineDraws(CounterDraws):
    """As `CounterDraws` of the same key; raises `CannotCompile`."""

    __slots__ = ("_address", "_compiled", "_structs")

    def __init__(self, key: tuple[int, int]) -> None:
        self.key = key
        chance = Chance(key)
        self._structs = Structs()  # keeps alive what the address names
        self._address = self._structs.of(chance).address
        self._compiled = entry(call_pair, type_of(chance), PAIR, (types.int64,) * 4)

    def _pair(self, purpose: int, entity: int, attempt: int, block: int) -> tuple[float, float]:
        if entity >> ENTITY_BITS:
            return super()._pair(purpose, entity, attempt, block)
        found: tuple[float, float] = self._compiled(self._address, purpose, entity, attempt, block)
        return found

    def uniforms_of(
        self, purpose: int, entities: NDArray[np.uint64], width: int = 1, attempt: int = 0
    ) -> NDArray[np.float64]:
        """As the base."""
        if len(entities) == 1 and 0 < width <= 2 and entities.dtype == np.uint64:
            first = self.uniform(purpose, entities.item(0), attempt)
            if width == 1:
                return np.array(((first,),))
            return np.array((self._pair(purpose, entities.item(0), attempt, 0),))
        return super().uniforms_of(purpose, entities, width, attempt)

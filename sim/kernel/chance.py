"""Philox4x32-10 on machine integers: what the kernel puts in the place of `sim.runtime.plain.draw` and `draw_row`.

The same words as `sim.runtime.philox` (Salmon et al. 2011); every literal is wrapped as uint64, since numba's uint64
with a plain literal is a float or a signed number (`engine_rules`: arithmetic).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, uint64

from sim.runtime.draws import UNIT
from sim.runtime.philox import MULTIPLIER_0, MULTIPLIER_1, ROUNDS, WEYL_0, WEYL_1
from sim.runtime.plain import draw, draw_pair, draw_row

M0, M1, W0, W1 = np.uint64(MULTIPLIER_0), np.uint64(MULTIPLIER_1), np.uint64(WEYL_0), np.uint64(WEYL_1)
LOW, HALF, TWELVE = np.uint64(0xFFFFFFFF), np.uint64(32), np.uint64(12)

OPTIONS: dict[str, Any] = {"nogil": True, "forceinline": True, "error_model": "numpy", "_nrt": False}


@njit(**OPTIONS)
def words(c0: Any, c1: Any, c2: Any, c3: Any, k0: Any, k1: Any) -> Any:
    """Ten rounds; two 64-bit words."""
    for _ in range(ROUNDS):
        product_0, product_1 = M0 * c0, M1 * c2
        c0, c1 = (product_1 >> HALF) ^ c1 ^ k0, product_1 & LOW
        c2, c3 = (product_0 >> HALF) ^ c3 ^ k1, product_0 & LOW
        k0, k1 = (k0 + W0) & LOW, (k1 + W1) & LOW
    return c0 | c1 << HALF, c2 | c3 << HALF


@njit(**OPTIONS)
def unit(word: Any) -> Any:
    """A word as a uniform in (0, 1)."""
    return (np.float64(word >> TWELVE) + 0.5) * UNIT


@njit(**OPTIONS)
def machine_draw_pair(chance: Any, purpose: Any, entity: Any, attempt: Any, pair: Any) -> Any:
    """As `sim.runtime.plain.draw_pair`."""
    block = uint64(attempt << 16 | pair)
    bits = uint64(entity)
    k0, k1 = uint64(chance.k0) & LOW, uint64(chance.k1) & LOW
    first, second = words(bits & LOW, bits >> HALF, block & LOW, uint64(purpose) & LOW, k0, k1)
    return unit(first), unit(second)


@njit(**OPTIONS)
def machine_draw(chance: Any, purpose: Any, entity: Any, attempt: Any, index: Any) -> Any:
    """As `sim.runtime.plain.draw`."""
    first, second = machine_draw_pair(chance, purpose, entity, attempt, index >> 1)
    return second if index & 1 else first


@njit(**OPTIONS)
def machine_draw_row(chance: Any, purpose: Any, entity: Any, attempt: Any, width: Any, into: Any) -> None:
    """As `sim.runtime.plain.draw_row`."""
    for pair in range((width + 1) >> 1):
        into[2 * pair], into[2 * pair + 1] = machine_draw_pair(chance, purpose, entity, attempt, pair)


MACHINE = {draw: machine_draw, draw_pair: machine_draw_pair, draw_row: machine_draw_row}

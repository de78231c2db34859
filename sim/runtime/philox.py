"""Philox4x32-10, a counter-based random function (Salmon, Moraes, Dror, Shaw: Parallel random numbers, SC 2011).

Ten rounds of two 32 x 32 -> 64 bit multiplications turn a counter of four words and a key of two words into four
random words. Scalar (Python integers) and vectorized (uint64 arrays) forms give the same words.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

MULTIPLIER_0, MULTIPLIER_1 = 0xD2511F53, 0xCD9E8D57
WEYL_0, WEYL_1 = 0x9E3779B9, 0xBB67AE85
MASK = 0xFFFFFFFF
ROUNDS = 10
KEYS_MAX = 1024  # whose round keys are remembered

Words = tuple[int, int, int, int]
Key = tuple[int, int]
Array = NDArray[np.uint64]


@lru_cache(maxsize=KEYS_MAX)
def round_keys(key: Key) -> tuple[Key, ...]:
    """The key's two words in each of the ten rounds (Weyl sequences)."""
    k0, k1 = key
    return tuple(((k0 + WEYL_0 * step) & MASK, (k1 + WEYL_1 * step) & MASK) for step in range(ROUNDS))


def philox4x32(counter: Words, key: Key) -> Words:
    """Four words from a counter (c0, c1, c2, c3) and a key (k0, k1), all of 32 bits."""
    c0, c1, c2, c3 = counter
    mask = MASK
    for k0, k1 in round_keys(key):  # one word a line: no tuple is built for the exchange
        product_0 = MULTIPLIER_0 * c0
        product_1 = MULTIPLIER_1 * c2
        c0 = product_1 >> 32 ^ c1 ^ k0
        c1 = product_1 & mask
        c2 = product_0 >> 32 ^ c3 ^ k1
        c3 = product_0 & mask
    return c0, c1, c2, c3


def philox4x32_arrays(c0: Array, c1: Array, c2: Array, c3: Array, key: Key) -> tuple[Array, ...]:
    """The same for arrays of 32-bit words held in uint64 (any shapes that broadcast); gives four arrays."""
    mask, half = np.uint64(MASK), np.uint64(32)
    multiplier_0, multiplier_1 = np.uint64(MULTIPLIER_0), np.uint64(MULTIPLIER_1)
    for k0, k1 in round_keys(key):
        product_0, product_1 = multiplier_0 * c0, multiplier_1 * c2
        c0, c1 = (product_1 >> half) ^ c1 ^ np.uint64(k0), product_1 & mask
        c2, c3 = (product_0 >> half) ^ c3 ^ np.uint64(k1), product_0 & mask
    return c0, c1, c2, c3

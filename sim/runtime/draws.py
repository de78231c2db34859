"""Chance as a function: a uniform from (seed, replication, purpose, entity, attempt, index), by Philox4x32-10.

key = 64-bit blake2b of (seed, replication); counter words = entity (64 bit), attempt << 16 | block, purpose;
draw `index` is half `index & 1` of block `index >> 1`; u = ((z >> 12) + .5) 2^-52 of the 64-bit half z, so that u is
never 0 nor 1 (`engine_rules`: draws). No strategy's name enters, so that comparisons are paired on common random
numbers down to each request.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from sim.runtime.philox import MASK, philox4x32, philox4x32_arrays


def purpose(name: str) -> int:
    """A 32-bit word for a purpose, fixed by its name."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=4).digest(), "little")


ARRIVAL_GAP = purpose("arrival gap")
SERVICE_REQUEST = purpose("service, request part")
SERVICE_ATTEMPT = purpose("service, attempt part")
PICK = purpose("pick")
TIES = purpose("ties")
DISPATCHER = purpose("dispatcher")
TYPE = purpose("agent type")
KEY = purpose("affinity key")
PROBE = purpose("probe")
IDLE_TOKEN = purpose("idle token")
THINK = purpose("think time")
RESAMPLE = purpose("resample")
PROMPT = purpose("prompt tokens")
OUTPUT = purpose("output tokens")
MODULATION = purpose("modulation")
JITTER = purpose("jitter")

UNIT = 2.0**-52


class CounterDraws:
    """All chance of one replication; implements `sim.contracts.Draws`."""

    __slots__ = ("key",)

    def __init__(self, seed: int, replication: int) -> None:
        word = hashlib.blake2b(f"{seed}/{replication}".encode(), digest_size=8).digest()
        self.key = (int.from_bytes(word[:4], "little"), int.from_bytes(word[4:], "little"))

    def uniforms(
        self, purpose: int, first: int, count: int, width: int = 1, attempt: int = 0
    ) -> NDArray[np.float64]:
        """Shape (count, width): draws 0..width-1 of the entities first..first+count-1."""
        entities = np.uint64(first) + np.arange(count, dtype=np.uint64)
        return self.uniforms_of(purpose, entities, width, attempt)

    def uniforms_of(
        self, purpose: int, entities: NDArray[np.uint64], width: int = 1, attempt: int = 0
    ) -> NDArray[np.float64]:
        """Shape (len(entities), width): draws 0..width-1 of each entity."""
        blocks = (width + 1) // 2
        words = np.arange(blocks, dtype=np.uint64) | np.uint64(attempt << 16)
        low = (entities & np.uint64(MASK))[:, None]
        high = (entities >> np.uint64(32))[:, None]
        shape = (len(entities), blocks)
        c2 = np.broadcast_to(words, shape)
        c3 = np.full(shape, purpose, dtype=np.uint64)
        z0, z1, z2, z3 = philox4x32_arrays(
            np.broadcast_to(low, shape), np.broadcast_to(high, shape), c2, c3, self.key
        )
        half = np.uint64(32)
        bits = np.empty((len(entities), blocks, 2), dtype=np.uint64)
        bits[:, :, 0] = z0 | z1 << half
        bits[:, :, 1] = z2 | z3 << half
        uniforms = ((bits >> np.uint64(12)).astype(np.float64) + 0.5) * UNIT
        return uniforms.reshape(len(entities), 2 * blocks)[:, :width]

    def uniform(self, purpose: int, entity: int, attempt: int = 0, index: int = 0) -> float:
        """One draw, the same bits as in `uniforms`."""
        counter = (entity & MASK, entity >> 32, attempt << 16 | index >> 1, purpose)
        z = philox4x32(counter, self.key)
        bits = z[2] | z[3] << 32 if index & 1 else z[0] | z[1] << 32
        return ((bits >> 12) + 0.5) * UNIT

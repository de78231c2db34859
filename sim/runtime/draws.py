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
BACKOFF = purpose("backoff")
PRIORITY = purpose("priority")
IDEMPOTENT = purpose("idempotent")
ADMISSION = purpose("admission")
SLOW_START = purpose("slow start")
FAULT_UP = purpose("fault, time up")
FAULT_DOWN = purpose("fault, time down")
FAULT_ERROR = purpose("fault, error")
FAULT_POISON = purpose("fault, poison")
MESSAGE_LOSS = purpose("message loss")
MESSAGE_DELAY = purpose("message delay")
HEARTBEAT = purpose("heartbeat")
CHECK = purpose("check")
PROVISIONING = purpose("provisioning")
OVERLOAD = purpose("overload")
SURFACE_CONTEXT = purpose("surface, context of a window")
SURFACE_TASK = purpose("surface, task of a window")
SURFACE_LOST = purpose("surface, window lost")
SURFACE_OPERATOR = purpose("surface, operator")
SEARCH = purpose("search, baseline")
GATEWAY_CLIENT = purpose("gateway, client")
GATEWAY_KEY = purpose("gateway, key")
PLUGIN_LATENCY = purpose("plugin, latency")
OPTIMIZER_POINT = purpose("optimizer, candidate")
OPTIMIZER_EXPLORE = purpose("optimizer, explore")
OPTIMIZER_BAG = purpose("optimizer, bag")
OPTIMIZER_PERMUTE = purpose("optimizer, permutation")
STORM = purpose("storm, scenario")
SELFTEST = purpose("self-test, kill")
TUNED_AGENT = purpose("tuned agent, setting")
LIVE_ARM = purpose("live task, arm of its setting")

UNIT = 2.0**-52
SCALAR_MAX = 8  # blocks below which ten rounds over Python integers are faster than over arrays (measured: 7 us each)
WORD_MAX = (1 << 16) - 1  # of attempts, and of blocks of two draws


class CounterDraws:
    """All chance of one replication; implements `sim.contracts.Draws`.

    `seed` and `replication` are any integers; entities 0 <= entity < 2**64, attempts 0 <= attempt < 2**16, indexes
    0 <= index < 2**17, purposes are 32-bit words of `purpose`. What is out of range raises ValueError.
    """

    __slots__ = ("key",)

    def __init__(self, seed: int, replication: int) -> None:
        word = hashlib.blake2b(f"{seed}/{replication}".encode(), digest_size=8).digest()
        self.key = (int.from_bytes(word[:4], "little"), int.from_bytes(word[4:], "little"))

    def uniforms(self, purpose: int, first: int, count: int, width: int = 1, attempt: int = 0) -> NDArray[np.float64]:
        """Shape (count, width): draws 0..width-1 of the entities first..first+count-1."""
        if not 0 <= first <= first + count <= 1 << 64:
            raise ValueError(f"entities {first} to {first + count - 1}: accepted is 0 <= entity < 2**64")
        entities = np.uint64(first) + np.arange(count, dtype=np.uint64)
        return self.uniforms_of(purpose, entities, width, attempt)

    def uniforms_of(
        self, purpose: int, entities: NDArray[np.uint64], width: int = 1, attempt: int = 0
    ) -> NDArray[np.float64]:
        """Shape (len(entities), width): draws 0..width-1 of each entity; raises TypeError if they are not uint64."""
        if entities.dtype != np.uint64:
            raise TypeError(f"entities are an array of uint64, not {entities.dtype}")
        blocks = (width + 1) // 2
        _check(attempt, blocks - 1, purpose)
        count = len(entities)
        if count * blocks <= SCALAR_MAX:
            row = range(blocks)
            pairs = [self._pair(purpose, entity, attempt, block) for entity in entities.tolist() for block in row]
            return np.array(pairs, dtype=np.float64).reshape(count, 2 * blocks)[:, :width]
        words = np.arange(blocks, dtype=np.uint64) | np.uint64(attempt << 16)
        half = np.uint64(32)
        low, high = (entities & np.uint64(MASK))[:, None], (entities >> half)[:, None]
        purposes = np.array([purpose], dtype=np.uint64)
        z0, z1, z2, z3 = philox4x32_arrays(low, high, words, purposes, self.key)
        bits = np.empty((count, blocks, 2), dtype=np.uint64)
        bits[:, :, 0] = z0 | z1 << half
        bits[:, :, 1] = z2 | z3 << half
        draws = ((bits >> np.uint64(12)).astype(np.float64) + 0.5) * UNIT
        return draws.reshape(count, 2 * blocks)[:, :width]

    def uniform(self, purpose: int, entity: int, attempt: int = 0, index: int = 0) -> float:
        """One draw, the same bits as in `uniforms`."""
        if not 0 <= entity < 1 << 64:
            raise ValueError(f"entity {entity}: accepted is 0 <= entity < 2**64")
        _check(attempt, index >> 1, purpose)
        return self._pair(purpose, entity, attempt, index >> 1)[index & 1]

    def _pair(self, purpose: int, entity: int, attempt: int, block: int) -> tuple[float, float]:
        z0, z1, z2, z3 = philox4x32((entity & MASK, entity >> 32, attempt << 16 | block, purpose), self.key)
        return (((z0 | z1 << 32) >> 12) + 0.5) * UNIT, (((z2 | z3 << 32) >> 12) + 0.5) * UNIT


def _check(attempt: int, block: int, purpose: int) -> None:
    if not (0 <= attempt <= WORD_MAX and 0 <= block <= WORD_MAX and 0 <= purpose <= MASK):
        raise ValueError(
            f"attempt {attempt}, block {block} of two draws, purpose {purpose}: "
            "accepted is 0 <= attempt < 2**16, 0 <= block < 2**16, a 32-bit purpose"
        )

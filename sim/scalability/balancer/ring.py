"""The hash ring of consistent_hash: `ring_points` points a slot on a circle of 2**62, and where a key falls.

Points are blake2b of node id, agent type and point number, so that they are the same in every process. A key is mixed
by a four-round Feistel network over two 31-bit halves (a bijection: keys do not collide), in products below 2**62,
so that 64-bit integers never overflow and both engines agree (Luby, Rackoff 1988; Karger et al. 1997 for the ring).
"""

from __future__ import annotations

import hashlib
from array import array

HALF = 2**31 - 1
WORDS = 8  # points of 8 bytes in one 64-byte digest


def slot_points(node_id: str, agent_type: str, points: int) -> list[int]:
    """The points of a slot on the ring, each 0 <= point < 2**62."""
    found: list[int] = []
    for block in range((points + WORDS - 1) // WORDS):
        digest = hashlib.blake2b(f"{node_id}\0{agent_type}\0{block}".encode()).digest()
        found.extend(int.from_bytes(digest[8 * word : 8 * word + 8], "little") >> 2 for word in range(WORDS))
    return found[:points]


def mix_half(word: int) -> int:
    """A bijection of 31-bit words that spreads every bit."""
    word = (word ^ (word >> 16)) * 0x45D9F3B & HALF
    word = (word ^ (word >> 15)) * 0x2545F491 & HALF
    return word ^ (word >> 16)


def mix_key(key: int) -> int:
    """Where `key` (0 <= key < 2**62) falls on the ring; a bijection."""
    high, low = key >> 31, key & HALF
    low ^= mix_half((high + 0x1E3779B9) & HALF)
    high ^= mix_half((low + 0x3C6EF372) & HALF)
    low ^= mix_half((high + 0x5AA66D2B) & HALF)
    high ^= mix_half((low + 0x78DDE6E4) & HALF)
    return high << 31 | low


def ring_find(points: array[int], count: int, at: int) -> int:
    """Index of the first of `count` ascending points that is >= `at`; 0 past the last (the ring closes)."""
    low, high = 0, count
    while low < high:
        middle = (low + high) >> 1
        if points[middle] < at:
            low = middle + 1
        else:
            high = middle
    return 0 if low == count else low

"""The order of equal instants: (time, rank, key), never insertion order (`engine_rules`).

A heap entry compares its time, then `rank << KEY_BITS | key`. The key is `request << 16 | attempt` for what belongs to
a request and a serial for the rest, so that two engines which do the same things do them in the same order.
"""

from __future__ import annotations

FAULT, CONTROL, FINISH, DEADLINE, PROBE, RETRY, ARRIVAL = range(7)

KEY_BITS = 80
KEY_MAX = (1 << KEY_BITS) - 1


def order(rank: int, key: int) -> int:
    """One integer that compares as (rank, key); key < 2**80."""
    return rank << KEY_BITS | key

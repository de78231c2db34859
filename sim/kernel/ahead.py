"""Memory that will be needed soon is asked for now, so that a large fleet does not wait for one cache line at a time.

A request touches about a dozen cache lines at random (event, row, two of its pool, two counts, ...). In a fleet that
outgrows the caches each would be a stall. What the next events and arrivals will touch is known ahead: `touch` starts
the load and goes on (`llvm.prefetch`; Mowry, Lam and Gupta 1992). It changes no value, so that what is foreseen may be
wrong: a node that leaves, an event that is called off.
"""

from __future__ import annotations

from typing import Any

from sim.kernel.queue import CURSOR, SCOUT, bucket_of
from sim.kernel.state import CHUNK_AT, CHUNK_END
from sim.runtime.plain import touch

POOLS_AHEAD, SECONDS_AHEAD, FIRSTS_AHEAD = 4, 5, 10  # buckets: from now; beyond that; likewise
LINES_BEHIND = 3  # buckets nearer than `POOLS_AHEAD`, whose pools are there by now
STARTS_AHEAD, PLACES_AHEAD, PICKS_AHEAD = 3, 6, 9  # arrivals from now
FORESEEN, FURTHER = 16, 8  # picks that are remembered, a power of 2; how far beyond a strategy may look


def scout(k: Any) -> None:
    """Ask for rows and pools of the events of the next buckets, and for the events of some further ones."""
    queue, rows, pools = k.queue, k.rows, k.pools
    numbers, heads, following = queue.numbers, queue.heads, queue.following
    mask = len(heads) - 1
    place = max(numbers[SCOUT], numbers[CURSOR])
    while place <= numbers[CURSOR] + POOLS_AHEAD:
        first = heads[(place + FIRSTS_AHEAD) & mask]
        if first >= 0:
            touch(queue.at, first)
        first = heads[(place + SECONDS_AHEAD) & mask]
        if first >= 0 and following[first] >= 0:
            touch(queue.at, following[first])
        node = heads[place & mask]
        while node >= 0:
            p = queue.pool[node]
            touch(rows.request, queue.row[node])
            touch(pools.last_at, p)
            touch(pools.queue_max, p)
            node = following[node]
        node = heads[(place - LINES_BEHIND) & mask]
        while node >= 0:
            p = queue.pool[node]
            if pools.waiting[p] > 0:
                touch(rows.request, pools.first[p])
            touch(k.counts, pools.slot[p])
            node = following[node]
        place += 1
    numbers[SCOUT] = place


def foresee(k: Any) -> None:
    """What arrivals a few places ahead would touch if they came now: three steps, each asks for what the next reads."""
    chunk, uses, pools, slots, queue = k.chunk, k.uses, k.pools, k.foreseen, k.queue
    mask = len(slots) - 1
    place = k.numbers[CHUNK_AT]
    picked = place + PICKS_AHEAD
    if picked + FURTHER >= k.numbers[CHUNK_END] or uses.dispatchers == 1:
        return
    view = chunk.of_view[picked] if uses.views == 1 else 0
    slot = k.paths.foreseen(k.paths.books, view, chunk.picks, len(chunk.at), picked)
    slots[picked & mask] = slot
    if slot >= 0:
        touch(pools.of_slot, slot)
    slot = slots[(place + PLACES_AHEAD) & mask]
    if slot >= 0:
        p = pools.of_slot[slot]
        if p >= 0:
            touch(pools.last_at, p)
            touch(pools.queue_max, p)
    slot = slots[(place + STARTS_AHEAD) & mask]
    if slot >= 0:
        p, started = pools.of_slot[slot], place + STARTS_AHEAD
        if p >= 0:
            finish_at = chunk.at[started] + chunk.work_s[started] / pools.speed[p]
            touch(queue.heads, bucket_of(queue, finish_at) & (len(queue.heads) - 1))

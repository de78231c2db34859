"""Memory that will be needed soon is asked for now, so that a large fleet does not wait for one cache line at a time.

A request touches about a dozen cache lines at random (event, row, two of its pool, two counts, ...). In a fleet that
outgrows the caches each would be a stall. What the next events and arrivals will touch is known ahead: `touch` starts
the load and goes on (`llvm.prefetch`; Mowry, Lam and Gupta 1992). It changes no value, so that what is foreseen may be
wrong: a node that leaves, an event that is called off.
"""

from __future__ import annotations

from typing import Any

from sim.kernel.queue import BEGUN, CURSOR, LINED, SCOUT, SEEN, bucket_of
from sim.kernel.state import CHUNK_AT, CHUNK_END
from sim.runtime.plain import rare, touch

POOLS_AHEAD, SECONDS_AHEAD, FIRSTS_AHEAD = 9, 5, 10  # buckets: from now; beyond that; likewise
PASSED_MAX = 64  # pools of events that were passed, a power of 2
LINES_BEHIND, STARTS_BEHIND = 3, 6  # events after whose pool was asked for it is read; and who waits there, to start
BLOCK = 8  # arrivals that are foreseen together, a power of 2
STARTS_AHEAD, PICKS_AHEAD = 4, 12  # arrivals from now where a block begins
COMING = 32  # their pools, a power of 2


def scout(k: Any) -> None:
    """Ask for rows and pools of the events of the next buckets, and for the events of some further ones.

    What is not there (-1) is asked for as entry 0: that costs less than a branch which no processor can foretell.
    """
    queue, rows, pools, passed, passed_at = k.queue, k.rows, k.pools, k.passed, k.passed_at
    numbers, heads, following = queue.numbers, queue.heads, queue.following
    mask, ring = len(heads) - 1, len(passed) - 1
    place = max(numbers[SCOUT], numbers[CURSOR])
    end = numbers[CURSOR] + POOLS_AHEAD
    seen = numbers[SEEN]
    while place <= end:
        touch(queue.at, max(heads[(place + FIRSTS_AHEAD) & mask], 0))
        touch(queue.at, max(following[max(heads[(place + SECONDS_AHEAD) & mask], 0)], 0))
        node = heads[place & mask]
        while node >= 0:
            p = queue.pool[node]
            touch(rows.request, queue.row[node])
            touch(pools.last_at, p)
            touch(pools.queue_max, p)
            passed[seen & ring] = p
            passed_at[seen & ring] = queue.at[node]
            seen += 1
            node = following[node]
        place += 1
    numbers[SCOUT] = place
    numbers[SEEN] = seen
    lined = numbers[LINED]
    while lined < seen - LINES_BEHIND:
        p = passed[lined & ring]
        touch(rows.request, max(pools.first[p], 0))
        touch(k.counts, pools.slot[p])
        lined += 1
    numbers[LINED] = lined
    begun = numbers[BEGUN]
    while begun < seen - STARTS_BEHIND:
        p = passed[begun & ring]
        finish_at = passed_at[begun & ring] + rows.work_s[max(pools.first[p], 0)] / pools.speed[p]
        touch(heads, (bucket_of(queue, finish_at) if pools.waiting[p] > 0 else place) & mask)
        begun += 1
    numbers[BEGUN] = begun


@rare
def foresee(k: Any) -> None:
    """What the arrivals of a block a few places ahead would touch if they came now.

    A block at a time: the loads of one arrival do not wait for those of the other, nor is each a call of the balancer.
    """
    chunk, pools, slots, coming, queue, rows = k.chunk, k.pools, k.foreseen, k.coming, k.queue, k.rows
    mask = len(coming) - 1
    place = k.numbers[CHUNK_AT]
    picked, started = place + PICKS_AHEAD, place + STARTS_AHEAD
    if picked + BLOCK > k.numbers[CHUNK_END]:
        return
    k.paths.foreseen(k.paths.books, chunk.of_view, chunk.picks, len(chunk.at), picked, PICKS_AHEAD, slots)
    for number in range(BLOCK):
        p = pools.of_slot[max(slots[number], 0)]
        coming[(picked + number) & mask] = p
        touch(pools.last_at, p)
        touch(pools.queue_max, p)
    for number in range(BLOCK):
        begun = started + number
        p = max(coming[begun & mask], 0)
        touch(rows.request, max(pools.last[p], 0))
        finish_at = chunk.at[begun] + chunk.work_s[begun] / pools.speed[p]
        touch(queue.heads, bucket_of(queue, finish_at) & (len(queue.heads) - 1))


@rare
def foresee_finishes(k: Any) -> None:
    """Where arrivals of a block would finish if they began at once on the first pool's machine.

    For a strategy whose picks cannot be told. (Of least-loaded the very next one can, in 7 of 10, but asking for that
    costs what it gives: .95 of the time at 100,000 nodes, more than before at 10,000.)
    """
    chunk, queue = k.chunk, k.queue
    started = k.numbers[CHUNK_AT] + STARTS_AHEAD
    if started + BLOCK > k.numbers[CHUNK_END]:
        return
    speed = k.pools.speed[0]
    for number in range(BLOCK):
        begun = started + number
        finish_at = chunk.at[begun] + chunk.work_s[begun] / speed
        touch(queue.heads, bucket_of(queue, finish_at) & (len(queue.heads) - 1))

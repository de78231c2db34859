"""The event list: buckets of equal width over time, so that a push and a pop cost O(1) whatever the number of nodes.

An event lies in bucket floor(at / width), modulo their number; what lies further ahead than all buckets waits in a
binary heap and moves in as time comes near (Brown 1988, calendar queues; the heap for what is far as in Tang, Goh and
Thng 2005, ladder queues). The order is exact whatever the width: (at, request, attempt) is compared within a bucket.
The width follows the mean gap between events and is set anew when that has changed.
"""

from __future__ import annotations

from math import inf
from typing import Any

import numpy as np

from sim.kernel.arena import zeroed
from sim.kernel.fields import Fields
from sim.kernel.records import copied_records, lay_records
from sim.runtime.plain import rare

COUNT, CURSOR, FREE, LEAST, BEFORE, FAR, NEAR, POPS, LOOKS, SCOUT, SEEN, LINED, BEGUN = range(13)  # of `numbers`
RATE, SINCE = range(2)  # of `scales`: buckets a second, instant of the last look at the width
CHECK_EVERY = 8192
BUCKETS_MIN = 256
SMALL_MAX = 1024  # events that lie in the first caches: fewer and fuller buckets
PER_EVENT, PER_EVENT_SMALL = 1.2, 0.7  # buckets
CROWDED = 8  # events looked at for one, above which the width does not wait until all events have passed
NEVER_BUCKET = 1 << 60


EVENT = {"at": np.float64, "serial": np.int64, "row": np.int32, "pool": np.int32, "following": np.int32}


class Queue(Fields):
    """Events are rows of `at serial row pool`; `following` links those of a bucket, and the free ones."""

    __slots__ = ("at", "far", "following", "heads", "numbers", "pool", "row", "scales", "serial")

    def __init__(self, events_max: int, rate_per_s: float) -> None:
        buckets = BUCKETS_MIN
        while buckets < (8 if events_max > SMALL_MAX else 2) * events_max:
            buckets *= 2
        lay_records(self, events_max, EVENT)
        self.following[:] = np.arange(1, events_max + 1)
        self.following[-1] = -1
        self.heads = zeroed(4 * buckets).view(np.int32)
        self.heads[:] = -1
        self.far = np.zeros(events_max, dtype=np.int64)
        self.numbers = np.zeros(BEGUN + 1, dtype=np.int64)
        self.numbers[LEAST] = -1
        self.scales = np.array([0.5 * rate_per_s, 0.0])

    def grown(self) -> Queue:
        """The same events with room for twice as many; they still have to be spread over the buckets."""
        old = len(self.at)
        queue = Queue(2 * old, 2.0 * float(self.scales[RATE]))
        copied_records(self, queue, EVENT)
        free = np.zeros(old, dtype=bool)
        node = int(self.numbers[FREE])
        while node >= 0:
            free[node] = True
            node = int(self.following[node])
        taken = np.flatnonzero(~free)
        queue.following[-1] = self.numbers[FREE]
        queue.numbers[:] = self.numbers
        queue.numbers[FREE] = old
        queue.far[: len(taken)] = taken
        queue.numbers[FAR], queue.numbers[NEAR], queue.numbers[LEAST] = len(taken), 0, -1
        queue.scales[:] = self.scales
        return queue


def bucket_of(queue: Any, at: float) -> int:
    """Number of the bucket of an instant, from 0 on; instants in order have buckets in order."""
    scaled = at * queue.scales[RATE]
    return int(scaled) if scaled < 1e18 else NEVER_BUCKET


def queue_push(queue: Any, at: float, row: int, pool: int, serial: int) -> None:
    """A new event; there is room (see `queue_room`)."""
    numbers = queue.numbers
    node = numbers[FREE]
    numbers[FREE] = queue.following[node]
    numbers[COUNT] += 1
    queue.at[node] = at
    queue.row[node] = row
    queue.pool[node] = pool
    queue.serial[node] = serial
    place = bucket_of(queue, at)
    if place >= numbers[CURSOR] + len(queue.heads):
        far_push(queue, node)
        return
    near_push(queue, node, place)


def near_push(queue: Any, node: int, place: int) -> None:
    """Link an event into its bucket."""
    numbers, heads = queue.numbers, queue.heads
    numbers[NEAR] += 1
    head = place & (len(heads) - 1)
    least = numbers[LEAST]
    if least >= 0 and place <= numbers[CURSOR]:
        if place < numbers[CURSOR] or queue.at[node] <= queue.at[least]:
            numbers[LEAST] = -1  # to be found anew
        elif numbers[BEFORE] < 0:
            numbers[BEFORE] = node  # the new one stands before the least
    if place < numbers[CURSOR]:
        numbers[CURSOR] = place
    queue.following[node] = heads[head]
    heads[head] = node


@rare
def far_push(queue: Any, node: int) -> None:
    """Into the heap of what is far, ordered by instant only (buckets order the rest)."""
    far, at, numbers = queue.far, queue.at, queue.numbers
    place = numbers[FAR]
    numbers[FAR] += 1
    while place > 0:
        above = (place - 1) >> 1
        if at[far[above]] <= at[node]:
            break
        far[place] = far[above]
        place = above
    far[place] = node


@rare
def far_pop(queue: Any) -> int:
    """The nearest of what is far."""
    far, at, numbers = queue.far, queue.at, queue.numbers
    first = far[0]
    numbers[FAR] -= 1
    count = numbers[FAR]
    if count > 0:
        node = far[count]
        place = 0
        while True:
            below = 2 * place + 1
            if below >= count:
                break
            if below + 1 < count and at[far[below + 1]] < at[far[below]]:
                below += 1
            if at[far[below]] >= at[node]:
                break
            far[place] = far[below]
            place = below
        far[place] = node
    return first


@rare
def pull_near(queue: Any) -> None:
    """What was far and lies within the buckets now moves in."""
    numbers = queue.numbers
    ahead = numbers[CURSOR] + len(queue.heads)
    while numbers[FAR] > 0 and bucket_of(queue, queue.at[queue.far[0]]) < ahead:
        node = far_pop(queue)
        near_push(queue, node, bucket_of(queue, queue.at[node]))


def queue_least(queue: Any, request: Any, attempt: Any) -> int:
    """The event that comes first by (at, request, attempt), -1 when there is none; it stays."""
    numbers = queue.numbers
    if numbers[LEAST] >= 0:
        return numbers[LEAST]
    if numbers[COUNT] == 0:
        return -1
    heads, following, at, row = queue.heads, queue.following, queue.at, queue.row
    mask = len(heads) - 1
    if numbers[NEAR] == 0:
        numbers[CURSOR] = bucket_of(queue, at[queue.far[0]])
        pull_near(queue)
    cursor = numbers[CURSOR]
    looks = 0
    while True:
        best = before = previous = -1
        node = heads[cursor & mask]
        while node >= 0:
            looks += 1
            earlier = best < 0 or at[node] < at[best]
            if best >= 0 and at[node] == at[best]:
                one, other = row[node], row[best]
                earlier = request[one] < request[other] or (
                    request[one] == request[other] and attempt[one] < attempt[other]
                )
            if earlier:
                best = node
                before = previous
            previous = node
            node = following[node]
        if best >= 0 and bucket_of(queue, at[best]) == cursor:  # else all lie a turn of the buckets ahead
            break
        cursor += 1
        if numbers[FAR] > 0 and bucket_of(queue, at[queue.far[0]]) < cursor + len(heads):
            numbers[CURSOR] = cursor
            pull_near(queue)
    numbers[CURSOR] = cursor
    numbers[LEAST] = best
    numbers[BEFORE] = before
    numbers[LOOKS] += looks
    return best


def queue_take(queue: Any) -> None:
    """Take the event out that `queue_least` gave."""
    numbers = queue.numbers
    node = numbers[LEAST]
    before = numbers[BEFORE]
    if before < 0:
        queue.heads[numbers[CURSOR] & (len(queue.heads) - 1)] = queue.following[node]
    else:
        queue.following[before] = queue.following[node]
    queue.following[node] = numbers[FREE]
    numbers[FREE] = node
    numbers[COUNT] -= 1
    numbers[NEAR] -= 1
    numbers[LEAST] = -1
    numbers[POPS] += 1


def queue_room(queue: Any) -> int:
    """How many events may still be pushed."""
    return len(queue.at) - queue.numbers[COUNT]


@rare
def queue_tune(queue: Any, now: float) -> None:
    """Every so often: set the width anew when the gaps between events have become much wider or narrower."""
    numbers, scales = queue.numbers, queue.scales
    crowded = numbers[LOOKS] > CROWDED * numbers[POPS]
    if numbers[POPS] < CHECK_EVERY or not (crowded or numbers[POPS] >= 2 * numbers[COUNT]):
        return
    elapsed = now - scales[SINCE]
    if elapsed > 0.0:
        wanted = (PER_EVENT if numbers[COUNT] > SMALL_MAX else PER_EVENT_SMALL) * numbers[POPS] / elapsed
        if wanted > 1.5 * scales[RATE] or wanted < 0.5 * scales[RATE]:
            scales[RATE] = wanted
            spread_anew(queue, now)
    numbers[POPS] = 0
    numbers[LOOKS] = 0
    scales[SINCE] = now


@rare
def spread_anew(queue: Any, now: float) -> None:
    """All events into the buckets of a new width."""
    numbers, heads, following = queue.numbers, queue.heads, queue.following
    chain = -1
    for head in range(len(heads)):
        node = heads[head]
        while node >= 0:
            after = following[node]
            following[node] = chain
            chain = node
            node = after
        heads[head] = -1
    for place in range(numbers[FAR]):
        node = queue.far[place]
        following[node] = chain
        chain = node
    numbers[FAR] = 0
    numbers[NEAR] = 0
    numbers[LEAST] = -1
    numbers[CURSOR] = bucket_of(queue, now)
    numbers[SCOUT] = 0
    while chain >= 0:
        after = following[chain]
        place = bucket_of(queue, queue.at[chain])
        if place >= numbers[CURSOR] + len(heads):
            far_push(queue, chain)
        else:
            near_push(queue, chain, place)
        chain = after


def earliest(queue: Any, request: Any, attempt: Any) -> float:
    """Instant of the first event, infinity without."""
    node = queue_least(queue, request, attempt)
    return queue.at[node] if node >= 0 else inf

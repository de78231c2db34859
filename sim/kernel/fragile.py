"""Pools that may be struck, as plain functions over columns: the compiled half of `sim.world.fragile`.

The same steps in the same order of arithmetic as `fragile_fifo` and `fragile_sharing` there, which explain them. A
finish in the event list that was called off (crash, pause, another speed, a cancelled attempt) is told by its serial:
that of the row (fifo) or of the pool (sharing, batching). A pool does not know its clients: `left_at` is the node's,
`finished_at` and `status` are written by whoever waits. What strikes is Python's (`fragile_pool`), over `command`.
"""

from __future__ import annotations

from typing import Any

from sim.kernel.batching import (
    batch_arm,
    batch_end_decode,
    batch_end_prefill,
    batch_integrate,
    batch_rate,
    batch_start,
)
from sim.kernel.heaps import heap_remove
from sim.kernel.pools import (
    append,
    book_left,
    integrate,
    share_arm,
    share_depart,
    share_integrate,
    share_start,
    take_first,
)
from sim.kernel.queue import queue_push
from sim.runtime.plain import rare
from sim.types.records import TRUNCATED

SHARING = BATCHING = False  # bound before compiling
NAN = float("nan")
ACCEPT, END, FILL, GO_ON, INTEGRATE, REARM, REMOVE = range(7)  # of `command`


def fragile_accept(k: Any, row: int, p: int, now: float) -> bool:
    """Take an attempt in (start or queue it); False when the queue is full."""
    pools = k.pools
    pools.arrived[p] += 1
    free = pools.in_service[p] < pools.agents[p] and pools.paused[p] == 0
    full = not free and pools.waiting[p] >= pools.queue_max[p]
    if SHARING:
        full = pools.present[p] >= pools.agents[p] + pools.queue_max[p]
    if full:
        pools.refused[p] += 1
        return False
    fragile_integrate(k, p, now)
    pools.present[p] += 1
    k.rows.placed_at[row] = now
    if free or SHARING:
        fragile_start(k, row, p, now)
    else:
        append(k, row, p)
    return True


def fragile_integrate(k: Any, p: int, now: float) -> None:
    """Books and clocks up to now."""
    if SHARING:
        share_integrate(k.pools, p, now)
    elif BATCHING:
        batch_integrate(k, p, now)
    else:
        integrate(k.pools, p, now)


def fragile_start(k: Any, row: int, p: int, now: float) -> None:
    """Into service."""
    if SHARING:
        share_start(k, row, p, now)
    elif BATCHING:
        batch_start(k, row, p, now)
    else:
        pools, rows = k.pools, k.rows
        pools.in_service[p] += 1
        rows.started_at[row] = now
        finish_at = now + rows.work_s[row] / pools.speed[p]
        rearm(k, row, p, finish_at)


def rearm(k: Any, row: int, p: int, finish_at: float) -> None:
    """Fifo: this finish counts, an earlier one is void."""
    rows = k.rows
    rows.finish_at[row] = finish_at
    rows.armed[row] += 1
    queue_push(k.queue, finish_at, row, p, rows.armed[row])


def fragile_end(k: Any, row: int, p: int, serial: int, now: float) -> int:
    """An event of the list happens: the row that leaves, -1 for none. The caller then fills, then tells the client."""
    pools = k.pools
    if SHARING:
        return share_depart(k, p, now) if serial == pools.armed[p] else -1
    if BATCHING:
        if serial >> 1 != pools.armed[p]:
            return -1
        left = batch_end_decode(k, p, now) if serial & 1 else batch_end_prefill(k, p, now)
        if left < 0:
            batch_arm(k, p, now)
        return left
    if serial != k.rows.armed[row]:
        return -1
    integrate(pools, p, now)
    k.rows.armed[row] += 1
    book_left(k, row, p, now)
    return row


def fragile_fill(k: Any, p: int, now: float) -> None:
    """Start what can be started, and schedule what comes next."""
    pools = k.pools
    if SHARING:
        share_arm(k, p, now)
        return
    while pools.paused[p] == 0 and pools.waiting[p] > 0 and pools.in_service[p] < pools.agents[p]:
        row = next_waiting(k, p, now)
        if row < 0:
            break
        fragile_start(k, row, p, now)
    if BATCHING:
        batch_arm(k, p, now)


def next_waiting(k: Any, p: int, now: float) -> int:
    """The next to start, -1 if there is none; drops what expired on the way."""
    pools, rows = k.pools, k.rows
    while pools.waiting[p] > 0:
        row = take_first(k, p)
        if k.uses.drops == 1 and rows.status[row] != TRUNCATED:
            rows.left_at[row] = now
            pools.present[p] -= 1
            pools.dropped[p] += 1
            continue
        return row
    return -1


@rare
def remove(k: Any, row: int, p: int) -> None:
    """Forget an attempt in service; its counts are the caller's."""
    pools, rows, heaps = k.pools, k.rows, k.heaps
    if SHARING:
        heap_remove(heaps, p, row, rows)
        if heaps.count[p] == 0:
            pools.virtual_s[p] = 0.0
    elif BATCHING:
        remove_batched(k, row, p)
    else:
        rows.armed[row] += 1
        rows.finish_at[row] = NAN


def remove_batched(k: Any, row: int, p: int) -> None:
    """From the prefills, or from the decodes."""
    rows, heaps, batch = k.rows, k.heaps, k.batch
    if heap_remove(heaps, 2 * p, row, rows) >= 0.0:
        if heaps.count[2 * p] == 0:
            batch.prefilled_s[p] = 0.0
        return
    tag = heap_remove(heaps, 2 * p + 1, row, rows)
    batch.context[p] -= rows.prompt_tokens[row]
    batch.start_marks[p] -= tag - (rows.output_tokens[row] - 1)
    if heaps.count[2 * p + 1] == 0:
        batch.decoded[p] = 0.0
        batch.start_marks[p] = 0.0
    batch_rate(k, p)


def command(k: Any, what: int, row: int, p: int, serial: int, at: float) -> int:
    """One step for Python, at the instant `at` (of `REARM`: the finish); there is room for two events and pushes.

    `FILL` starts one waiting attempt and gives 1 while another may follow, so that it needs no more room.
    """
    if what == ACCEPT:
        return 1 if fragile_accept(k, row, p, at) else 0
    if what == END:
        return fragile_end(k, row, p, serial, at)
    if what == FILL:
        return fill_one(k, p, at)
    if what == INTEGRATE:
        fragile_integrate(k, p, at)
    elif what == REARM:
        rearm(k, row, p, at)
    elif what == REMOVE:
        remove(k, row, p)
    elif what == GO_ON:
        go_on(k, p, at)
    return 0


def go_on(k: Any, p: int, now: float) -> None:
    """After a pause or at another speed: what comes next (fifo: Python rearms every finish)."""
    if SHARING:
        share_arm(k, p, now)
    elif BATCHING:
        batch_rate(k, p)
        batch_arm(k, p, now)


@rare
def fill_one(k: Any, p: int, now: float) -> int:
    """As `fragile_fill`, at most one start; 1 if more may follow."""
    pools = k.pools
    if not SHARING and pools.paused[p] == 0 and pools.waiting[p] > 0 and pools.in_service[p] < pools.agents[p]:
        row = next_waiting(k, p, now)
        if row >= 0:
            fragile_start(k, row, p, now)
            return 1
    if SHARING:
        share_arm(k, p, now)
    elif BATCHING:
        batch_arm(k, p, now)
    return 0

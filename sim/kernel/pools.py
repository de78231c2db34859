"""Pools of agents as plain functions over columns: first in first out, and processor sharing.

The same steps in the same order of arithmetic as `sim.world.pool`, `fifo` and `sharing`, which explain them; `k` is a
`Kernel`, `p` a row of its pools. What ends an attempt writes what the node is done with and starts what follows; the
caller tells the balancer.
"""

from __future__ import annotations

from typing import Any

from sim.kernel.heaps import heap_pop, heap_push
from sim.kernel.queue import queue_push
from sim.types.records import OK

FRAGILE = False  # bound before compiling: pools that may be struck (`fragile`), which the node's own books follow


def integrate(pools: Any, p: int, now: float) -> None:
    """Books up to now, fifo."""
    elapsed = now - pools.last_at[p]
    pools.area_present_s[p] += pools.present[p] * elapsed
    pools.area_busy_s[p] += pools.in_service[p] * elapsed
    pools.last_at[p] = now


def book_answer(k: Any, row: int, p: int, now: float) -> None:
    """An attempt is done; the books are integrated up to now."""
    pools, rows = k.pools, k.rows
    rows.finished_at[row] = now
    rows.status[row] = OK
    pools.answered[p] += 1
    pools.work_done_s[p] += rows.work_s[row]
    pools.present[p] -= 1
    pools.in_service[p] -= 1


def book_left(k: Any, row: int, p: int, now: float) -> None:
    """The node is done with an attempt that it finished, whoever waits for it; integrated up to now."""
    pools, rows = k.pools, k.rows
    rows.left_at[row] = now
    pools.answered[p] += 1
    pools.work_done_s[p] += rows.work_s[row]
    pools.present[p] -= 1
    pools.in_service[p] -= 1


def append(k: Any, row: int, p: int) -> None:
    """To the end of the pool's line."""
    pools, link = k.pools, k.rows.link
    link[row] = -1
    if pools.waiting[p] == 0:
        pools.first[p] = row
    else:
        link[pools.last[p]] = row
    pools.last[p] = row
    pools.waiting[p] += 1


def take_first(k: Any, p: int) -> int:
    """The first of the pool's line (there is one)."""
    pools = k.pools
    row = pools.first[p]
    pools.first[p] = k.rows.link[row]
    pools.waiting[p] -= 1
    return row


def start(k: Any, row: int, p: int, now: float) -> None:
    """Fifo: its finish is known."""
    pools, rows = k.pools, k.rows
    pools.in_service[p] += 1
    rows.started_at[row] = now
    queue_push(k.queue, now + rows.work_s[row] / pools.speed[p], row, p, 0)


def finish(k: Any, row: int, p: int, now: float) -> None:
    """Fifo: an attempt is done; the next one starts."""
    pools = k.pools
    integrate(pools, p, now)
    book_answer(k, row, p, now)
    if pools.waiting[p] > 0 and pools.in_service[p] < pools.agents[p]:
        start(k, take_first(k, p), p, now)


# Processor sharing


def share_rate(pools: Any, p: int) -> float:
    """Speed of each attempt."""
    present, agents = pools.present[p], pools.agents[p]
    if present <= agents:
        return pools.speed[p]
    return pools.speed[p] * agents / present


def share_integrate(pools: Any, p: int, now: float) -> None:
    """Books and virtual time up to now."""
    elapsed = now - pools.last_at[p]
    present = pools.present[p]
    serves = present > 0
    if FRAGILE:
        if pools.paused[p] == 1:
            serves = False
        else:
            pools.area_work_s[p] += pools.speed[p] * min(present, pools.agents[p]) * elapsed
    pools.area_present_s[p] += present * elapsed
    pools.area_busy_s[p] += min(present, pools.agents[p]) * elapsed
    if serves:
        pools.virtual_s[p] += share_rate(pools, p) * elapsed
    pools.last_at[p] = now


def share_start(k: Any, row: int, p: int, now: float) -> None:
    """It leaves at the tag V + work."""
    pools, rows = k.pools, k.rows
    rows.started_at[row] = now
    pools.in_service[p] += 1
    heap_push(k.heaps, p, pools.virtual_s[p] + rows.work_s[row], row, rows)
    share_arm(k, p, now)


def share_arm(k: Any, p: int, now: float) -> None:
    """Schedule the next departure; an earlier one becomes void."""
    pools, heaps = k.pools, k.heaps
    pools.armed[p] += 1
    if FRAGILE and pools.paused[p] == 1:
        return
    if heaps.count[p] > 0 and pools.agents[p] > 0:
        top = heaps.start[p]
        left_s = (heaps.tag[top] - pools.virtual_s[p]) / share_rate(pools, p)
        at = now + left_s if left_s > 0.0 else now
        queue_push(k.queue, at, heaps.row[top], p, pools.armed[p])


def share_depart(k: Any, p: int, now: float) -> int:
    """The first tag leaves; gives its row. The caller arms anew."""
    pools, rows, heaps = k.pools, k.rows, k.heaps
    share_integrate(pools, p, now)
    tag = heaps.tag[heaps.start[p]]
    row = heap_pop(heaps, p, rows)
    pools.virtual_s[p] = tag if heaps.count[p] > 0 else 0.0
    if FRAGILE:
        book_left(k, row, p, now)
    else:
        book_answer(k, row, p, now)
    return row

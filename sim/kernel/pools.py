"""Pools of agents as plain functions over columns: first in first out, processor sharing, continuous batching.

The same steps in the same order of arithmetic as `sim.world.pool`, `fifo`, `sharing` and `batching`, which explain
them; `k` is a `Kernel`, `p` a row of its pools. `leave_*` write what the node is done with and start what follows; the
caller tells the balancer.
"""

from __future__ import annotations

from typing import Any

from sim.kernel.heaps import heap_pop, heap_push
from sim.kernel.queue import queue_push
from sim.runtime.plain import rare
from sim.types.records import OK, REJECTED

SHARING = BATCHING = False  # bound before compiling


def prefill_seconds(hardware: Any, prompt_tokens: int) -> float:
    """Bound to the token law's rule."""
    return 0.0


def token_seconds(hardware: Any, batch: int, context_tokens: int) -> float:
    """Bound to the token law's rule."""
    return 0.0


def pool_accept(k: Any, row: int, p: int, now: float) -> bool:
    """Take an attempt in (start or queue it); False when the queue is full."""
    pools = k.pools
    pools.arrived[p] += 1
    if SHARING:
        if pools.present[p] >= pools.agents[p] + pools.queue_max[p]:
            return refuse(k, row, p, now)
        share_integrate(pools, p, now)
        pools.present[p] += 1
        share_start(k, row, p, now)
        return True
    free = pools.in_service[p] < pools.agents[p]
    if not free and pools.waiting[p] >= pools.queue_max[p]:
        return refuse(k, row, p, now)
    if BATCHING:
        batch_integrate(k, p, now)
    else:
        integrate(pools, p, now)
    pools.present[p] += 1
    if not free:
        append(k, row, p)
    elif BATCHING:
        batch_start(k, row, p, now)
    else:
        start(k, row, p, now)
    return True


@rare
def refuse(k: Any, row: int, p: int, now: float) -> bool:
    """The queue is full."""
    k.pools.refused[p] += 1
    k.rows.finished_at[row] = now
    k.rows.status[row] = REJECTED
    return False


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
    pools.area_present_s[p] += present * elapsed
    pools.area_busy_s[p] += min(present, pools.agents[p]) * elapsed
    if present > 0:
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
    book_answer(k, row, p, now)
    return row


# Continuous batching: heap 2p holds prefills, heap 2p + 1 decodes


def batch_integrate(k: Any, p: int, now: float) -> None:
    """Books and both clocks up to now."""
    pools, heaps, batch = k.pools, k.heaps, k.batch
    elapsed = now - pools.last_at[p]
    integrate(pools, p, now)
    prefilling = heaps.count[2 * p]
    if prefilling > 0:
        batch.prefilled_s[p] += pools.speed[p] / prefilling * elapsed
    if heaps.count[2 * p + 1] > 0:
        batch.decoded[p] += batch.decode_rate[p] * elapsed


def batch_start(k: Any, row: int, p: int, now: float) -> None:
    """Into the batch: its prefill begins."""
    pools, rows, batch = k.pools, k.rows, k.batch
    rows.started_at[row] = now
    pools.in_service[p] += 1
    tag = batch.prefilled_s[p] + prefill_seconds(k.hardware, rows.prompt_tokens[row])
    heap_push(k.heaps, 2 * p, tag, row, rows)
    batch_arm(k, p, now)


def batch_arm(k: Any, p: int, now: float) -> None:
    """Schedule the next end of a prefill or of a decode, whichever comes first."""
    pools, rows, heaps, batch = k.pools, k.rows, k.heaps, k.batch
    pools.armed[p] += 1
    prefilling, decoding = heaps.count[2 * p], heaps.count[2 * p + 1]
    prefill_at = decode_at = 0.0
    first = second = -1
    if prefilling > 0:
        top = heaps.start[2 * p]
        first = heaps.row[top]
        left_s = (heaps.tag[top] - batch.prefilled_s[p]) * prefilling / pools.speed[p]
        prefill_at = now + max(left_s, 0.0)
    if decoding > 0:
        top = heaps.start[2 * p + 1]
        second = heaps.row[top]
        decode_at = now + max((heaps.tag[top] - batch.decoded[p]) / batch.decode_rate[p], 0.0)
        earlier = first < 0 or decode_at < prefill_at
        if first >= 0 and decode_at == prefill_at:
            one, other = rows.request[second], rows.request[first]
            earlier = one < other or (one == other and rows.attempt[second] < rows.attempt[first])
        if earlier:
            queue_push(k.queue, decode_at, second, p, 2 * pools.armed[p] + 1)
            return
    if first >= 0:
        queue_push(k.queue, prefill_at, first, p, 2 * pools.armed[p])


def batch_end_prefill(k: Any, p: int, now: float) -> int:
    """The first token is there; the row if that was all, else -1 (its decode began). The caller arms anew."""
    rows, heaps, batch = k.rows, k.heaps, k.batch
    batch_integrate(k, p, now)
    tag = heaps.tag[heaps.start[2 * p]]
    row = heap_pop(heaps, 2 * p, rows)
    batch.prefilled_s[p] = tag if heaps.count[2 * p] > 0 else 0.0
    rows.first_token_at[row] = now
    tokens_left = rows.output_tokens[row] - 1
    if tokens_left == 0:
        batch_leave(k, row, p, now)
        return row
    heap_push(heaps, 2 * p + 1, batch.decoded[p] + tokens_left, row, rows)
    batch.context[p] += rows.prompt_tokens[row]
    batch.start_marks[p] += batch.decoded[p]
    batch_rate(k, p)
    return -1


def batch_end_decode(k: Any, p: int, now: float) -> int:
    """The first of the decoding is done; gives its row. The caller arms anew."""
    rows, heaps, batch = k.rows, k.heaps, k.batch
    batch_integrate(k, p, now)
    tag = heaps.tag[heaps.start[2 * p + 1]]
    row = heap_pop(heaps, 2 * p + 1, rows)
    batch.context[p] -= rows.prompt_tokens[row]
    batch.start_marks[p] -= tag - (rows.output_tokens[row] - 1)
    batch.decoded[p] = tag
    if heaps.count[2 * p + 1] == 0:
        batch.decoded[p] = 0.0
        batch.start_marks[p] = 0.0
    batch_rate(k, p)
    batch_leave(k, row, p, now)
    return row


def batch_rate(k: Any, p: int) -> None:
    """Tokens a second of each decoding attempt, from the integer context."""
    batch = k.batch
    decoding = k.heaps.count[2 * p + 1]
    if decoding > 0:
        context = batch.context[p] + int(decoding * batch.decoded[p] - batch.start_marks[p])
        batch.decode_rate[p] = k.pools.speed[p] / token_seconds(k.hardware, decoding, context)


def batch_leave(k: Any, row: int, p: int, now: float) -> None:
    """An attempt is done; the next one starts."""
    pools = k.pools
    book_answer(k, row, p, now)
    if pools.waiting[p] > 0 and pools.in_service[p] < pools.agents[p]:
        batch_start(k, take_first(k, p), p, now)

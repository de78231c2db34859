"""Continuous batching as plain functions over columns: heap 2p holds the prefills of pool p, heap 2p + 1 its decodes.

The same steps in the same order of arithmetic as `sim.world.batching`, which explains them.
"""

from __future__ import annotations

from typing import Any

from sim.kernel.heaps import heap_pop, heap_push
from sim.kernel.pools import book_answer, book_left, integrate, take_first
from sim.kernel.queue import queue_push

FRAGILE = False  # bound before compiling: see `fragile`


def prefill_seconds(hardware: Any, prompt_tokens: int) -> float:
    """Bound to the token law's rule."""
    return 0.0


def token_seconds(hardware: Any, batch: int, context_tokens: int) -> float:
    """Bound to the token law's rule."""
    return 0.0


def batch_integrate(k: Any, p: int, now: float) -> None:
    """Books and both clocks up to now."""
    pools, heaps, batch = k.pools, k.heaps, k.batch
    elapsed = now - pools.last_at[p]
    integrate(pools, p, now)
    if FRAGILE and pools.paused[p] == 1:
        return
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
    if FRAGILE and pools.paused[p] == 1:
        return
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
    if FRAGILE:
        book_left(k, row, p, now)
        return
    book_answer(k, row, p, now)
    if pools.waiting[p] > 0 and pools.in_service[p] < pools.agents[p]:
        batch_start(k, take_first(k, p), p, now)

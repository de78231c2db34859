"""The loop: from one control event to the next, request by request.

What may come next: an event of the pools (a finish), a poll or the answer of a probe, who waits here being sent on, an
arrival; and, handed in, the instant and rank of the environment's next event. Equal instants go by rank
(`sim.runtime.order`). The loop comes back before an event that needs Python, never in the middle of one, so that it can
go on from there: `UNTIL`, `CHUNK` (arrivals are used up), `STALE_VIEW` (the balancer must rebuild a view), `ROOM` (an
arena is nearly full), `EMPTY` (closed, and nobody is left), `STEPS` (as many as were asked for). With attempts it also
comes back in the middle of an event, at the first step that is not plain (`sim.kernel.watched`), and the environment
has events of the ranks of the kernel: then request and attempt of its next one are asked for too.
"""

from __future__ import annotations

from math import inf
from typing import Any

from sim.kernel.ahead import BLOCK, foresee, foresee_finishes, scout
from sim.kernel.batching import batch_arm, batch_end_decode, batch_end_prefill
from sim.kernel.clients import client_is_known, next_request, next_send_at
from sim.kernel.heaps import heaps_steps
from sim.kernel.messages import next_probe, probe_event
from sim.kernel.pools import finish, share_arm, share_depart
from sim.kernel.queue import LEAST, queue_least, queue_room, queue_take, queue_tune
from sim.kernel.requests import answered, arrive, pull
from sim.kernel.state import (
    CHUNK,
    CHUNK_AT,
    CHUNK_END,
    CHUNK_FIRST,
    CLIENT,
    CLOSED,
    EMPTY,
    EVENTS,
    FREE_ROW,
    FREE_ROWS,
    IN_SYSTEM,
    NEXT_ROW,
    NOW,
    PROBES_FROM,
    PROBES_TO,
    PULL,
    PULL_AT,
    PULL_DUE,
    ROOM,
    SIGNAL,
    SOURCE_ENDED,
    STALE_VIEW,
    STEPS,
    UNTIL,
    WAITING,
    WANT,
    WARMING,
    WENT_ON,
)
from sim.kernel.told import draw_picks, tell_all
from sim.kernel.watched import arrive_watched, pool_event_watched
from sim.runtime.order import ARRIVAL, FINISH, PROBE, RETRY
from sim.runtime.plain import rare

SHARING = BATCHING = ATTEMPTS = CLIENTS = STREAMED = False  # bound before compiling
ROWS_SPARE = 256
SPARE = 4  # events that one step may push
STRETCH = 4096  # events between two looks at room and width


def advance(k: Any, until: float, until_rank: int, request: int, attempt: int, steps: int) -> int:
    """Go on to (until, until_rank, request, attempt), exclusive, at most `steps` events; gives why it came back."""
    draw_picks(k)
    reason = stretches(k, until, until_rank, request, attempt, steps)
    if STREAMED:
        tell_all(k)
    return reason


def stretches(k: Any, until: float, until_rank: int, request: int, attempt: int, steps: int) -> int:
    """As `advance`, with pauses in which to look at room and width."""
    left_over = steps
    while left_over > 0:
        stretch = min(safe_steps(k), left_over)
        if stretch <= 0:
            return ROOM
        reason = go_on(k, until, until_rank, request, attempt, stretch)
        if reason != STEPS:
            return reason
        left_over -= stretch
        queue_tune(k.queue, k.instants[NOW])
    return STEPS


def go_on(k: Any, until: float, until_rank: int, until_request: int, until_attempt: int, steps: int) -> int:
    """As `advance`, where nothing can run out within `steps`."""
    numbers, instants, queue, rows, chunk = k.numbers, k.instants, k.queue, k.rows, k.chunk
    request, attempt = rows.request, rows.attempt
    uses = k.uses
    for _ in range(steps):
        if numbers[PULL] == 1:
            if not pull(k, instants[NOW]):
                return STALE_VIEW
            continue
        node = queue.numbers[LEAST]
        if node < 0:
            node = queue_least(queue, request, attempt)
            if uses.ahead == 1:
                scout(k)
        at = until
        rank = until_rank
        mine = False  # whether the next event is the kernel's
        if node >= 0:
            finish_at = queue.at[node]
            mine = finish_at < at or (finish_at == at and rank > FINISH)
            if ATTEMPTS and finish_at == at and rank == FINISH:
                row = queue.row[node]
                mine = comes_before(request[row], attempt[row], until_request, until_attempt)
            if mine:
                at = finish_at
                rank = FINISH
        if CLIENTS:
            arrival_at = next_send_at(k)
            if numbers[CLOSED] == 1 and numbers[IN_SYSTEM] == 0:
                return EMPTY
        elif numbers[CHUNK_AT] < numbers[CHUNK_END]:
            arrival_at = chunk.at[numbers[CHUNK_AT]]
        elif numbers[SOURCE_ENDED] == 1 or numbers[CLOSED] == 1:
            arrival_at = inf
            if numbers[CLOSED] == 1 and numbers[IN_SYSTEM] == 0:
                return EMPTY
        else:
            return CHUNK
        arrives = arrival_at < at or (arrival_at == at and rank > ARRIVAL)
        if ATTEMPTS and arrival_at == at and rank == ARRIVAL:
            coming = numbers[CHUNK_FIRST] + numbers[CHUNK_AT]
            if CLIENTS:
                coming = next_request(k)
            arrives = comes_before(coming, 0, until_request, until_attempt)
        if arrives:
            at = arrival_at
            rank = ARRIVAL
            mine = True
        if uses.signals == 1:
            probe_at = next_probe(k)
            if probe_at < at or (probe_at == at and rank > PROBE):
                at = probe_at
                rank = PROBE
                mine = True
        if numbers[PULL_DUE] == 1 and (instants[PULL_AT] < at or (instants[PULL_AT] == at and rank > RETRY)):
            at = instants[PULL_AT]
            rank = RETRY
            mine = True
        if not mine:
            return UNTIL
        if rank == FINISH:
            instants[NOW] = at
            numbers[EVENTS] += 1
            if ATTEMPTS:
                row, p, serial = queue.row[node], queue.pool[node], queue.serial[node]
                queue_take(queue)
                reason = pool_event_watched(k, row, p, serial, at)
                if reason != WENT_ON:
                    return reason
            else:
                pool_event(k, node, at)
        elif rank == ARRIVAL:
            if uses.ahead == 1 and not (CLIENTS or ATTEMPTS) and numbers[CHUNK_AT] & (BLOCK - 1) == 0:
                if uses.foresees == 1:
                    foresee(k)
                else:
                    foresee_finishes(k)
            if CLIENTS and not client_is_known(k):
                numbers[WANT] = k.clients.client[0]
                return CLIENT
            if ATTEMPTS:
                reason = arrive_watched(k, at)
                if reason == STALE_VIEW:
                    return reason
            elif not arrive(k, at):
                return STALE_VIEW
            instants[NOW] = at
            numbers[EVENTS] += 1
            if ATTEMPTS and reason != WENT_ON:
                return reason
        elif rank == PROBE:
            if ATTEMPTS and numbers[WARMING] == 1:
                instants[NOW] = at
                numbers[EVENTS] += 1
                return SIGNAL
            if not probe_event(k, at):
                return STALE_VIEW
            instants[NOW] = at
            numbers[EVENTS] += 1
        else:
            instants[NOW] = at
            numbers[EVENTS] += 1
            numbers[PULL_DUE] = 0
            numbers[PULL] = 1 if numbers[WAITING] > 0 else 0
    return STEPS


def comes_before(request: int, attempt: int, other_request: int, other_attempt: int) -> bool:
    """Whether an attempt comes first at one instant."""
    return request < other_request or (request == other_request and attempt < other_attempt)


def pool_event(k: Any, node: int, at: float) -> None:
    """What the queue holds at `node` happens: a finish, or a departure that may be void."""
    queue = k.queue
    row, p, serial = queue.row[node], queue.pool[node], queue.serial[node]
    queue_take(queue)
    if SHARING:
        if serial == k.pools.armed[p]:
            row = share_depart(k, p, at)
            share_arm(k, p, at)
            answered(k, row, p, at)
    elif BATCHING:
        if serial >> 1 == k.pools.armed[p]:
            row = batch_end_decode(k, p, at) if serial & 1 else batch_end_prefill(k, p, at)
            batch_arm(k, p, at)
            if row >= 0:
                answered(k, row, p, at)
    else:
        finish(k, row, p, at)
        answered(k, row, p, at)


def rows_left(k: Any) -> int:
    """Rows that may be made; where rows are used again 0 already when there are few, so that a stretch is worth it."""
    left: int = len(k.rows.request) - k.numbers[NEXT_ROW] + k.numbers[FREE_ROWS]
    return 0 if k.uses.reuses == 1 and left < ROWS_SPARE else left


@rare
def safe_steps(k: Any) -> int:
    """How many events fit into queue, rows, heaps and probes, whatever they are."""
    numbers = k.numbers
    steps = min(queue_room(k.queue) // SPARE, STRETCH)
    if k.uses.fragile == 1:
        steps = min(steps, rows_left(k))
    elif numbers[FREE_ROW] < 0:
        steps = min(steps, len(k.rows.request) - numbers[NEXT_ROW])
    else:  # rows that are used again: all but those in the system are free
        steps = min(steps, len(k.rows.request) - numbers[IN_SYSTEM])
    if k.uses.probes == 1:
        steps = min(steps, (len(k.probes.at) - numbers[PROBES_TO] + numbers[PROBES_FROM]) // k.probes_count)
    if SHARING or BATCHING:
        steps = min(steps, heaps_steps(k.heaps))
    return steps

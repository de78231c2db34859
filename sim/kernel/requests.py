"""The way of one request: arrival, dispatch, pool, answer; and who waits at the balancer meanwhile.

The same steps in the same order as `sim.world.engine`, which explains them. A step that meets a view which the balancer
must rebuild first says so before anything has happened. With `STREAMED` rows are used again, and the books of
`sim.measure.stream` hear of every request as it ends.
"""

from __future__ import annotations

from typing import Any

from sim.kernel.accept import pool_accept
from sim.kernel.clients import client_sends, client_thinks, next_place, next_request
from sim.kernel.messages import send_probes
from sim.kernel.state import (
    ARRIVALS,
    CENTRAL_AREA_S,
    CENTRAL_AT,
    CHUNK_AT,
    CHUNK_FIRST,
    FREE_ROW,
    IN_SYSTEM,
    NEXT_ROW,
    PULL,
    TURNS,
    WAITING,
    WANT,
)
from sim.kernel.told import take_picks, tell_ended
from sim.runtime.draws import DISPATCHER, IDLE_TOKEN, PICK
from sim.runtime.plain import STALE, draw, draw_row, rare
from sim.types.records import OK, REJECTED, TRUNCATED

BATCHING = CLIENTS = STREAMED = False  # bound before compiling
NAN = float("nan")


def stream_tokens(books: Any, arrived_at: float, first_token_at: float, finished_at: float, output_tokens: int) -> None:
    """Bound to the rule of a run whose requests are not kept."""


def new_row(k: Any) -> int:
    """A row that is open and nowhere yet; there is room (`safe_steps`)."""
    numbers, rows = k.numbers, k.rows
    row: int = numbers[FREE_ROW]
    if row >= 0:
        numbers[FREE_ROW] = rows.link[row]
    else:
        row = numbers[NEXT_ROW]
        numbers[NEXT_ROW] = row + 1
    rows.started_at[row] = NAN
    rows.finished_at[row] = NAN
    rows.sent_at[row] = NAN
    rows.node[row] = -1
    rows.pool[row] = -1
    rows.link[row] = -1
    rows.attempt[row] = 0
    rows.status[row] = TRUNCATED
    return row


def arrive(k: Any, now: float) -> bool:
    """The next request of the chunk; False when a view must be rebuilt first (nothing has happened then)."""
    numbers, rows, chunk, uses = k.numbers, k.rows, k.chunk, k.uses
    place = numbers[CHUNK_AT]
    entity = numbers[CHUNK_FIRST] + place
    if CLIENTS:
        place = next_place(k)
        entity = next_request(k)
    dispatcher = view = key = 0
    if uses.dispatchers == 1:
        dispatcher = int(draw(k.chance, DISPATCHER, entity, 0, 0) * k.dispatchers_count)
    if uses.views == 1:
        view = chunk.of_view[place]
    if uses.keys == 1:
        key = chunk.key[place]
    take_picks(k, place, entity)
    slot = k.paths.dispatch(k.paths.books, dispatcher, view, k.draws, key, now)
    if slot == STALE:
        numbers[WANT] = dispatcher * k.views_count + view
        return False
    if CLIENTS:
        client_sends(k)
    else:
        numbers[CHUNK_AT] = place + 1
    row = new_row(k)
    rows.request[row] = entity
    rows.arrived_at[row] = now
    rows.work_s[row] = chunk.work_s[place]
    if uses.dispatchers == 1:
        rows.dispatcher[row] = dispatcher
    if uses.keys == 1:
        rows.key[row] = key
    if uses.tokens == 1:
        rows.prompt_tokens[row] = chunk.prompt_tokens[place]
        rows.output_tokens[row] = chunk.output_tokens[place]
    numbers[ARRIVALS] += 1
    numbers[IN_SYSTEM] += 1
    if slot >= 0:
        place_at(k, row, slot, dispatcher, now)
        if uses.probes == 1:
            send_probes(k, row, dispatcher, view, now)
    elif numbers[WAITING] < k.central_max:
        wait(k, row, view, now)
    else:
        rows.finished_at[row] = now
        rows.status[row] = REJECTED
        if STREAMED:
            tell_ended(k, now, NAN, now, 0.0, REJECTED, 1)
        left(k, row, now)
    return True


def place_at(k: Any, row: int, slot: int, dispatcher: int, now: float) -> None:
    """Put an attempt into the pool of a slot, or tell the balancer that it was refused."""
    pools, rows = k.pools, k.rows
    p = pools.of_slot[slot]
    rows.node[row] = pools.node[p]
    rows.pool[row] = p
    if k.uses.probes == 1:
        rows.rif[row] = pools.present[p]
    if not pool_accept(k, row, p, now):
        k.paths.refused(k.paths.books, dispatcher, slot)
        if STREAMED:
            tell_ended(k, rows.arrived_at[row], NAN, now, 0.0, REJECTED, 1)
        left(k, row, now)


def answered(k: Any, row: int, p: int, now: float) -> None:
    """A pool finished an attempt: tell the balancer, then whoever waits for it."""
    rows, uses, pools = k.rows, k.uses, k.pools
    dispatcher = rows.dispatcher[row] if uses.dispatchers == 1 else 0
    draw_idle = draw(k.chance, IDLE_TOKEN, rows.request[row], 0, 0) if uses.idle_draws == 1 else 0.0
    latency_s = now - rows.arrived_at[row]
    if k.numbers[TURNS] > 0 and rows.sent_at[row] <= now:
        latency_s = now - rows.sent_at[row]
    if STREAMED:
        tell_ended(k, rows.arrived_at[row], rows.started_at[row], now, rows.work_s[row], OK, 1)
        if BATCHING:
            stream_tokens(k.stream, rows.arrived_at[row], rows.first_token_at[row], now, rows.output_tokens[row])
    slot = pools.slot[p]
    k.paths.complete(k.paths.books, dispatcher, slot, now, latency_s, pools.present[p], draw_idle)
    if uses.probes == 1:
        k.paths.record(k.paths.books, slot, rows.rif[row], latency_s)
    if k.numbers[WAITING] > 0:
        k.numbers[PULL] = 1
    left(k, row, now)


def left(k: Any, row: int, now: float) -> None:
    """A request is out of the system."""
    k.numbers[IN_SYSTEM] -= 1
    if CLIENTS:
        client_thinks(k, k.rows.request[row], now)
    if STREAMED:  # its row is free; the ended status stays until it is used again
        k.rows.link[row] = k.numbers[FREE_ROW]
        k.numbers[FREE_ROW] = row


@rare
def wait(k: Any, row: int, view: int, now: float) -> None:
    """At the balancer, at the end of its view's line."""
    numbers, lines, link = k.numbers, k.lines, k.rows.link
    integrate_central(k, now)
    link[row] = -1
    if lines.first[view] < 0:
        lines.first[view] = row
    else:
        link[lines.last[view]] = row
    lines.last[view] = row
    numbers[WAITING] += 1
    numbers[TURNS] += 1


@rare
def integrate_central(k: Any, now: float) -> None:
    """Requests that wait here, integrated over time."""
    k.instants[CENTRAL_AREA_S] += k.numbers[WAITING] * (now - k.instants[CENTRAL_AT])
    k.instants[CENTRAL_AT] = now


@rare
def pull(k: Any, now: float) -> bool:
    """Send one waiting request on, if the first of any line finds a slot; False when a view must be rebuilt first."""
    sent = send_first(k, now)
    if sent == STALE:
        return False
    if sent < 0 or k.numbers[WAITING] == 0:
        k.numbers[PULL] = 0
    return True


@rare
def send_first(k: Any, now: float) -> int:
    """Send on the first to have come that finds a slot, by line; its slot, -1 for none, STALE."""
    numbers, lines, rows = k.numbers, k.lines, k.rows
    after = -1
    while True:
        view = -1
        for each in range(len(lines.first)):
            row = lines.first[each]
            follows = row >= 0 and (after < 0 or came_first(rows, after, row))
            if follows and (view < 0 or came_first(rows, row, lines.first[view])):
                view = each
        if view < 0:
            return -1
        row = lines.first[view]
        after = row
        dispatcher = rows.dispatcher[row] if k.uses.dispatchers == 1 else 0
        key = rows.key[row] if k.uses.keys == 1 else 0
        draw_row(k.chance, PICK, rows.request[row], 0, k.draws_count, k.draws)
        slot = k.paths.dispatch(k.paths.books, dispatcher, view, k.draws, key, now)
        if slot == STALE:
            numbers[WANT] = dispatcher * k.views_count + view
            return STALE
        if slot >= 0:
            integrate_central(k, now)
            numbers[WAITING] -= 1
            lines.first[view] = rows.link[row]
            rows.sent_at[row] = now
            place_at(k, row, slot, dispatcher, now)
            if k.uses.probes == 1:
                send_probes(k, row, dispatcher, view, now)
            return slot


def came_first(rows: Any, one: int, other: int) -> bool:
    """Whether one request came before another."""
    if rows.arrived_at[one] != rows.arrived_at[other]:
        return rows.arrived_at[one] < rows.arrived_at[other]
    return rows.request[one] < rows.request[other]

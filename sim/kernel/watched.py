"""The way of an attempt that nothing happens to, where deadlines, retries, hedges or faults may happen to others.

The same steps in the same order as `sim.world.hot`, which explains them, up to the first that is not plain: then it
says what is left to do for the attempt `numbers[AT_ROW]` (`WENT_ON`: nothing), and the very objects that serve SimPy's
side do that, over the same columns. What is asked before a step is whether it will be plain, so that no step is taken
twice: whether a breaker counts trials, whether a row belongs to a request with several attempts (`by_hand`).
"""

from __future__ import annotations

from typing import Any

from sim.kernel.clients import client_sends, client_thinks, next_place, next_request
from sim.kernel.fragile import fragile_accept, fragile_end, fragile_fill
from sim.kernel.messages import send_probes
from sim.kernel.requests import new_row, stream_tokens
from sim.kernel.state import (
    ANSWER_ROW,
    ANSWERED,
    ARRIVALS,
    AT_POOL,
    AT_ROW,
    AT_SERIAL,
    BROKEN,
    CHUNK_AT,
    CHUNK_FIRST,
    FREE_ROW,
    FREE_ROWS,
    IN_SYSTEM,
    LATE,
    PICK_ROW,
    PLACE_ROW,
    POOL_EVENT,
    REFUSED_ROW,
    SHED_ROW,
    STALE_VIEW,
    TURNS,
    WAIT_ROW,
    WAITING,
    WANT,
    WARMING,
    WENT_ON,
)
from sim.kernel.told import take_picks, tell_ended
from sim.runtime.draws import ADMISSION, DISPATCHER, IDLE_TOKEN
from sim.runtime.plain import NONE, STALE, draw
from sim.types.records import OK, TRUNCATED

CLIENTS = False  # bound before compiling
BATCHING = STREAMED = False  # bound likewise
NAN = float("nan")


def admission_admit(state: Any, priority: int, in_flight: int, draw: float, now: float) -> bool:
    """Bound to the control plane's rule, as those below."""
    return True


def admission_ended(state: Any, ok: bool, now: float) -> None:
    """A request ended."""


def budget_fresh(state: Any) -> None:
    """A first attempt."""


def hub_ok(state: Any, slot: int, now: float) -> int:
    """An attempt was answered; who must act."""
    return 0


def breaker_sent(state: Any, slot: int) -> bool:
    """Whether an attempt that is sent is a trial."""
    return False


def breaker_dropped(state: Any, slot: int) -> bool:
    """Whether an attempt that ends was a trial."""
    return False


def arrive_watched(k: Any, now: float) -> int:
    """The next request of the chunk; `STALE_VIEW` when a view must be rebuilt first (nothing has happened then)."""
    numbers, rows, chunk, uses = k.numbers, k.rows, k.chunk, k.uses
    place = numbers[CHUNK_AT]
    entity = numbers[CHUNK_FIRST] + place
    if CLIENTS:
        place = next_place(k)
        entity = next_request(k)
    dispatcher = view = key = priority = 0
    if uses.dispatchers == 1:
        dispatcher = int(draw(k.chance, DISPATCHER, entity, 0, 0) * k.dispatchers_count)
    if uses.views == 1:
        view = chunk.of_view[place]
    if uses.keys == 1:
        key = chunk.key[place]
    if uses.priorities == 1:
        priority = chunk.priority[place]
    admitted = True
    if uses.admission == 1:
        u = draw(k.chance, ADMISSION, entity, 0, 0) if uses.admission_draws == 1 else 0.0
        admitted = admission_admit(k.admission, priority, numbers[IN_SYSTEM], u, now)
    slot = NONE
    if admitted:  # asked again after a stale view, it says the same and changes nothing
        take_picks(k, place, entity)
    if admitted and numbers[WARMING] == 0:
        slot = k.paths.dispatch(k.paths.books, dispatcher, view, k.draws, key, now)
        if slot == STALE:
            numbers[WANT] = dispatcher * k.views_count + view
            return STALE_VIEW
    if CLIENTS:
        client_sends(k)
    else:
        numbers[CHUNK_AT] = place + 1
    row = watched_row(k, entity, now)
    rows.work_s[row] = chunk.work_s[place]
    if uses.views == 1:
        rows.of_view[row] = view
    if uses.priorities == 1:
        rows.priority[row] = priority
    if uses.singles == 1:
        rows.single[row] = chunk.single[place]
    if uses.dispatchers == 1:
        rows.dispatcher[row] = dispatcher
    if uses.keys == 1:
        rows.key[row] = key
    if uses.tokens == 1:
        rows.prompt_tokens[row] = chunk.prompt_tokens[place]
        rows.output_tokens[row] = chunk.output_tokens[place]
    numbers[ARRIVALS] += 1
    numbers[IN_SYSTEM] += 1
    if not admitted:
        return SHED_ROW
    if uses.fresh == 1:
        budget_fresh(k.budget)
    if numbers[WARMING] == 1:
        return PICK_ROW
    if slot < 0:
        return WAIT_ROW
    return place_watched(k, row, slot, dispatcher, view, now)


def watched_row(k: Any, entity: int, now: float) -> int:
    """A row for an attempt that begins now; `numbers[AT_ROW]` names it."""
    rows = k.rows
    is_first = k.numbers[FREE_ROW] < 0
    if not is_first:
        k.numbers[FREE_ROWS] -= 1
    row = new_row(k)
    if is_first:  # one that is used again counts on: what was armed for it before may still lie in the event list
        rows.armed[row] = 0
    k.numbers[AT_ROW] = row
    rows.request[row] = entity
    rows.arrived_at[row] = now
    rows.placed_at[row] = NAN
    rows.left_at[row] = NAN
    rows.finish_at[row] = NAN
    rows.slot[row] = -1
    rows.by_hand[row] = 0
    if k.uses.tokens == 1:
        rows.first_token_at[row] = NAN
    return row


def place_watched(k: Any, row: int, slot: int, dispatcher: int, view: int, now: float) -> int:
    """Put it into the pool of its slot, and send its probes."""
    pools, rows, uses = k.pools, k.rows, k.uses
    p = pools.of_slot[slot]
    rows.slot[row] = slot
    if k.numbers[BROKEN] == 1 or pools.down[p] == 1:
        return PLACE_ROW
    if uses.breaks == 1 and breaker_sent(k.hub.breaker, slot):
        return PLACE_ROW
    rows.node[row] = pools.node[p]
    rows.pool[row] = p
    if uses.probes == 1:
        rows.rif[row] = pools.present[p]
    if not fragile_accept(k, row, p, now):
        return REFUSED_ROW
    if uses.probes == 1:
        send_probes(k, row, dispatcher, view, now)
    return WENT_ON


def pool_event_watched(k: Any, row: int, p: int, serial: int, now: float) -> int:
    """What the event list holds happens at a pool; the caller took it out of there."""
    if k.pools.by_hand[p] != 0:
        k.numbers[AT_ROW] = row
        k.numbers[AT_POOL] = p
        k.numbers[AT_SERIAL] = serial
        return POOL_EVENT
    left = fragile_end(k, row, p, serial, now)
    if left < 0:
        return WENT_ON
    fragile_fill(k, p, now)
    return answered_watched(k, left, p, now)


def answered_watched(k: Any, row: int, p: int, now: float) -> int:
    """A pool has served an attempt: its client has the answer, and the request ends."""
    numbers, rows, uses, pools = k.numbers, k.rows, k.uses, k.pools
    slot = rows.slot[row]
    asks = numbers[BROKEN] == 1 or rows.by_hand[row] == 1 or numbers[WAITING] > 0 or numbers[WARMING] == 1
    if uses.pokes == 1 and pools.present[p] == 0:
        asks = True
    if uses.breaks == 1 and breaker_dropped(k.hub.breaker, slot):
        asks = True
    if rows.status[row] != TRUNCATED and not asks:
        numbers[LATE] += 1
        return WENT_ON
    if asks:
        numbers[AT_ROW] = row
        numbers[AT_POOL] = p
        return ANSWER_ROW
    rows.finished_at[row] = now
    rows.status[row] = OK
    dispatcher = rows.dispatcher[row] if uses.dispatchers == 1 else 0
    draw_idle = draw(k.chance, IDLE_TOKEN, rows.request[row], 0, 0) if uses.idle_draws == 1 else 0.0
    latency_s = now - rows.arrived_at[row]
    if numbers[TURNS] > 0 and rows.sent_at[row] <= now:
        latency_s = now - rows.sent_at[row]
    k.paths.complete(k.paths.books, dispatcher, slot, now, latency_s, pools.present[p], draw_idle)
    if uses.probes == 1:
        k.paths.record(k.paths.books, slot, rows.rif[row], latency_s)
    if uses.hub == 1:
        hub_ok(k.hub, slot, now)
    if STREAMED:
        tell_ended(k, rows.arrived_at[row], rows.started_at[row], now, rows.work_s[row], OK, 1)
        if BATCHING:
            stream_tokens(k.stream, rows.arrived_at[row], rows.first_token_at[row], now, rows.output_tokens[row])
    numbers[ANSWERED] += 1
    if uses.learns == 1:
        admission_ended(k.admission, True, now)
    numbers[IN_SYSTEM] -= 1
    if CLIENTS:
        client_thinks(k, rows.request[row], now)
    if uses.reuses == 1:
        free_row(k, row)
    else:
        rows.over[row] = 1
    return WENT_ON


def free_row(k: Any, row: int) -> None:
    """A row that its request and its node are done with, and that nobody will ask for, is used again."""
    k.rows.link[row] = k.numbers[FREE_ROW]
    k.numbers[FREE_ROW] = row
    k.numbers[FREE_ROWS] += 1

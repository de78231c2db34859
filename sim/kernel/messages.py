"""Signals that take messages: polls, and probes with their answers (see `sim.world.engine`)."""

from __future__ import annotations

from typing import Any

from sim.kernel.state import (
    POLL_AT,
    POLL_S,
    POLL_TICK,
    PROBE_S,
    PROBES_FROM,
    PROBES_TO,
    WANT,
)
from sim.runtime.draws import PROBE
from sim.runtime.plain import STALE, draw_row, rare


@rare
def next_probe(k: Any) -> float:
    """Instant of the next poll or probe answer, infinity without."""
    at: float = k.instants[POLL_AT]
    if k.numbers[PROBES_FROM] < k.numbers[PROBES_TO]:
        at = k.probes.at[k.numbers[PROBES_FROM] & (len(k.probes.at) - 1)]
    return at


@rare
def probe_event(k: Any, now: float) -> bool:
    """A poll, or the answer of the first probe; False when a view must be rebuilt first."""
    numbers, instants, probes = k.numbers, k.instants, k.probes
    if numbers[PROBES_FROM] == numbers[PROBES_TO]:
        fill_occupancies(k)
        k.paths.poll(k.paths.books, k.targets)
        numbers[POLL_TICK] += 1
        instants[POLL_AT] = numbers[POLL_TICK] * instants[POLL_S]
        return True
    place = numbers[PROBES_FROM] & (len(probes.at) - 1)
    slot, dispatcher, view = probes.slot[place], probes.dispatcher[place], probes.of_view[place]
    rif = k.pools.present[k.pools.of_slot[slot]]
    if k.paths.probe_answer(k.paths.books, dispatcher, view, slot, now, rif) == STALE:
        numbers[WANT] = dispatcher * k.views_count + view
        return False
    numbers[PROBES_FROM] += 1
    return True


def fill_occupancies(k: Any) -> None:
    """What every slot holds, by slot, into `targets`."""
    pools = k.pools
    for slot in range(len(pools.of_slot)):
        p = pools.of_slot[slot]
        k.targets[slot] = pools.present[p] if p >= 0 else 0


@rare
def send_probes(k: Any, row: int, dispatcher: int, view: int, now: float) -> int:
    """Probes after a dispatch; they are answered `PROBE_S` later, in order of (at, request, number).

    Gives their number; `STALE` when the view must be rebuilt first (never right after a dispatch).
    """
    numbers, probes = k.numbers, k.probes
    entity = k.rows.request[row]
    draw_row(k.chance, PROBE, entity, k.rows.attempt[row], k.probes_count, k.draws)
    count = k.paths.probe_targets(k.paths.books, dispatcher, view, k.draws, k.targets)
    mask = len(probes.at) - 1
    at = now + k.instants[PROBE_S]
    for number in range(count):
        place = numbers[PROBES_TO]
        while place > numbers[PROBES_FROM]:
            before = (place - 1) & mask
            if probes.at[before] < at:
                break
            if probes.at[before] == at:
                other = probes.request[before]
                if other < entity or (other == entity and probes.number[before] <= number):
                    break
            to = place & mask
            probes.at[to] = probes.at[before]
            probes.request[to] = probes.request[before]
            probes.number[to] = probes.number[before]
            probes.slot[to] = probes.slot[before]
            probes.dispatcher[to] = probes.dispatcher[before]
            probes.of_view[to] = probes.of_view[before]
            place -= 1
        to = place & mask
        probes.at[to] = at
        probes.request[to] = entity
        probes.number[to] = number
        probes.slot[to] = k.targets[number]
        probes.dispatcher[to] = dispatcher
        probes.of_view[to] = view
        numbers[PROBES_TO] += 1
    sent: int = count
    return sent

"""Prequal's probe pool: the few latest answers of nodes, each used a bounded number of times, aged and thinned out.

One entry a slot, at most `probe_pool_max`. An entry leaves when it is older than `probe_age_s`, after `reuse` uses,
when its slot may not be picked any more, when a full pool takes a new one (the oldest leaves), and one a query, in turn
the oldest and the worst (Wydrowski, Kleinberg et al. 2024, section 4). Units: seconds, requests in flight.
"""

from __future__ import annotations

from collections.abc import Sequence

from sim.scalability.balancer.fleet_state import FleetState, ViewState, floats, integers
from sim.scalability.balancer.sample import draw_distinct


class PoolState(ViewState):
    """Entries are rows 0..used-1 of the columns, shape (pool_max,); `row_of` gives a slot's row or -1, (slots_max,)."""

    __slots__ = ("age_s", "answered_at", "carry", "drawn", "generation", "latency_s", "pool_max", "probes", "quantile",
                 "ranked", "reuse", "rif", "row_of", "slot", "take_oldest", "used", "uses")  # fmt: skip

    def __init__(self, slots_max: int, pool_max: int, probes: int, age_s: float, quantile: float) -> None:
        super().__init__(slots_max)
        self.pool_max, self.probes, self.age_s, self.quantile = pool_max, probes, age_s, quantile
        self.slot = integers(pool_max)
        self.generation = integers(pool_max)
        self.rif = integers(pool_max)
        self.latency_s = floats(pool_max)
        self.answered_at = floats(pool_max)
        self.uses = integers(pool_max)  # left
        self.ranked = integers(pool_max)
        self.row_of = integers(slots_max, -1)
        self.drawn = integers(probes)
        self.used = 0
        self.take_oldest = 1
        self.reuse = 1.0
        self.carry = 0.0  # fraction of a use owed to the next entry, so that entries get `reuse` uses on average


def pool_remove(state: PoolState, row: int) -> None:
    """Drop an entry; the last one fills its row."""
    state.used -= 1
    last = state.used
    state.row_of[state.slot[row]] = -1
    if row != last:
        state.slot[row] = state.slot[last]
        state.generation[row] = state.generation[last]
        state.rif[row] = state.rif[last]
        state.latency_s[row] = state.latency_s[last]
        state.answered_at[row] = state.answered_at[last]
        state.uses[row] = state.uses[last]
        state.row_of[state.slot[row]] = row


def pool_oldest(state: PoolState) -> int:
    """Row of the entry that answered first."""
    oldest = 0
    for row in range(1, state.used):
        if state.answered_at[row] < state.answered_at[oldest]:
            oldest = row
    return oldest


def pool_put(fleet: FleetState, state: PoolState, slot: int, now: float, rif: int, latency_s: float) -> None:
    """A probe of `slot` was answered; a slot that may not be picked is not kept."""
    if state.position[slot] < 0:
        return
    row = state.row_of[slot]
    if row < 0:
        if state.used == state.pool_max:
            pool_remove(state, pool_oldest(state))
        row = state.used
        state.used += 1
        state.slot[row] = slot
        state.row_of[slot] = row
    state.generation[row] = fleet.generation[slot]
    state.rif[row] = rif
    state.latency_s[row] = latency_s
    state.answered_at[row] = now
    state.carry += state.reuse
    state.uses[row] = int(state.carry)
    state.carry -= state.uses[row]


def pool_clean(fleet: FleetState, state: PoolState, now: float) -> None:
    """Drop entries too old, of slots that may not be picked, or of an earlier owner of the slot."""
    oldest_at = now - state.age_s
    row = 0
    while row < state.used:
        slot = state.slot[row]
        if (
            state.answered_at[row] < oldest_at
            or state.position[slot] < 0
            or state.generation[row] != fleet.generation[slot]
        ):
            pool_remove(state, row)
        else:
            row += 1


def pool_threshold(state: PoolState) -> int:
    """The `quantile` of the pool's rifs (nearest rank): an entry above it is hot."""
    ranked = state.ranked
    for row in range(state.used):
        rif = state.rif[row]
        place = row
        while place > 0 and ranked[place - 1] > rif:
            ranked[place] = ranked[place - 1]
            place -= 1
        ranked[place] = rif
    rank = int(state.quantile * state.used)
    return ranked[state.used - 1 if rank >= state.used else rank]


def pool_best(state: PoolState, threshold: int) -> int:
    """Hot-cold lexicographic: the cold row of lowest latency (rif breaks ties), else the row of lowest rif."""
    best = -1
    for row in range(state.used):
        if state.rif[row] <= threshold and (
            best < 0
            or state.latency_s[row] < state.latency_s[best]
            or (state.latency_s[row] == state.latency_s[best] and state.rif[row] < state.rif[best])
        ):
            best = row
    return best


def pool_worst(state: PoolState, threshold: int) -> int:
    """The hot row of highest rif, else the row of highest latency."""
    worst = 0
    for row in range(1, state.used):
        rif, worst_rif = state.rif[row], state.rif[worst]
        if rif > threshold or worst_rif > threshold:
            if rif > worst_rif:
                worst = row
        elif state.latency_s[row] > state.latency_s[worst]:
            worst = row
    return worst


def pool_use(state: PoolState, row: int, threshold: int) -> int:
    """Send to the slot of `row`: it holds one more, the entry one use less; then thin the pool (2 or more) by one."""
    slot = state.slot[row]
    state.rif[row] += 1
    state.uses[row] -= 1
    if state.uses[row] <= 0:
        pool_remove(state, row)
    pool_remove(state, pool_oldest(state) if state.take_oldest else pool_worst(state, threshold))
    state.take_oldest = 1 - state.take_oldest
    return slot


def probe_sample(state: PoolState, draws: Sequence[float]) -> list[int]:
    """Up to `probes` distinct slots to probe, drawn uniformly."""
    count = min(state.probes, state.size)
    return [state.slots[draw_distinct(state.drawn, number, state.size, draws[number])] for number in range(count)]

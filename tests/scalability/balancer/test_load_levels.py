"""Slots by their count against a plain scan: who has the fewest, the order of ties, and loads far above the levels."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sim.scalability.balancer.choosers.least_connections import (
    FewestState,
    changed_fewest,
    changed_unless_full,
    pick_fewest,
    rebuild_fewest,
)
from sim.scalability.balancer.fleet_state import Facts, FleetState, enter
from sim.scalability.balancer.least import TIES
from sim.scalability.balancer.load_levels import (
    BELOW,
    LEVELS,
    NOWHERE,
    TOP,
    LoadLevels,
    last_bit,
    levels_fill,
    levels_move,
    levels_rank,
    levels_select,
    levels_tied,
)

SIZES = [1, 31, 32, 33, 512, 513, 8_193]  # words, groups and blocks: full and just above
LEVEL = st.sampled_from([NOWHERE, 0, 1, 2, TOP - 1])
MOVES = st.lists(st.tuples(st.integers(0, 8_192), LEVEL), max_size=60)


def tied_slots(levels: Sequence[int]) -> list[int]:
    least = min((level for level in levels if level >= 0), default=NOWHERE)
    return [slot for slot, level in enumerate(levels) if level == least and level >= 0]


def held(levels: LoadLevels) -> list[set[int]]:
    """What the counts that are kept say, by level: slots, by block, by group, by word, and the bits themselves."""
    found = []
    for level in range(LEVELS):
        seen = {levels.in_level[level]}
        for counts, each in (
            (levels.in_block, levels.blocks),
            (levels.in_group, levels.groups),
            (levels.in_word, levels.words),
        ):
            if each > 1:
                seen.add(sum(counts[level * each : (level + 1) * each]))
        words = levels.bits[level * levels.words : (level + 1) * levels.words]
        found.append(seen | {sum(bits.bit_count() for bits in words)})
    return found


@given(st.sampled_from(SIZES), MOVES)
@example(8_193, [(3, 0), (8_192, 0)])  # tied across two blocks
def test_the_fewest_their_ties_selection_and_rank_match_a_scan(size: int, moves: list[tuple[int, int]]) -> None:
    levels, at = LoadLevels(size), [NOWHERE] * size
    for slot, level in moves:
        levels_move(levels, slot % size, level)
        at[slot % size] = level
        tied = tied_slots(at)
        if tied:
            assert levels.least[0] == at[tied[0]]
            assert levels_tied(levels) == len(tied)
            assert [levels_select(levels, rank) for rank in range(len(tied))] == tied
            places = [*range(0, size, max(size // 50, 1)), size - 1, size, *tied]
            assert [levels_rank(levels, place) for place in places] == [
                sum(slot < place for slot in tied) for place in places
            ]
        else:
            assert levels.least[0] == TOP
    assert list(levels.level) == at
    assert held(levels) == [{at.count(level)} for level in range(LEVELS)]


@pytest.mark.parametrize("bit", range(32))
def test_the_lowest_bit_is_found(bit: int) -> None:
    assert last_bit(1 << bit) == bit
    assert last_bit(((1 << 32) - 1) >> bit << bit) == bit


@given(st.lists(st.integers(0, 200), min_size=1, max_size=80))
def test_filling_puts_every_member_at_its_load_and_leaves_room_below(counts: list[int]) -> None:
    levels = LoadLevels(100)
    levels_fill(levels, [99], 1, [7] * 100)  # who is no member any more
    levels_fill(levels, range(len(counts)), len(counts), counts)
    base = max(min(counts) - BELOW, 0)
    assert levels.base[0] == base
    assert list(levels.level) == [min(count - base, TOP) for count in counts] + [NOWHERE] * (100 - len(counts))
    assert levels.least[0] == min(counts) - base < TOP


def state_of(fleet: FleetState, members: int, ties: str) -> FewestState:
    state = FewestState(len(fleet.count), TIES[ties], -1)
    for slot in range(members):
        enter(state, slot)
    rebuild_fewest(fleet, state)
    return state


LOADS = st.lists(st.tuples(st.integers(0, 39), st.sampled_from([0, 1, 5, 30, 31, 32, 90, 200])), max_size=80)


@pytest.mark.parametrize("ties", ["random", "rotate", "lowest"])
@pytest.mark.parametrize("changed", [changed_fewest, changed_unless_full])
@given(loads=LOADS, draw=st.floats(0.01, 0.99))
def test_the_pick_is_that_of_a_scan_whatever_the_loads(
    changed: object, ties: str, loads: list[tuple[int, int]], draw: float
) -> None:
    assert callable(changed)
    fleet = FleetState(40, Facts(40), True)
    state, last = state_of(fleet, 39, ties), -1
    for slot, load in loads:
        fleet.count[slot] = load
        changed(fleet, state, slot)
        low = min(fleet.count[:39])
        tied = [other for other in range(39) if fleet.count[other] == low]
        after = [other for other in tied if other > last] or tied
        wanted = {"random": tied[int(draw * len(tied))], "rotate": after[0], "lowest": tied[0]}[ties]
        assert pick_fewest(fleet, state, [draw], 0, 0.0) == wanted
        last = wanted
    assert state.levels.level[39] == NOWHERE  # whose load changed, but who is no member


def test_who_is_full_is_picked_again_when_it_is_not() -> None:
    fleet = FleetState(3, Facts(3), True)
    state = state_of(fleet, 3, "lowest")
    state.position[0] = -1
    changed_unless_full(fleet, state, 0)
    assert pick_fewest(fleet, state, [], 0, 0.0) == 1
    state.position[0] = 0
    changed_unless_full(fleet, state, 0)
    assert pick_fewest(fleet, state, [], 0, 0.0) == 0

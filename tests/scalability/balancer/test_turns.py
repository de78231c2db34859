"""round_robin and weighted_round_robin: exact sequences, membership changes, and the smooth rule slot by slot."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.scalability.balancer.balancer import Balancer
from sim.scalability.balancer.params import BalancerParams
from tests.conformance.balancer.board import fleet_of

ROUND = BalancerParams(kind="round_robin")
SMOOTH = BalancerParams(kind="weighted_round_robin")


def turns(balancer: Balancer, count: int, dispatcher: int = 0) -> list[int]:
    return [balancer.dispatch(dispatcher, 0, (), 0, 0.0) for _ in range(count)]


def smooth_rule(weights: Sequence[float], count: int) -> list[int]:
    """nginx's rule as it is told: everyone gains its weight, the first of the highest pays the total."""
    levels, found = [0.0] * len(weights), []
    for _ in range(count):
        levels = [level + weight for level, weight in zip(levels, weights, strict=True)]
        best = levels.index(max(levels))
        levels[best] -= sum(weights)
        found.append(best)
    return found


def test_turns_in_slot_order() -> None:
    assert turns(fleet_of(ROUND, 3), 7) == [0, 1, 2, 0, 1, 2, 0]


def test_a_turn_goes_on_after_the_last_pick_when_members_change() -> None:
    balancer = fleet_of(ROUND, 5)
    assert turns(balancer, 2) == [0, 1]
    balancer.set_eligible("n2", False)
    assert turns(balancer, 2) == [3, 4]
    balancer.set_eligible("n2", True)
    assert turns(balancer, 3) == [0, 1, 2]
    balancer.set_eligible("n2", True)  # no news: nothing is rebuilt
    assert balancer.states[0][0].fresh
    assert turns(balancer, 2) == [3, 4]
    balancer.set_eligible("n0", False)
    assert turns(balancer, 1) == [1]


def test_dispatchers_start_evenly_spread() -> None:
    for params in (ROUND, SMOOTH):
        balancer = fleet_of(BalancerParams(kind=params.kind, dispatchers=3), 6)
        assert [turns(balancer, 3, dispatcher) for dispatcher in range(3)] == [[0, 1, 2], [2, 3, 4], [4, 5, 0]]


def test_turns_skip_full_slots_when_the_queue_is_at_the_balancer() -> None:
    balancer = fleet_of(BalancerParams(kind="round_robin", queue="central"), 3, 2)
    assert turns(balancer, 7) == [0, 1, 2, 0, 1, 2, -1]
    balancer.complete(0, 2, 0, 1.0, 1.0, 1)
    balancer.complete(0, 0, 0, 1.0, 1.0, 1)
    assert turns(balancer, 3) == [0, 2, -1]


def test_the_smooth_sequence_of_five_one_one() -> None:
    assert turns(fleet_of(SMOOTH, 3, 1, weights=(5.0, 1.0, 1.0)), 14) == [0, 0, 1, 0, 2, 0, 0] * 2


@given(st.lists(st.sampled_from([0.5, 1.0, 2.0, 3.0, 5.0]), min_size=1, max_size=12))
def test_the_rule_by_classes_is_the_rule_slot_by_slot(weights: list[float]) -> None:
    balancer = fleet_of(SMOOTH, len(weights), 1, weights=tuple(weights))
    assert turns(balancer, 80) == smooth_rule(weights, 80)


@given(st.lists(st.integers(1, 4), min_size=1, max_size=8))
def test_with_the_queue_at_the_balancer_and_room_it_is_the_same_rule(weights: list[int]) -> None:
    agents = 64  # never full in 40 picks
    balancer = fleet_of(
        BalancerParams(kind="weighted_round_robin", queue="central"), len(weights), agents, weights=tuple(weights)
    )
    assert turns(balancer, 40) == smooth_rule(weights, 40)


def test_full_slots_sit_out_without_gaining() -> None:
    balancer = fleet_of(BalancerParams(kind="weighted_round_robin", queue="central"), 3, 2, weights=(4.0, 1.0, 1.0))
    # weights 8, 2, 2: levels -4 2 2, -8 4 4; slot 0 is full: -8 2 6, -8 4 4
    assert turns(balancer, 4) == [0, 0, 1, 2]
    balancer.complete(0, 0, 0, 1.0, 1.0, 1)
    # 0 -6 6; slot 1 is full, 8 and 8 tie: -2 -6 8; slot 0 is full
    assert turns(balancer, 4) == [1, 0, 2, -1]


def test_membership_resets_the_levels_but_a_poll_does_not() -> None:
    balancer = fleet_of(SMOOTH, 3, 1, weights=(5.0, 1.0, 1.0))
    assert turns(balancer, 3) == [0, 0, 1]
    balancer.poll(1.0, [7, 7, 7])
    assert turns(balancer, 2) == [0, 2]
    balancer.set_eligible("n2", False)
    assert turns(balancer, 6) == [0, 0, 0, 1, 0, 0]


@pytest.mark.parametrize("kind", ["round_robin", "weighted_round_robin", "random"])
def test_load_blind_strategies_ask_for_no_poll(kind: str) -> None:
    assert fleet_of(BalancerParams(kind=kind, signal="polled", refresh_s=3.0), 2).refresh_s is None

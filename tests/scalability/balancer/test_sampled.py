"""random and power_of_d: which uniform gives which slot, and the law of d draws."""

from __future__ import annotations

from array import array
from itertools import permutations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import ConfigError
from sim.scalability.balancer.balancer import make_balancer
from sim.scalability.balancer.choosers.power_of_d import SampleState, pick_pair, pick_sample
from sim.scalability.balancer.fleet_state import Facts, FleetState, enter
from sim.scalability.balancer.params import BalancerParams
from sim.scalability.balancer.sample import draw_distinct
from tests.conformance.balancer.board import fleet_of

ALMOST_ONE = 1.0 - 2.0**-53  # the largest uniform


def loaded(counts: list[int], d: int) -> tuple[FleetState, SampleState]:
    fleet, state = FleetState(len(counts), Facts(len(counts)), is_local=True), SampleState(len(counts), d)
    for slot, count in enumerate(counts):
        fleet.count[slot] = count
        enter(state, slot)
    return fleet, state


def test_a_uniform_maps_to_its_slot() -> None:
    balancer = fleet_of(BalancerParams(kind="random"), 4)
    assert [balancer.dispatch(0, 0, [u], 0, 0.0) for u in (0.0, 0.2499, 0.25, 0.5, 0.75, ALMOST_ONE)] == [
        0, 0, 1, 2, 3, 3,
    ]  # fmt: skip


@given(st.integers(1, 2**20))
def test_the_largest_uniform_stays_inside(size: int) -> None:
    assert int(ALMOST_ONE * size) == size - 1


def test_draws_without_replacement_give_every_ordered_pair_once() -> None:
    found = []
    for first, second in product(range(4), range(3)):
        drawn = array("q", [0, 0])
        found.append((draw_distinct(drawn, 0, 4, (first + 0.5) / 4), draw_distinct(drawn, 1, 4, (second + 0.5) / 3)))
    assert sorted(found) == sorted(permutations(range(4), 2))


def test_draws_of_all_positions_are_all_permutations() -> None:
    found = []
    for cells in product(range(4), range(3), range(2), range(1)):
        drawn = array("q", [0] * 4)
        found.append(tuple(draw_distinct(drawn, m, 4, (cell + 0.5) / (4 - m)) for m, cell in enumerate(cells)))
        assert drawn.tolist() == [0, 1, 2, 3]
    assert sorted(found) == sorted(permutations(range(4)))


@given(st.lists(st.integers(0, 4), min_size=1, max_size=9), st.floats(0, ALMOST_ONE), st.floats(0, ALMOST_ONE))
def test_the_pair_rule_is_the_general_rule_with_two(counts: list[int], first: float, second: float) -> None:
    fleet, state = loaded(counts, 2)
    assert pick_pair(fleet, state, (first, second), 0, 0.0) == pick_sample(fleet, state, (first, second), 0, 0.0)


def test_fewer_wins_and_the_first_drawn_wins_a_tie() -> None:
    fleet, state = loaded([5, 1, 1, 0], 2)
    assert pick_pair(fleet, state, (0.1, 0.1), 0, 0.0) == 1  # slots 0 and 1
    assert pick_pair(fleet, state, (0.3, 0.4), 0, 0.0) == 1  # slots 1 and 2
    assert pick_pair(fleet, state, (0.6, 0.4), 0, 0.0) == 2  # slots 2 and 1
    assert pick_pair(fleet, state, (0.3, 0.7), 0, 0.0) == 3  # slots 1 and 3


@pytest.mark.parametrize("d", [4, 9])
def test_d_of_all_nodes_finds_the_least_loaded(d: int) -> None:
    fleet, state = loaded([3, 2, 1, 2], d)
    for cells in product(range(4), range(3), range(2)):
        draws = [(cells[0] + 0.5) / 4, (cells[1] + 0.5) / 3, (cells[2] + 0.5) / 2] + [0.5] * (d - 3)
        assert pick_sample(fleet, state, draws, 0, 0.0) == 2


def test_one_of_d_is_random() -> None:
    fleet, state = loaded([9, 0, 0, 0], 1)
    assert [pick_sample(fleet, state, (u,), 0, 0.0) for u in (0.1, 0.3, 0.6, 0.8)] == [0, 1, 2, 3]


@pytest.mark.parametrize("d", [0, 129])
def test_d_has_a_bound(d: int) -> None:
    with pytest.raises(ConfigError, match=rf"balancer\.d={d}: accepted is 1 to 128"):
        make_balancer(BalancerParams(kind="power_of_d", d=d), ("agent",), 3)
    assert make_balancer(BalancerParams(kind="power_of_d", d=128), ("agent",), 3).draws_count == 128

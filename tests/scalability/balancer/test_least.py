"""The least-loaded family: scores and the three rules for ties, in exact sequences."""

from __future__ import annotations

from collections import Counter

import pytest

from sim.scalability.balancer.balancer import Balancer
from sim.scalability.balancer.params import BalancerParams
from tests.conformance.balancer.board import fleet_of


def picks_of(balancer: Balancer, draws: list[float], now: float = 0.0) -> list[int]:
    return [balancer.dispatch(0, 0, [draw], 0, now) for draw in draws]


def test_random_ties_are_uniform_over_the_tied() -> None:
    found = []
    for cell in range(4):
        balancer = fleet_of(BalancerParams(kind="least_connections"), 5)
        assert picks_of(balancer, [0.1]) == [0]
        found += picks_of(balancer, [cell / 4 + 0.01])
    assert found == [1, 2, 3, 4]


def test_rotating_and_lowest_ties_need_no_draw() -> None:
    for ties, expected in (("rotate", [0, 1, 2, 0]), ("lowest", [0, 0, 0, 0])):
        balancer = fleet_of(BalancerParams(kind="least_connections", ties=ties), 3)
        assert balancer.draws_count == 0
        found = []
        for _ in range(4):
            slot = balancer.dispatch(0, 0, (), 0, 0.0)
            balancer.complete(0, slot, 0, 0.0, 1.0, 0)
            found.append(slot)
        assert found == expected


def test_rotation_starts_evenly_spread_over_dispatchers() -> None:
    balancer = fleet_of(BalancerParams(kind="least_connections", ties="rotate", dispatchers=3), 6)
    assert [balancer.dispatch(dispatcher, 0, (), 0, 0.0) for dispatcher in (0, 1, 2)] == [0, 2, 4]


def test_the_fewest_attempts_win() -> None:
    balancer = fleet_of(BalancerParams(kind="least_connections"), 3)
    assert sorted(picks_of(balancer, [0.5] * 3)) == [0, 1, 2]
    balancer.complete(0, 1, 0, 1.0, 1.0, 0)
    assert picks_of(balancer, [0.99, 0.0]) == [1, 0]


def test_weights_are_speed_times_agents_and_idle_fast_nodes_go_first() -> None:
    balancer = fleet_of(BalancerParams(kind="weighted_least_connections", ties="lowest"), 2, 1, weights=(1.0, 2.0))
    assert picks_of(balancer, [0.0] * 4) == [1, 0, 1, 1]  # (n+1)/w: 1|.5, 1|1, 2|1, 2|1.5
    balancer.agents_changed("n0", "agent", 8)  # weight 8 against 2, with 1 against 3 attempts
    assert Counter(picks_of(balancer, [0.0] * 6)) == {0: 6}


def test_local_counts_of_two_dispatchers_are_their_own() -> None:
    balancer = fleet_of(BalancerParams(kind="least_connections", ties="lowest", dispatchers=2), 2)
    picks = [balancer.dispatch(dispatcher, 0, (), 0, 0.0) for dispatcher in (0, 1, 0, 1)]
    assert picks == [0, 0, 1, 1]
    assert balancer.statistics().in_flight == (2, 2)


@pytest.mark.parametrize("own", [False, True])
def test_a_polled_count_is_the_board_plus_own_dispatches_since(own: bool) -> None:
    params = BalancerParams(
        kind="least_connections", ties="lowest", signal="polled", refresh_s=2.0, count_own_dispatches=own
    )
    balancer = fleet_of(params, 3)
    assert balancer.refresh_s == 2.0
    balancer.poll(0.0, [4, 2, 3])
    assert picks_of(balancer, [0.0] * 3) == ([1, 1, 2] if own else [1, 1, 1])
    balancer.complete(0, 1, 0, 1.0, 1.0, 9)
    assert list(balancer.fleets[0].count[:3]) == ([4, 4, 4] if own else [4, 2, 3])
    assert balancer.statistics().in_flight == ((0, 1, 1) if own else (0, 2, 0))
    balancer.poll(2.0, [0, 5, 5])
    assert picks_of(balancer, [0.0]) == [0]


def test_a_poll_reaches_every_dispatcher() -> None:
    params = BalancerParams(kind="least_connections", ties="lowest", signal="polled", dispatchers=2)
    balancer = fleet_of(params, 3)
    balancer.poll(0.0, [1, 1, 0])
    assert [balancer.dispatch(dispatcher, 0, (), 0, 0.0) for dispatcher in (0, 1, 0)] == [2, 2, 2]

"""consistent_hash: the ring, what a membership change moves, and the bound on the load."""

from __future__ import annotations

import subprocess
import sys
from array import array
from collections import Counter
from math import ceil

from hypothesis import given
from hypothesis import strategies as st

from sim.scalability.balancer.balancer import Balancer
from sim.scalability.balancer.params import BalancerParams
from sim.scalability.balancer.ring import mix_half, mix_key, ring_find, slot_points
from tests.conformance.balancer.board import fleet_of

KEYS = 4000


def homes(balancer: Balancer, keys: int = KEYS) -> list[int]:
    """Where each key goes on an idle fleet."""
    found = []
    for key in range(keys):
        slot = balancer.dispatch(0, 0, (), key, 0.0)
        balancer.complete(0, slot, balancer.generation[slot], 0.0, 1.0, 0)
        found.append(slot)
    return found


def loose(nodes: int, ring_points: int = 100) -> Balancer:
    return fleet_of(BalancerParams(kind="consistent_hash", load_factor=100.0, ring_points=ring_points), nodes)


def test_points_are_the_same_in_another_process() -> None:
    code = "from sim.scalability.balancer.ring import slot_points; print(slot_points('n7', 'agent', 11))"
    other = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": "77"}
    )
    points = slot_points("n7", "agent", 11)
    assert other.stdout.strip() == str(points)
    assert len(set(points)) == 11
    assert all(0 <= point < 2**62 for point in points)
    assert slot_points("n7", "agent", 8) == points[:8]
    assert slot_points("n7", "chat", 11) != points


@given(st.integers(0, 2**62 - 1))
def test_a_mixed_key_stays_on_the_ring_and_one_bit_moves_it_far(key: int) -> None:
    assert 0 <= mix_key(key) < 2**62
    assert mix_key(key) != mix_key(key ^ 1)


def test_consecutive_keys_spread_evenly_over_the_ring() -> None:
    cells = Counter(mix_key(key) >> 56 for key in range(64_000))  # 64 cells of 1000
    chi_square = sum((cells[cell] - 1000) ** 2 / 1000 for cell in range(64))
    assert 63 - 4 * (2 * 63) ** 0.5 < chi_square < 63 + 4 * (2 * 63) ** 0.5  # mean 63, sd sqrt(126)
    assert len({mix_half(word) for word in range(50_000)}) == 50_000


@given(st.lists(st.integers(0, 100), min_size=1, max_size=30), st.integers(0, 101))
def test_the_search_finds_the_next_point_or_closes_the_ring(points: list[int], at: int) -> None:
    points.sort()
    following = [index for index, point in enumerate(points) if point >= at]
    assert ring_find(array("q", points), len(points), at) == (following[0] if following else 0)


def test_a_key_keeps_its_node_and_nodes_share_the_keys() -> None:
    balancer = loose(8, ring_points=400)
    first = homes(balancer)
    assert homes(balancer) == first
    for count in Counter(first).values():  # arcs of 400 exponential-like points: sd 1/sqrt(400) = 5 % of the mean
        assert abs(count / (KEYS / 8) - 1) < 4 * (1 / 400 + 8 / KEYS) ** 0.5


def test_one_node_more_moves_about_its_share_and_only_to_itself() -> None:
    before = homes(loose(9))
    balancer = fleet_of(BalancerParams(kind="consistent_hash", load_factor=100.0), 10)
    after = homes(balancer)
    moved = [at for at in range(KEYS) if before[at] != after[at]]
    assert {after[at] for at in moved} == {9}
    error = (0.1 * 0.9 / KEYS + 0.01 / 100) ** 0.5  # keys' and points' share of the variance
    assert abs(len(moved) / KEYS - 0.1) < 4 * error
    balancer.node_left("n9")
    assert homes(balancer) == before


def test_a_drained_node_gets_the_same_keys_back() -> None:
    balancer = loose(5)
    before = homes(balancer)
    balancer.set_eligible("n3", False)
    during = homes(balancer)
    assert all(old == new for old, new in zip(before, during, strict=True) if old != 3)
    balancer.set_eligible("n3", True)
    assert homes(balancer) == before


def test_no_node_exceeds_its_bound_even_for_one_hot_key() -> None:
    for weights in ((1.0,), (0.5, 1.0, 2.0)):
        balancer = fleet_of(BalancerParams(kind="consistent_hash", load_factor=1.25), 6, 1, weights=weights)
        shares = [weights[node % len(weights)] for node in range(6)]
        for sent in range(200):
            slot = balancer.dispatch(0, 0, (), 7, 0.0)
            bound = ceil(1.25 * (sent + 1) * shares[slot] / sum(shares))
            assert balancer.statistics().in_flight[slot] <= bound


def test_load_factor_one_is_perfect_balance() -> None:
    balancer = fleet_of(BalancerParams(kind="consistent_hash", load_factor=1.0), 5)
    for _ in range(100):
        balancer.dispatch(0, 0, (), 3, 0.0)
    assert balancer.statistics().in_flight == (20,) * 5


def test_the_total_follows_answers_and_members() -> None:
    balancer = fleet_of(BalancerParams(kind="consistent_hash"), 3)
    slots = [balancer.dispatch(0, 0, (), key, 0.0) for key in range(30)]
    state = balancer.states[0][0]
    assert state.total == 30
    balancer.complete(0, slots[0], 0, 1.0, 1.0, 0)
    assert state.total == 29
    balancer.set_eligible("n1", False)
    balancer.dispatch(0, 0, (), 0, 1.0)
    in_flight = balancer.statistics().in_flight
    assert state.total == in_flight[0] + in_flight[2]
    balancer.complete(0, 1, 0, 1.0, 1.0, 0)  # of a node that is no member now
    assert state.total == in_flight[0] + in_flight[2]


def test_with_the_queue_at_the_balancer_a_full_node_is_walked_past() -> None:
    balancer = fleet_of(BalancerParams(kind="consistent_hash", queue="central", load_factor=1.0), 2, 3, (1.0, 5.0))
    slots = [balancer.dispatch(0, 0, (), 3, 0.0) for _ in range(7)]
    assert Counter(slots) == {0: 3, 1: 3, -1: 1}


def test_a_ring_that_loses_all_its_points_is_rebuilt_under_the_eyes_of_a_compiled_engine() -> None:
    """An array with a view on it takes no assignment of an empty slice."""
    balancer = loose(2)
    seen = [memoryview(state.points) for views in balancer.states for state in views]
    assert balancer.dispatch(0, 0, (), 5, 0.0) >= 0
    for each in range(2):
        balancer.set_eligible(f"n{each}", False)
    assert balancer.dispatch(0, 0, (), 5, 0.0) == -1
    balancer.set_eligible("n1", True)
    assert balancer.slots[balancer.dispatch(0, 0, (), 5, 0.0)][0] == "n1"
    assert len(seen) == 1

"""response_time: the peak-EWMA rule by hand, its logarithm against the load it stands for, and unknown nodes."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.scalability.balancer.choosers.response_time import EWMA_MIN_S, ewma_answered, score_ewma
from sim.scalability.balancer.fleet_state import Facts, FleetState
from sim.scalability.balancer.params import BalancerParams
from tests.conformance.balancer.board import fleet_of

PARAMS = BalancerParams(kind="response_time", ties="lowest", ewma_tau_s=10.0)


def test_a_peak_counts_at_once_and_decays_with_tau() -> None:
    fleet = FleetState(1, Facts(1), is_local=True, tau_s=10.0)
    ewma_answered(fleet, 0, 5.0, 2.0)
    assert fleet.ewma_s[0] == 2.0
    ewma_answered(fleet, 0, 6.0, 4.0)
    assert fleet.ewma_s[0] == 4.0
    ewma_answered(fleet, 0, 16.0, 1.0)  # one tau later
    assert fleet.ewma_s[0] == pytest.approx(4.0 / math.e + 1.0 * (1.0 - 1.0 / math.e), rel=1e-15)
    assert fleet.ewma_at[0] == 16.0


LATENCY = st.floats(0.001, 100.0)
ANSWERS = st.lists(st.tuples(st.integers(0, 2), st.floats(0.0, 20.0), LATENCY), min_size=3, max_size=30)


@given(ANSWERS, st.lists(st.integers(0, 5), min_size=3, max_size=3), st.floats(0.0, 50.0))
def test_the_stored_logarithm_orders_as_the_decayed_load_does(
    answers: list[tuple[int, float, float]], counts: list[int], wait_s: float
) -> None:
    fleet, now = FleetState(3, Facts(3), is_local=True, tau_s=10.0), 0.0
    for slot in range(3):
        ewma_answered(fleet, slot, now, 1.0)
    for slot, gap_s, latency_s in answers:
        now += gap_s
        ewma_answered(fleet, slot, now, latency_s)
    now += wait_s
    for slot, count in enumerate(counts):
        fleet.in_flight[slot] = count
        load = fleet.ewma_s[slot] * math.exp(-(now - fleet.ewma_at[slot]) / 10.0) * (count + 1)
        assert score_ewma(fleet, slot) - now / 10.0 == pytest.approx(math.log(load), abs=1e-9)


def test_a_latency_of_zero_is_floored() -> None:
    fleet = FleetState(1, Facts(1), is_local=True)
    ewma_answered(fleet, 0, 0.0, 0.0)
    assert fleet.ewma_s[0] == EWMA_MIN_S
    assert score_ewma(fleet, 0) == math.log(EWMA_MIN_S)


def test_the_faster_node_is_chosen_until_its_queue_outweighs_it() -> None:
    balancer = fleet_of(PARAMS, 2)
    assert [balancer.dispatch(0, 0, (), 0, 0.0) for _ in range(2)] == [0, 1]
    balancer.complete(0, 0, 0, 1.0, 1.0, 0)
    balancer.complete(0, 1, 0, 1.0, 3.5, 0)
    assert [balancer.dispatch(0, 0, (), 0, 1.0) for _ in range(5)] == [0, 0, 0, 1, 0]  # 1 2 3 | 4 > 3.5 | 4 < 7


def test_a_fresh_node_gets_one_attempt_and_then_waits_for_its_answer() -> None:
    balancer = fleet_of(PARAMS, 3)
    for slot in range(3):
        assert balancer.dispatch(0, 0, (), 0, 0.0) == slot
    for slot in range(3):
        balancer.complete(0, slot, 0, 1.0, 1.0, 0)
    balancer.node_left("n1")
    balancer.node_joined("fresh", 1.0)
    balancer.agents_changed("fresh", "agent", 1)
    picks = [balancer.dispatch(0, 0, (), 0, 2.0) for _ in range(50)]
    assert picks[0] == 1
    assert 1 not in picks[1:]
    balancer.complete(0, 1, 1, 3.0, 0.5, 0)
    assert balancer.dispatch(0, 0, (), 0, 3.0) == 1


def test_unknown_nodes_with_work_share_by_count() -> None:
    balancer = fleet_of(PARAMS, 3)
    assert [balancer.dispatch(0, 0, (), 0, 0.0) for _ in range(7)] == [0, 1, 2, 0, 1, 2, 0]

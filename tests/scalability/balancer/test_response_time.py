"""response_time: the peak-EWMA rule by hand, what decays and what does not, and unknown nodes."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.scalability.balancer.balancer import Balancer
from sim.scalability.balancer.choosers.response_time import EWMA_MIN_S, ewma_answered, score_busy, score_idle
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


@given(ANSWERS, st.lists(st.integers(0, 3), min_size=3, max_size=3), st.floats(0.0, 50.0))
def test_the_pick_is_the_least_of_decayed_idle_and_undecayed_busy_loads(
    answers: list[tuple[int, float, float]], counts: list[int], wait_s: float
) -> None:
    balancer, now = fleet_of(PARAMS, 3), 0.0
    fleet = balancer.fleets[0]
    for slot in range(3):
        ewma_answered(fleet, slot, now, 1.0)
    for slot, gap_s, latency_s in answers:
        now += gap_s
        ewma_answered(fleet, slot, now, latency_s)
    now += wait_s
    loads = []
    for slot, count in enumerate(counts):
        fleet.in_flight[slot] = count
        decay = 1.0 if count else math.exp(-(now - fleet.ewma_at[slot]) / 10.0)
        loads.append(fleet.ewma_s[slot] * decay * (count + 1))
    picked = balancer.dispatch(0, 0, (), 0, now)
    assert loads[picked] == pytest.approx(min(loads), rel=1e-9)


def test_a_latency_of_zero_is_floored() -> None:
    fleet = FleetState(1, Facts(1), is_local=True)
    ewma_answered(fleet, 0, 0.0, 0.0)
    assert fleet.ewma_s[0] == EWMA_MIN_S
    assert score_idle(fleet, 0) == math.log(EWMA_MIN_S)


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


def answered_fleet(latencies_s: list[float]) -> Balancer:
    """Nodes of one answer each, at 1 s, with nothing in flight."""
    balancer = fleet_of(PARAMS, len(latencies_s))
    slots = [balancer.dispatch(0, 0, (), 0, 0.0) for _ in latencies_s]
    for slot, latency_s in zip(slots, latencies_s, strict=True):
        balancer.complete(0, slot, 0, 1.0, latency_s, 0)
    return balancer


def test_a_busy_slot_never_becomes_cheaper_without_an_answer() -> None:
    """The death spiral: a node that answers nothing for 20 tau, under its queue, must not look fast again."""
    balancer = answered_fleet([1.0, 5.0])
    balancer.fleets[0].in_flight[0] = 9  # load 10, for ever
    balancer.fleets[0].in_flight[1] = 0
    balancer.set_eligible("n0", False)
    balancer.set_eligible("n0", True)  # rebuilt with those counts
    for step in range(200):
        assert balancer.dispatch(0, 0, (), 0, 1.0 + step) == 1
        balancer.complete(0, 1, 0, 1.0 + step, 5.0, 0)
    assert score_busy(balancer.fleets[0], 0) == math.log(10.0)


def test_an_idle_slot_that_was_slow_is_tried_again_when_its_past_has_faded() -> None:
    balancer = answered_fleet([1.0, 20.0])
    picks = {}
    for step in range(60):
        now = 1.0 + step
        picks[step] = balancer.dispatch(0, 0, (), 0, now)
        balancer.complete(0, picks[step], 0, now, 1.0 if picks[step] == 0 else 20.0, 0)
    tried = [step for step, slot in picks.items() if slot == 1]
    # slot 0 shows 1 x exp(-1/10) a second after its answer; 20 exp(-t/10) falls below that at t = 10 ln 20 + 1 = 30.96
    assert tried[0] == 31


def test_full_slots_are_in_neither_tree() -> None:
    balancer = fleet_of(BalancerParams(kind="response_time", ties="lowest", queue="central"), 2, 1)
    assert [balancer.dispatch(0, 0, (), 0, 0.0) for _ in range(3)] == [0, 1, -1]
    state = balancer.states[0][0]
    assert (state.tree.value[1], state.idle.value[1]) == (math.inf, math.inf)

"""A second attempt beside the first: another node under every strategy whenever there is one, and right books."""

from __future__ import annotations

from collections import Counter

import pytest

from sim.registry import names
from sim.scalability.balancer.balancer import Balancer, make_balancer
from sim.scalability.balancer.params import BalancerParams
from sim.scalability.balancer.slow_start import SlowStartParams
from tests.conformance.balancer.traffic import params_of

KINDS = names("balancer")
TYPES = ("chat", "code")
NODES = 5


def fleet(
    params: BalancerParams, types: tuple[str, ...] = ("chat",), nodes: int = NODES, slow: bool = False
) -> Balancer:
    start = SlowStartParams(30.0, lambda: 0.0) if slow else None
    balancer = make_balancer(params, types, 16, start)
    for node in range(nodes):
        balancer.node_joined(f"n{node}", 1.0)
        for agent_type in types:
            balancer.agents_changed(f"n{node}", agent_type, 4)
    return balancer


def spread(count: int, number: int) -> list[float]:
    """Uniforms of a low-discrepancy sequence, so that shares come out without a wide tolerance."""
    return [(0.5 + (number + 1) * step) % 1.0 for step in (0.754877, 0.569840, 0.3247, 0.1459, 0.8191)][:count]


@pytest.mark.parametrize("queue", ["node", "central"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_hedge_finds_another_node_and_every_count_comes_back(kind: str, queue: str) -> None:
    for types in (("chat",), TYPES):
        balancer = fleet(params_of(kind, queue=queue), types)
        for view in range(balancer.views_count):
            for number in range(60):
                now = float(number)
                draws = spread(balancer.draws_count, number)
                first = balancer.dispatch(0, view, draws, 7, now)
                second = balancer.dispatch_elsewhere(0, view, [*draws, spread(1, number)[0]], 7, first, now)
                assert balancer.slots[second][0] != balancer.slots[first][0]
                assert sum(balancer.statistics().in_flight) == 2
                for slot in (first, second):
                    balancer.complete(0, slot, balancer.generation[slot], now + 0.5, 0.5, 0, 0.5)
        facts = balancer.table.facts
        assert all(0 <= facts.tokens[slot] <= facts.capacity[slot] for slot in range(len(balancer.slots)))


@pytest.mark.parametrize("kind", KINDS)
def test_there_is_no_hedge_without_another_node(kind: str) -> None:
    for types, view in ((("chat",), 0), (TYPES, 2)):
        balancer = fleet(params_of(kind), types)
        first = balancer.dispatch(0, view, spread(balancer.draws_count, 0), 3, 0.0)
        for node in range(NODES):
            if balancer.slots[first][0] != f"n{node}":
                balancer.set_eligible(f"n{node}", False)
        draws = spread(balancer.draws_count, 1)
        assert balancer.dispatch_elsewhere(0, view, [*draws, 0.5], 3, first, 0.0) == -1
        assert sum(balancer.statistics().in_flight) == 1
        balancer.set_eligible(balancer.slots[first][0], False)
        assert balancer.dispatch_elsewhere(0, view, [*draws, 0.5], 3, first, 0.0) == -1  # nothing may be picked at all


def test_what_falls_on_the_same_node_goes_to_the_others_uniformly() -> None:
    params = BalancerParams(kind="least_connections", ties="lowest")
    for types, view in ((("chat",), 0), (TYPES, 2)):
        balancer = fleet(params, types)
        slots = len(types)  # of a node
        for slot in range(slots, NODES * slots):
            balancer.fleets[0].in_flight[slot] = 9
        balancer.set_eligible("n4", False)  # the tree is built anew
        first = balancer.dispatch(0, view, (), 0, 0.0)
        assert first == 0
        found: Counter[int] = Counter()
        others = 3 * slots
        for number in range(10 * others):
            slot = balancer.dispatch_elsewhere(0, view, [(number + 0.5) / (10 * others)], 0, first, 0.0)
            balancer.refused(0, slot, 0, 0.0)
            found[slot] += 1
        assert found == dict.fromkeys(range(slots, 4 * slots), 10)


def test_a_slot_that_may_not_be_picked_any_more_takes_no_share_from_the_others() -> None:
    balancer = fleet(BalancerParams(kind="random"), nodes=3)
    first = balancer.dispatch(0, 0, [0.0], 0, 0.0)
    balancer.set_eligible("n0", False)
    found = [balancer.dispatch_elsewhere(0, 0, [u, 0.5], 0, first, 0.0) for u in (0.1, 0.9)]
    assert (first, found) == (0, [1, 2])


@pytest.mark.parametrize("slow", [False, True])
def test_an_idle_token_that_was_not_used_comes_back(slow: bool) -> None:
    balancer = fleet(BalancerParams(kind="join_idle_queue"), nodes=2, slow=slow)
    draws = spread(balancer.draws_count, 0)
    assert [balancer.dispatch(0, 0, draws, 0, 0.0) for _ in range(3)] == [0, 1, 0]
    before = list(balancer.table.facts.tokens[:2])
    slots = [balancer.dispatch_elsewhere(0, 0, [*draws, 0.5], 0, 1, 0.0)]  # node 1 is next: its token stays
    assert (slots, before) == ([0], [2, 3])
    assert list(balancer.table.facts.tokens[:2]) == [2, 3]


def test_the_pool_of_probes_does_not_count_what_was_not_sent() -> None:
    balancer = fleet(params_of("prequal"), nodes=3)
    for slot, rif in ((0, 5), (1, 1), (2, 4)):
        balancer.probe_answer(0, 0, slot, 0.0, rif, 0.1 * rif)
    state = balancer.states[0][0]
    assert balancer.dispatch(0, 0, [0.5], 0, 0.0) == 1
    assert state.rif[state.row_of[1]] == 2
    assert balancer.dispatch_elsewhere(0, 0, [0.9, 0.4], 0, 1, 0.0) == 0
    assert state.rif[state.row_of[1]] == 2

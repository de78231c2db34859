"""What every registered strategy owes, whatever its rule; new strategies are picked up from the registry."""

from __future__ import annotations

from collections import Counter

import pytest

from sim.errors import FleetError
from sim.registry import names
from sim.scalability.balancer.balancer import make_balancer
from tests.conformance.balancer.board import fleet_of
from tests.conformance.balancer.traffic import SEED, Traffic, params_of

KINDS = names("balancer")
FAIR = ("round_robin", "weighted_round_robin")


@pytest.mark.parametrize("dispatchers", [1, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_counts_follow_the_books_and_return_to_zero(kind: str, dispatchers: int) -> None:
    traffic = Traffic(fleet_of(params_of(kind, dispatchers=dispatchers), 7, 4))
    picks = traffic.run(400)
    assert set(picks) == set(range(7)), f"seed {SEED}: every node has work"
    traffic.drain()
    assert traffic.balancer.statistics().in_flight == (0,) * 7


@pytest.mark.parametrize("dispatchers", [1, 3])
@pytest.mark.parametrize("queue", ["node", "central"])
@pytest.mark.parametrize("kind", KINDS)
def test_only_eligible_nodes_are_picked_and_a_node_that_returns_gets_work(
    kind: str, queue: str, dispatchers: int
) -> None:
    balancer = fleet_of(params_of(kind, queue=queue, dispatchers=dispatchers), 6, 12)
    traffic = Traffic(balancer)
    traffic.run(100)
    balancer.set_eligible("n2", False)
    balancer.agents_changed("n4", "agent", 0)
    assert not set(traffic.run(300)) & {2, 4}, f"seed {SEED}"
    balancer.set_eligible("n2", True)
    balancer.agents_changed("n4", "agent", 12)
    assert {2, 4} <= set(traffic.run(600)), f"seed {SEED}"


@pytest.mark.parametrize("queue", ["node", "central"])
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_eligible_is_minus_one(kind: str, queue: str) -> None:
    empty = make_balancer(params_of(kind, queue=queue), ("agent",), 4)
    assert Traffic(empty).send() == -1
    balancer = fleet_of(params_of(kind, queue=queue), 4)
    for node in range(4):
        balancer.set_eligible(f"n{node}", False)
    assert Traffic(balancer).send() == -1
    for node in range(4):
        balancer.node_left(f"n{node}")
    assert Traffic(balancer).send() == -1


@pytest.mark.parametrize("kind", KINDS)
def test_a_queue_at_the_balancer_fills_every_agent_and_no_more(kind: str) -> None:
    traffic = Traffic(fleet_of(params_of(kind, queue="central"), 5, 3))
    picks = [traffic.send() for _ in range(15)]
    assert Counter(picks) == dict.fromkeys(range(5), 3), f"seed {SEED}"
    assert traffic.send() == -1
    for _ in range(300):
        traffic.answer()
        freed = next(slot for slot in range(5) if traffic.held[slot] == 2)
        assert traffic.send() == freed, f"seed {SEED}"
        assert traffic.send() == -1


@pytest.mark.parametrize("kind", KINDS)
def test_more_agents_open_a_full_slot(kind: str) -> None:
    balancer = fleet_of(params_of(kind, queue="central"), 2, 1)
    traffic = Traffic(balancer)
    assert sorted([traffic.send(), traffic.send(), traffic.send()]) == [-1, 0, 1]
    balancer.agents_changed("n1", "agent", 2)
    assert [traffic.send(), traffic.send()] == [1, -1]


@pytest.mark.parametrize("kind", KINDS)
def test_a_late_completion_does_not_touch_a_reused_slot(kind: str) -> None:
    balancer = fleet_of(params_of(kind), 3, 2)
    traffic = Traffic(balancer)
    for _ in range(12):
        traffic.send()
    assert traffic.held[1] > 0
    balancer.node_left("n1")
    traffic.held[1] = 0
    balancer.node_joined("fresh", 1.0)
    balancer.agents_changed("fresh", "agent", 2)
    assert balancer.slots == [("n0", "agent"), ("fresh", "agent"), ("n2", "agent")]
    assert list(balancer.generation[:3]) == [0, 1, 0]
    traffic.check()
    late = [sent for sent in traffic.out if sent[1] == 1]
    for dispatcher, slot, generation in late:
        balancer.refused(dispatcher, slot, generation, traffic.now)
    traffic.drain()
    assert balancer.statistics().in_flight == (0, 0, 0)
    picks = traffic.run(200)
    assert 1 in picks, f"seed {SEED}: the fresh node gets work"


@pytest.mark.parametrize("dispatchers", [1, 4])
@pytest.mark.parametrize("kind", KINDS)
def test_the_same_history_gives_the_same_picks(kind: str, dispatchers: int) -> None:
    first, second = (Traffic(fleet_of(params_of(kind, dispatchers=dispatchers), 9, 2)).run(500) for _ in range(2))
    assert first == second, f"seed {SEED}"


@pytest.mark.parametrize("kind", KINDS)
def test_a_refused_attempt_is_no_longer_counted(kind: str) -> None:
    for queue in ("node", "central"):
        balancer = fleet_of(params_of(kind, queue=queue), 3, 2)
        slot = balancer.dispatch(0, 0, [0.5] * balancer.draws_count, 1, 0.0)
        assert sum(balancer.statistics().in_flight) == 1
        balancer.refused(0, slot, balancer.generation[slot], 0.0)
        assert balancer.statistics().in_flight == (0, 0, 0)


@pytest.mark.parametrize("dispatchers", [1, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_a_typed_request_goes_to_its_type_and_an_untyped_one_anywhere(kind: str, dispatchers: int) -> None:
    balancer = make_balancer(params_of(kind, dispatchers=dispatchers), ("chat", "code"), 8)
    for node in range(4):
        balancer.node_joined(f"n{node}", 1.0)
        balancer.agents_changed(f"n{node}", "chat", 4)
        balancer.agents_changed(f"n{node}", "code", 4)
    places = balancer.slots
    for view, types in ((0, {"chat"}), (1, {"code"}), (2, {"chat", "code"})):
        traffic = Traffic(balancer, view=view)
        assert {places[slot][1] for slot in traffic.run(400)} == types, f"seed {SEED}"
        traffic.drain()
    assert balancer.statistics().in_flight == (0,) * 8


@pytest.mark.parametrize("kind", FAIR)
def test_a_fair_strategy_starves_nobody(kind: str) -> None:
    picks = Traffic(fleet_of(params_of(kind), 11, 2)).run(500)
    last = dict.fromkeys(range(11), -1)
    for at, slot in enumerate(picks):
        assert at - last[slot] <= 11
        last[slot] = at
    assert min(last.values()) >= 500 - 11


@pytest.mark.parametrize("queue", ["node", "central"])
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.startswith("weighted")])
def test_shares_of_weighted_strategies_follow_the_weights(kind: str, queue: str) -> None:
    balancer = fleet_of(params_of(kind, queue=queue), 6, 100, weights=(0.5, 1.0, 2.0))
    slots = []
    for number in range(280):  # no answers: counts grow as the weights say
        slots.append(balancer.dispatch(0, 0, [(number * 0.618) % 1] * balancer.draws_count, number, 0.0))
    shares = Counter(slots)
    for slot in range(6):
        assert abs(shares[slot] - 280 * (0.5, 1.0, 2.0)[slot % 3] / 7.0) <= 1, f"{shares}"


@pytest.mark.parametrize("kind", KINDS)
def test_one_slot_too_many_is_refused(kind: str) -> None:
    balancer = fleet_of(params_of(kind), 2)
    balancer.node_joined("third", 1.0)
    with pytest.raises(FleetError, match="holds 2 slots"):
        balancer.agents_changed("third", "agent", 1)

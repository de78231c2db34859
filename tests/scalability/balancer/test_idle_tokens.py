"""join_idle_queue: where tokens go, how they are used up, and that none is lost or doubled."""

from __future__ import annotations

from collections import Counter

from sim.scalability.balancer.balancer import Balancer, make_balancer
from sim.scalability.balancer.params import BalancerParams
from tests.conformance.balancer.board import fleet_of


def idle_fleet(nodes: int, agents: int, dispatchers: int = 1) -> Balancer:
    return fleet_of(BalancerParams(kind="join_idle_queue", dispatchers=dispatchers), nodes, agents)


def tokens_of(balancer: Balancer) -> list[int]:
    return list(balancer.table.facts.tokens[: len(balancer.slots)])


def test_idle_nodes_take_turns_and_then_a_draw_decides() -> None:
    balancer = idle_fleet(3, 2)
    assert [balancer.dispatch(0, 0, [0.9], 0, 0.0) for _ in range(6)] == [0, 1, 2, 0, 1, 2]
    assert tokens_of(balancer) == [0, 0, 0]
    assert [balancer.dispatch(0, 0, [u], 0, 0.0) for u in (0.1, 0.9, 0.5)] == [0, 2, 1]


def test_a_node_registers_only_when_it_has_more_free_agents_than_tokens() -> None:
    balancer = idle_fleet(2, 2)
    for _ in range(4):
        balancer.dispatch(0, 0, [0.0], 0, 0.0)
    balancer.complete(0, 1, 0, 1.0, 1.0, occupancy=2)  # its queue filled the agent again
    assert tokens_of(balancer) == [0, 0]
    balancer.complete(0, 1, 0, 1.0, 1.0, occupancy=1)
    assert tokens_of(balancer) == [0, 1]
    balancer.complete(0, 1, 0, 1.0, 1.0, occupancy=1)  # the one free agent is registered already
    assert tokens_of(balancer) == [0, 1]
    assert [balancer.dispatch(0, 0, [0.0], 0, 2.0) for _ in range(2)] == [1, 0]


def test_the_draw_of_an_answer_chooses_the_dispatcher() -> None:
    balancer = idle_fleet(1, 1, dispatchers=4)
    assert balancer.needs_completion_draw
    assert not idle_fleet(1, 1).needs_completion_draw
    assert balancer.dispatch(0, 0, [0.0], 0, 0.0) == 0
    for draw, dispatcher in ((0.1, 0), (0.3, 1), (0.6, 2), (0.99, 3)):
        balancer.complete(0, 0, 0, 1.0, 1.0, 0, draw)
        assert [fleet.held[0] for fleet in balancer.fleets] == [int(at == dispatcher) for at in range(4)]
        balancer.dispatch(dispatcher, 0, [0.0], 0, 1.0)


def test_first_tokens_are_dealt_to_dispatchers_in_turn() -> None:
    balancer = idle_fleet(3, 4, dispatchers=2)
    balancer.dispatch(0, 0, [0.0], 0, 0.0)
    assert [sum(fleet.held) for fleet in balancer.fleets] == [5, 6]
    assert sum(tokens_of(balancer)) == 11


def test_more_agents_and_a_return_deal_what_is_missing() -> None:
    balancer = idle_fleet(2, 1)
    assert [balancer.dispatch(0, 0, [0.0], 0, 0.0) for _ in range(2)] == [0, 1]
    balancer.agents_changed("n0", "agent", 3)
    assert [balancer.dispatch(0, 0, [0.9], 0, 0.0) for _ in range(3)] == [0, 0, 1]  # two tokens, then the draw
    balancer.set_eligible("n0", False)
    balancer.complete(0, 0, 0, 1.0, 1.0, occupancy=2)
    assert tokens_of(balancer) == [1, 0]
    assert balancer.dispatch(0, 0, [0.0], 0, 1.0) == 1  # the token of a node that may not be picked is given back
    assert tokens_of(balancer) == [0, 0]
    balancer.set_eligible("n0", True)
    assert balancer.dispatch(0, 0, [0.9], 0, 1.0) == 0
    assert tokens_of(balancer) == [0, 0]


def test_tokens_die_with_their_node() -> None:
    balancer = idle_fleet(2, 3, dispatchers=2)
    balancer.dispatch(0, 0, [0.0], 0, 0.0)
    balancer.node_left("n1")
    assert tokens_of(balancer)[1] == 0
    assert [fleet.held[1] for fleet in balancer.fleets] == [0, 0]
    assert {balancer.dispatch(at % 2, 0, [0.5], 0, 0.0) for at in range(9)} == {0}


def test_tokens_of_a_type_serve_its_view_and_the_view_of_all() -> None:
    balancer = make_balancer(BalancerParams(kind="join_idle_queue"), ("chat", "code"), 2)
    balancer.node_joined("n", 1.0)
    balancer.agents_changed("n", "chat", 2)
    balancer.agents_changed("n", "code", 2)
    assert balancer.dispatch(0, 0, [0.0], 0, 0.0) == 0
    assert Counter(balancer.dispatch(0, 2, [0.99], 0, 0.0) for _ in range(3)) == {0: 1, 1: 2}
    assert tokens_of(balancer) == [0, 0]
    assert balancer.dispatch(0, 0, [0.0], 0, 0.0) == 0  # its entry is met without a token and dropped
    assert balancer.states[0][0].waiting == 0


def test_no_token_is_lost_with_one_dispatcher() -> None:
    balancer = idle_fleet(4, 3)
    held = [0] * 4
    for step in range(2000):
        if step % 3 or not sum(held):
            slot = balancer.dispatch(0, 0, [(step * 0.618) % 1.0], 0, float(step))
            held[slot] += 1
        while sum(held) > 5 + step % 11:
            slot = max(range(4), key=lambda at: (held[at], (at * step) % 4))
            held[slot] -= 1
            balancer.complete(0, slot, 0, float(step), 1.0, held[slot])
        assert tokens_of(balancer) == [max(0, 3 - held[slot]) for slot in range(4)], f"step {step}"

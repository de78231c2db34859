"""Who stands around a pick: strikes nodes, prefers nodes in order, and hears of answers before they count."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from sim.scalability.balancer.balancer import Balancer, make_balancer
from sim.scalability.balancer.hooked import hook_answers, hook_routes
from sim.scalability.balancer.params import BalancerParams

Answer = tuple[Sequence[str], Sequence[str]] | None


def hooked(answer: Answer, kind: str = "round_robin") -> tuple[Balancer, list[tuple[list[str], list[int]]]]:
    balancer, asked = make_balancer(BalancerParams(kind=kind), ("a",), 4), list[tuple[list[str], list[int]]]()

    def ask(view: int, key: int, nodes: list[str], in_flight: list[int]) -> Answer:
        asked.append((nodes, in_flight))
        return answer

    hook_routes(balancer, ask)
    for name in ("n0", "n1", "n2"):
        balancer.node_joined(name, 1.0)
        balancer.agents_changed(name, "a", 1)
    return balancer, asked


def sent(balancer: Balancer, count: int = 3) -> list[str]:
    slots = [balancer.dispatch(0, 0, [0.0], 0, 0.0) for _ in range(count)]
    return [balancer.slots[slot][0] if slot >= 0 else "" for slot in slots]


@pytest.mark.parametrize(
    ("answer", "nodes"),
    [
        (None, ["n0", "n1", "n2"]),
        (([], ["n2"]), ["n2", "n2", "n2"]),
        ((["n2"], ["n2", "n1"]), ["n1", "n1", "n1"]),  # what is struck is not preferred, the next is
        (([], ["gone", "n1"]), ["n1", "n1", "n1"]),
        ((["n0"], ["n0", "gone"]), ["n1", "n1", "n2"]),  # nobody that is preferred is left: as the strategy picks
        ((["n0", "n1", "n2"], ["n1"]), ["", "", ""]),
    ],
)
def test_the_first_preferred_that_is_not_struck_gets_it(answer: Answer, nodes: list[str]) -> None:
    balancer, asked = hooked(answer)
    assert sent(balancer) == nodes
    assert asked[0] == (["n0", "n1", "n2"], [0, 0, 0])
    assert sum(balancer.statistics().in_flight) == sum(node != "" for node in nodes)


@pytest.mark.parametrize("struck", [[], ["n1"]])
def test_a_hedge_asks_about_the_other_nodes(struck: list[str]) -> None:
    balancer, asked = hooked((struck, ["n0"]))
    slot = balancer.dispatch(0, 0, [0.0], 0, 0.0)
    assert balancer.slots[slot][0] == "n0"
    other = balancer.dispatch_elsewhere(0, 0, [0.0, 0.0], 0, slot, 0.0)
    assert asked[1][0] == ["n1", "n2"]
    assert balancer.slots[other][0] == ("n2" if struck else "n1")


def test_nobody_is_asked_where_nobody_can_be_picked() -> None:
    balancer, asked = hooked(([], ["n0"]))
    for name in ("n1", "n2"):
        balancer.set_eligible(name, False)
    assert balancer.dispatch_elsewhere(0, 0, [0.0, 0.0], 0, 0, 0.0) == -1
    balancer.set_eligible("n0", False)
    assert balancer.dispatch(0, 0, [0.0], 0, 0.0) == -1
    assert asked == []


@pytest.mark.parametrize("kind", ["weighted_round_robin", "join_idle_queue"])
def test_a_pick_that_is_struck_is_taken_back_from_the_strategy(kind: str) -> None:
    assert "n0" in sent(hooked(None, kind)[0])
    balancer, _ = hooked((["n0"], []), kind)
    assert "n0" not in sent(balancer, 6)
    assert list(balancer.statistics().in_flight)[:3] == [0, 3, 3]


def test_an_answer_is_told_before_it_counts() -> None:
    balancer, _ = hooked(None)
    told: list[tuple[int, int]] = []
    hook_answers(balancer, lambda slot: told.append((slot, balancer.fleets[0].in_flight[slot])))
    slot = balancer.dispatch(0, 0, [0.0], 0, 0.0)
    balancer.complete(0, slot, balancer.generation[slot], 1.0, 1.0, 0)
    assert told == [(slot, 1)]
    assert balancer.fleets[0].in_flight[slot] == 0

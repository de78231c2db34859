"""The growing share of a slot that came up: its factor, who warms, when it is settled, and what is refused."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

import pytest

from sim.errors import ConfigError
from sim.scalability.balancer.balancer import Balancer, make_balancer
from sim.scalability.balancer.fleet_state import Facts
from sim.scalability.balancer.params import BalancerParams
from sim.scalability.balancer.slow_start import SlowStart, SlowStartParams

ROUND = BalancerParams(kind="round_robin")
UNIFORM = BalancerParams(kind="random")


@dataclass
class Clock:
    """A clock that is set by hand."""

    at: float = 0.0

    def __call__(self) -> float:
        return self.at


def slow_fleet(params: BalancerParams, nodes: int, clock: Clock, **keys: float) -> Balancer:
    """Nodes of one agent, all settled by a first dispatch, window 30 s."""
    start = SlowStartParams(slow_start_s=30.0, clock=clock, **keys)
    balancer = make_balancer(params, ("agent",), 16, start)
    for node in range(nodes):
        join(balancer, node)
    first = balancer.dispatch(0, 0, [0.5] * balancer.draws_count, 0, clock.at)
    balancer.complete(0, first, balancer.generation[first], clock.at, 0.1, 0)
    return balancer


def join(balancer: Balancer, node: int) -> None:
    balancer.node_joined(f"n{node}", 1.0)
    balancer.agents_changed(f"n{node}", "agent", 1)


def pick(balancer: Balancer, now: float, keep: float, first: float = 0.5, second: float = 0.5) -> int:
    count = balancer.draws_count // 2
    draws = [first] * count + [keep] + [second] * count
    slot = balancer.dispatch(0, 0, draws, 0, now)
    balancer.complete(0, slot, balancer.generation[slot], now, 0.1, 0)
    return slot


@pytest.mark.parametrize(
    ("aggression", "elapsed_s", "factor"),
    [(1.0, 0.0, 0.1), (1.0, 2.0, 0.1), (1.0, 6.0, 0.2), (1.0, 30.0, 1.0), (1.0, 99.0, 1.0), (2.0, 7.5, 0.5),
     (2.0, 0.03, 0.1), (0.5, 15.0, 0.25)],
)  # fmt: skip
def test_the_factor_is_envoys(aggression: float, elapsed_s: float, factor: float) -> None:
    params = SlowStartParams(30.0, Clock(), 0.1, aggression)
    slow = SlowStart(params, Facts(1), 1, lambda fleet, state, view, members: None)
    assert slow.factor(elapsed_s) == pytest.approx(factor)


def test_a_pick_of_a_warming_slot_is_kept_below_the_factor_and_repeated_among_the_settled_above() -> None:
    clock = Clock()
    balancer = slow_fleet(UNIFORM, 4, clock)
    clock.at = 100.0
    join(balancer, 4)
    assert pick(balancer, 115.0, keep=0.49, first=0.99) == 4
    assert pick(balancer, 115.0, keep=0.51, first=0.99, second=0.01) == 0
    assert pick(balancer, 115.0, keep=0.51, first=0.99, second=0.99) == 3  # its twin has no slot 4
    assert pick(balancer, 115.0, keep=0.99, first=0.01) == 0  # a settled slot is never picked again
    assert pick(balancer, 130.0, keep=0.99, first=0.99) == 4
    assert balancer.slow is not None
    assert not balancer.slow.is_warming()


def test_the_share_of_a_warming_slot_is_the_factor_of_its_share() -> None:
    """Uniform over 5 with one at factor .4: p = .08; 20,000 picks, binomial, at most 4 standard errors off."""
    clock = Clock()
    balancer = slow_fleet(UNIFORM, 4, clock)
    join(balancer, 4)
    draw, picks = random.Random(11), [0] * 5
    for _ in range(20_000):
        picks[pick(balancer, 12.0, draw.random(), draw.random(), draw.random())] += 1
    for slot, count in enumerate(picks):
        share = 0.08 if slot == 4 else 0.23
        assert abs(count / 20_000 - share) < 4 * math.sqrt(share * (1 - share) / 20_000), picks


def test_who_is_there_before_the_first_dispatch_is_settled() -> None:
    clock = Clock(50.0)
    balancer = make_balancer(UNIFORM, ("agent",), 4, SlowStartParams(30.0, clock))
    join(balancer, 0)
    balancer.set_eligible("n0", False)
    balancer.set_eligible("n0", True)
    join(balancer, 1)
    assert pick(balancer, 50.0, keep=0.99, first=0.99) == 1
    join(balancer, 2)
    assert pick(balancer, 50.0, keep=0.99, first=0.99) == 1


def test_a_slot_that_comes_back_starts_again_and_alone_it_is_used() -> None:
    clock = Clock()
    balancer = slow_fleet(ROUND, 2, clock)
    clock.at = 100.0
    balancer.set_eligible("n1", False)
    clock.at = 110.0
    balancer.set_eligible("n1", True)
    assert {pick(balancer, 111.0, keep=0.5) for _ in range(4)} == {0}
    clock.at = 119.0
    balancer.set_eligible("n1", False)
    clock.at = 120.0
    balancer.set_eligible("n1", True)
    assert {pick(balancer, 141.0, keep=0.71) for _ in range(4)} == {0}  # 21 s of 30 s since the second time
    assert {pick(balancer, 141.0, keep=0.69) for _ in range(4)} == {0, 1}
    balancer.set_eligible("n0", False)
    assert {pick(balancer, 141.0, keep=0.99) for _ in range(4)} == {1}  # nobody is settled
    balancer.agents_changed("n1", "agent", 0)
    assert balancer.dispatch(0, 0, [0.5], 0, 141.0) == -1


def test_what_only_a_panic_uses_gets_its_full_share_at_once() -> None:
    clock = Clock()
    balancer = slow_fleet(UNIFORM, 2, clock)
    balancer.set_eligible("n1", False)
    clock.at = 10.0
    balancer.set_eligible("n1", True, silent=True)
    assert pick(balancer, 10.0, keep=0.99, first=0.99) == 1
    balancer.set_eligible("n1", True)  # it was well after all: it goes on
    assert pick(balancer, 10.0, keep=0.99, first=0.99) == 1


def test_out_and_in_again_at_one_instant_is_no_outage() -> None:
    clock = Clock()
    balancer = slow_fleet(UNIFORM, 2, clock)
    clock.at = 10.0
    join(balancer, 2)
    clock.at = 25.0
    for node in ("n1", "n2"):
        balancer.set_eligible(node, False)
        balancer.set_eligible(node, True)
    assert pick(balancer, 25.0, keep=0.99, first=0.5) == 1
    assert pick(balancer, 25.0, keep=0.51, first=0.99) == 1
    assert pick(balancer, 25.0, keep=0.49, first=0.99) == 2  # half way since 10
    balancer.node_left("n1")
    join(balancer, 3)  # the same slot at the same instant, but another node
    assert pick(balancer, 25.0, keep=0.99, first=0.5, second=0.5) == 0


def test_more_agents_on_a_warming_node_do_not_start_it_again() -> None:
    clock = Clock()
    balancer = slow_fleet(UNIFORM, 1, clock)
    join(balancer, 1)
    clock.at = 15.0
    balancer.agents_changed("n1", "agent", 2)
    assert pick(balancer, 15.0, keep=0.49, first=0.99) == 1


def test_an_idle_token_of_a_warming_node_is_not_used_up_by_a_pick_that_goes_elsewhere() -> None:
    clock = Clock()
    balancer = slow_fleet(BalancerParams(kind="join_idle_queue"), 1, clock)
    join(balancer, 1)
    tokens = balancer.table.facts.tokens
    for keep, slots in ((0.99, [0, 0, 0]), (0.05, [1])):
        for slot in slots:
            assert balancer.dispatch(0, 0, [0.1, keep, 0.1], 0, 3.0) == slot
    assert tokens[:2].tolist() == [0, 0]
    assert balancer.dispatch(0, 0, [0.9, 0.99, 0.1], 0, 3.0) == 0  # no token, drawn: nothing comes back
    assert tokens[:2].tolist() == [0, 0]


def test_a_slot_that_leaves_while_it_warms_is_forgotten() -> None:
    clock = Clock()
    balancer = slow_fleet(UNIFORM, 2, clock)
    join(balancer, 2)
    balancer.node_left("n2")
    assert balancer.slow is not None
    assert not balancer.slow.is_warming()
    assert balancer.table.facts.warm[2] == 0
    clock.at = 5.0
    join(balancer, 3)  # the same slot
    assert pick(balancer, 20.0, keep=0.51, first=0.99) == 1
    assert pick(balancer, 20.0, keep=0.49, first=0.99) == 2


def test_without_a_slow_start_the_draws_and_the_functions_are_those_of_the_strategy() -> None:
    plain = make_balancer(UNIFORM, ("agent",), 4)
    slow = make_balancer(UNIFORM, ("agent",), 4, SlowStartParams(30.0, Clock()))
    assert (plain.slow, plain.draws_count, slow.draws_count) == (None, 1, 3)
    assert make_balancer(ROUND, ("agent",), 4, SlowStartParams(30.0, Clock())).draws_count == 1
    assert plain.chooser.pick.__module__ == "sim.scalability.balancer.choosers.random"


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"slow_start_s": 0.0}, r"health\.slow_start_s=0\.0: accepted is a number above 0"),
        ({"slow_start_s": math.inf}, r"health\.slow_start_s=inf"),
        ({"slow_start_min_ratio": 1.1}, r"health\.slow_start_min_ratio=1\.1: accepted is above 0, at most 1"),
        ({"slow_start_min_ratio": 0.0}, r"health\.slow_start_min_ratio=0\.0"),
        ({"slow_start_aggression": -1.0}, r"health\.slow_start_aggression=-1\.0"),
    ],
)
def test_what_a_slow_start_refuses(keys: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        SlowStartParams(**{"slow_start_s": 30.0, "clock": Clock(), **keys})  # type: ignore[arg-type]

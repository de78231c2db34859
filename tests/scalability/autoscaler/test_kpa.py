"""The concurrency autoscaler: averages, panic, rates, against numbers worked out by hand (target 12 x .7 = 8.4)."""

from __future__ import annotations

from typing import Any

import pytest

from sim.scalability.autoscaler.policies.kpa import Kpa
from tests.scalability.autoscaler.rig import policy_of, sample


def kpa(**settings: Any) -> Kpa:
    policy = policy_of("kpa", **settings)
    assert isinstance(policy, Kpa)
    return policy


def feed(policy: Kpa, at: float, in_flight: int, ready: int = 10, **facts: Any) -> int | None:
    seen = sample(at, ready=ready, in_flight=in_flight, **facts)
    policy.observe(seen)
    return policy.desired(seen).nodes


def test_nodes_for_the_average_of_the_stable_window() -> None:
    policy = kpa()
    assert feed(policy, 0.0, 84) == 10
    assert feed(policy, 2.0, 86) == 11  # mean 85
    assert feed(policy, 4.0, 40, waiting=42) == 10  # what waits counts: mean 84
    assert feed(policy, 62.0, 90) == 11  # (2, 62]: mean 86, 0 s and 2 s have left


def test_panic_begins_at_twice_the_ready_nodes_and_never_goes_down() -> None:
    policy = kpa()
    for tick in range(30):
        assert feed(policy, 2.0 * tick, 84) == 10
    assert feed(policy, 60.0, 300) == 11  # panic window (84 + 84 + 300) / 3 = 156: 19 nodes, under 2 x 10
    assert not policy.panicking
    assert feed(policy, 62.0, 300) == 28  # 228 / 8.4 = 27.1
    assert policy.panicking
    assert feed(policy, 64.0, 300) == 36  # 35.7
    assert feed(policy, 66.0, 0) == 36  # 200 / 8.4 = 23.8 is a reason still
    for at in range(68, 127, 2):
        assert feed(policy, float(at), 0) == 36
        assert policy.panicking
    assert feed(policy, 128.0, 0) == 5  # more than 60 s since 66 s; in by half at most
    assert not policy.panicking


def test_panic_keeps_what_was_decided_before() -> None:
    assert feed(kpa(), 0.0, 300, ready=2, nodes_desired=50) == 50


def test_rates_are_a_half_down_and_a_thousand_up() -> None:
    assert feed(kpa(), 0.0, 0, ready=7) == 3
    assert feed(kpa(), 0.0, 0, ready=1) == 0
    assert feed(kpa(), 0.0, 10**9, ready=2) == 2000
    assert feed(kpa(), 0.0, 9, ready=0) == 2  # from zero, as if one were ready


@pytest.mark.parametrize("facts", [{"in_flight": -1}, {"in_flight": 5, "waiting": -3}, {"in_flight": 5, "ready": -1}])
def test_nonsense_holds(facts: dict[str, int]) -> None:
    assert feed(kpa(), 0.0, **facts) is None


def test_a_node_of_no_agents_holds() -> None:
    assert feed(kpa(), 0.0, 5, agents_per_node=0) is None

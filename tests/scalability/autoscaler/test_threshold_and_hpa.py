"""The bare threshold and the pod autoscaler's rule against numbers worked out by hand."""

from __future__ import annotations

from math import inf, nan
from typing import Any

import pytest

from tests.scalability.autoscaler.rig import policy_of, sample


def wish(policy: Any, *args: Any, **facts: Any) -> int | None:
    seen = sample(*args, **facts)
    policy.observe(seen)
    nodes: int | None = policy.desired(seen).nodes
    return nodes


@pytest.mark.parametrize(
    ("utilization", "ready", "starting", "nodes"),
    [
        (0.81, 5, 0, 6),
        (0.81, 5, 1, 6),  # one is on its way: not another
        (0.80, 5, 0, None),  # 4.0 busy nodes would not stay below .8 x 4
        (0.64, 5, 0, None),  # 3.2 is not below 3.2
        (0.63, 5, 0, 4),
        (0.0, 1, 0, None),  # the last one stays
        (0.4, 1, 1, 1),
        (nan, 5, 0, None),
        (inf, 5, 0, None),
        (-0.1, 5, 0, None),
        (0.9, 0, 1, None),
    ],
)
def test_threshold(utilization: float, ready: int, starting: int, nodes: int | None) -> None:
    policy = policy_of("threshold", target_utilization_ratio=0.8)
    assert wish(policy, 0.0, utilization, ready, nodes_starting=starting) == nodes


@pytest.mark.parametrize(
    ("utilization", "ready", "desired", "nodes"),
    [
        (0.9, 10, 10, 13),  # ceil(10 x .9 / .7) = ceil(12.857)
        (0.77, 10, 10, None),  # ratio 1.1, at the edge of the tolerance
        (0.78, 10, 10, 12),  # ceil(11.14)
        (0.63, 10, 10, None),
        (1.0, 6, 10, None),  # 1.43 over 6 ready, .857 over all 10: it would turn the direction
        (1.0, 9, 10, 13),  # 1.286 over all 10
        (0.85, 9, 10, None),  # 1.093 over all 10, within the tolerance
        (nan, 10, 10, None),
        (inf, 10, 10, None),
        (-1.0, 10, 10, None),
        (1e300, 10, 10, None),
        (0.5, 0, 10, None),
    ],
)
def test_hpa_out(utilization: float, ready: int, desired: int, nodes: int | None) -> None:
    assert wish(policy_of("hpa"), 0.0, utilization, ready, nodes_desired=desired) == nodes


@pytest.mark.parametrize(
    ("utilization", "ready", "desired", "nodes"),
    [
        (0.35, 10, 10, 5),  # exactly half: rounding errors do not make it 6
        (0.36, 10, 10, 6),
        (0.35, 8, 10, 6),  # 4 + 2 that count as exactly at target
        (0.35, 1, 1, None),  # ceil(.5) is what there is
        (0.0, 10, 10, 0),
        (0.62, 3, 3, None),  # ceil(2.66) is what there is
        (0.5, 4, 2, None),  # a node came back: ceil(2.86) of 4 is more than was decided
    ],
)
def test_hpa_in_without_window(utilization: float, ready: int, desired: int, nodes: int | None) -> None:
    policy = policy_of("hpa", stabilization_window_s=0.0)
    got = wish(policy, 0.0, utilization, ready, nodes_desired=desired)
    assert got == nodes or (nodes is None and got == desired)


def test_hpa_in_takes_the_highest_wish_of_the_window() -> None:
    policy = policy_of("hpa")
    assert wish(policy, 0.0, 0.35) is None  # the 10 of the start are in the window
    assert wish(policy, 150.0, 0.49) is None  # 7
    assert wish(policy, 299.0, 0.35) is None
    assert wish(policy, 300.0, 0.35) == 7  # the start has left, 150 s has not
    assert wish(policy, 449.0, 0.35) == 7
    assert wish(policy, 450.0, 0.35) == 5


def test_a_hold_in_the_window_holds_the_number_there_was() -> None:
    policy = policy_of("hpa", stabilization_window_s=100.0)
    assert wish(policy, 0.0, 0.7) is None  # within the tolerance: 10 wished
    assert wish(policy, 99.0, 0.35) is None
    assert wish(policy, 100.0, 0.35) == 5


def test_a_missing_metric_is_not_remembered() -> None:
    policy = policy_of("hpa", stabilization_window_s=100.0)
    assert wish(policy, 0.0, 0.35) is None
    assert wish(policy, 90.0, nan) is None
    assert wish(policy, 100.0, 0.35) == 5


@pytest.mark.parametrize("kind", ["hpa", "threshold", "kpa"])
def test_agents_without_a_place_ask_for_nodes(kind: str) -> None:
    facts = {"in_flight": 84, "agents_pending": 13}
    assert wish(policy_of(kind), 0.0, 0.7, 10, **facts) == 12
    coming = wish(policy_of(kind), 0.0, 0.5, 10, nodes_starting=2, **facts)
    assert coming in (None, 12)  # not called off while they are needed


def test_agents_without_a_place_do_not_break_a_hold_for_a_missing_metric() -> None:
    assert wish(policy_of("hpa"), 0.0, nan, 10, agents_pending=13) is None

"""The schedule by the instant of the season; the set-up rule by who waits."""

from __future__ import annotations

from math import nan

import pytest

from tests.scalability.autoscaler.rig import policy_of, sample


@pytest.mark.parametrize(
    ("at", "nodes"), [(0.0, 4), (24.9, 4), (25.0, 10), (69.0, 10), (70.0, 4), (99.0, 4), (125.0, 10), (1070.0, 4)]
)
def test_schedule_repeats_every_season(at: float, nodes: int) -> None:
    policy = policy_of("scheduled", season_s=100.0, at_s=[25.0, 70.0], counts=[10, 4])
    policy.observe(sample(at))
    assert policy.desired(sample(at)).nodes == nodes


def test_schedule_without_an_instant_holds() -> None:
    assert policy_of("scheduled", at_s=[0.0], counts=[3]).desired(sample(nan)).nodes is None


@pytest.mark.parametrize(
    ("ready", "idle", "waiting", "nodes"),
    [
        (0, 0, 0, 0),
        (0, 0, 1, 1),
        (0, 0, 3, 3),
        (2, 0, 9, 4),  # no more than are off
        (4, 0, 9, 4),
        (3, 0, 1, 4),
        (3, 1, 0, 2),
        (3, 3, 0, 0),
        (3, 1, 1, 4),  # who waits may take the idle one yet: it stays
        (5, 0, 2, 5),
        (1, 2, 0, None),
        (1, 0, -1, None),
    ],
)
def test_one_set_up_for_each_who_waits(ready: int, idle: int, waiting: int, nodes: int | None) -> None:
    policy = policy_of("on_demand", min_nodes=0, max_nodes=4)
    seen = sample(ready=ready, nodes_idle=idle, waiting=waiting, agents_per_node=1)
    policy.observe(seen)
    assert policy.desired(seen).nodes == nodes


def test_a_node_of_twelve_for_twelve_who_wait() -> None:
    policy = policy_of("on_demand", min_nodes=0)
    assert policy.desired(sample(ready=0, waiting=12)).nodes == 1
    assert policy.desired(sample(ready=0, waiting=13)).nodes == 2

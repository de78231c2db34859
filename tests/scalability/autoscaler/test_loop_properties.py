"""For any metric: bounds and steps hold (M8), no scale-in within a window of a scale-out (M9), calm when calm (M10)."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.scalability.autoscaler.rig import AGENTS, FakeFleet, directions

KINDS = ["threshold", "hpa", "kpa", "predictive", "scheduled", "on_demand"]
OWN: dict[str, dict[str, Any]] = {
    "scheduled": {"at_s": [0.0, 100.0], "counts": [3, 9], "season_s": 200.0},
    "predictive": {"season_s": 120.0, "bin_s": 30.0},
}
metrics = st.one_of(
    st.floats(0.0, 1.5), st.floats(), st.sampled_from([math.nan, math.inf, -math.inf, -1.0, 1e308, 5e-324])
)
counts = st.one_of(st.integers(0, 500), st.integers(), st.sampled_from([-1, 10**30]))
samples = st.lists(
    st.fixed_dictionaries(
        {
            "utilization": metrics,
            "in_flight": counts,
            "waiting": counts,
            "arrivals_count": counts,
            "agents_pending": st.integers(-5, 50),
            "nodes_idle": st.integers(-1, 12),
        }
    ),
    min_size=1,
    max_size=25,
)


def play(kind: str, seen: list[dict[str, Any]], provisioning_s: float, **own: Any) -> tuple[FakeFleet, list[int]]:
    """Desired nodes after each sample, the number at the start first; every tenth node is lost on the way."""
    fleet = FakeFleet(lambda at: 0.0, 5, provisioning_s)
    scaler = fleet.autoscaler(kind, interval_s=10.0, **{**OWN.get(kind, {}), **own})
    fleet.extra = dict(seen[0])
    fleet.runtime.run(until=1.0)
    desired = [scaler.desired_nodes]
    for index, facts in enumerate(seen):
        fleet.extra = dict(facts)
        if index % 7 == 3 and fleet.nodes:
            del fleet.nodes[next(iter(fleet.nodes))]
        fleet.runtime.run(until=10.0 * (index + 1) + 5.0)
        desired.append(scaler.desired_nodes)
    fleet.runtime.close()
    return fleet, desired


@pytest.mark.parametrize("kind", KINDS)
@given(samples, st.sampled_from([0.0, 25.0]))
@settings(max_examples=25)
def test_bounds_and_steps_hold_for_any_metric(kind: str, seen: list[dict[str, Any]], provisioning_s: float) -> None:
    limits = {"min_nodes": 2, "max_nodes": 12, "step_out_nodes_max": 2, "step_out_ratio_max": 0.5}
    _, desired = play(kind, seen, provisioning_s, step_in_nodes_max=3, **limits)
    assert all(2 <= nodes <= 12 for nodes in desired)
    for before, after in [] if kind == "on_demand" else pairwise(desired):  # which decides many times at an instant
        assert before - 3 <= after <= before + max(2, before // 2)


@pytest.mark.parametrize("kind", ["threshold", "hpa", "predictive"])
@pytest.mark.parametrize("metric", [math.nan, math.inf, -math.inf, -0.5, 1e300])
def test_a_missing_metric_holds(kind: str, metric: float) -> None:
    _, desired = play(kind, [{"utilization": metric}] * 20, 0.0)
    assert set(desired) == {5}


@given(samples, st.sampled_from([0.0, 25.0]))
@settings(max_examples=60)
def test_hpa_never_scales_in_within_a_window_of_a_scale_out(seen: list[dict[str, Any]], provisioning_s: float) -> None:
    _, desired = play("hpa", seen, provisioning_s, max_nodes=40, stabilization_window_s=60.0)
    out_at = -math.inf
    for index, sign in directions(desired):
        if sign > 0:
            out_at = 10.0 * index
        else:
            assert 10.0 * index - out_at >= 60.0


@pytest.mark.parametrize("kind", ["hpa", "kpa", "predictive", "threshold"])
@given(st.floats(0.5, 30.0), st.sampled_from([0.0, 25.0]))
@settings(max_examples=20)
def test_a_constant_load_ends_in_a_constant_number(kind: str, load: float, provisioning_s: float) -> None:
    if kind == "threshold":
        provisioning_s = 0.0  # the bare rule may flap with a delay even under a constant load, as its docstring says
    fleet = FakeFleet(lambda at: load * AGENTS, 5, provisioning_s)
    own = OWN.get(kind, {})
    scaler = fleet.autoscaler(kind, interval_s=10.0, max_nodes=60, stabilization_window_s=60.0, **own)
    seen = []
    for tick in range(120):
        fleet.arrivals += 100.0 if tick else 0.0
        fleet.runtime.run(until=10.0 * tick + 5.0)
        seen.append((scaler.desired_nodes, len(fleet.nodes)))
    fleet.runtime.close()
    assert len(set(seen[-30:])) == 1
    assert seen[-1][0] == seen[-1][1] >= load

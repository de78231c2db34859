"""Settings that contradict each other are refused, naming the key; the schema and the room agree on every field."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from sim.bench.schema import AutoscalerConfig
from sim.errors import ConfigError
from sim.registry import names
from sim.scalability.autoscaler.params import AutoscalerParams
from tests.scalability.autoscaler.rig import policy_of, sample


def test_fields_and_defaults_are_the_schemas() -> None:
    config, params = AutoscalerConfig(), AutoscalerParams()
    assert [field.name for field in dataclasses.fields(config)] == [field.name for field in dataclasses.fields(params)]
    for field in dataclasses.fields(params):
        ours, theirs = getattr(params, field.name), getattr(config, field.name)
        assert (list(ours) if isinstance(ours, tuple) else ours) == theirs, field.name


def test_seven_policies_are_registered() -> None:
    assert names("autoscaler") == ["hpa", "kpa", "none", "on_demand", "predictive", "scheduled", "threshold"]


@pytest.mark.parametrize(
    ("key", "kind", "settings"),
    [
        ("min_nodes", "hpa", {"min_nodes": 11, "max_nodes": 10}),
        ("min_nodes", "hpa", {"min_nodes": -1}),
        ("min_nodes", "hpa", {"min_nodes": 0}),
        ("min_nodes", "threshold", {"min_nodes": 0}),
        ("min_nodes", "predictive", {"min_nodes": 0}),
        ("max_nodes", "hpa", {"max_nodes": 0}),
        ("interval_s", "hpa", {"interval_s": 0.0}),
        ("interval_s", "hpa", {"interval_s": float("nan")}),
        ("step_out_nodes_max", "hpa", {"step_out_nodes_max": 0}),
        ("provisioning", "hpa", {"provisioning": "pareto"}),
        ("panic_window_s", "kpa", {"panic_window_s": 61.0}),
        ("panic_ratio", "kpa", {"panic_ratio": 1.0}),
        ("bin_s", "predictive", {"season_s": 1000.0, "bin_s": 300.0}),
        ("bin_s", "predictive", {"season_s": 300.0, "bin_s": 300.0}),
        ("bin_s", "predictive", {"season_s": 10.0, "bin_s": 1.0, "provisioning_s": 1e6}),
        ("headroom_ratio", "predictive", {"headroom_ratio": 1.0}),
        ("at_s", "scheduled", {}),
        ("at_s", "scheduled", {"at_s": [5.0, 5.0], "counts": [1, 2]}),
        ("at_s", "scheduled", {"at_s": [-1.0], "counts": [1]}),
        ("at_s", "scheduled", {"at_s": [86_400.0], "counts": [1]}),
        ("counts", "scheduled", {"at_s": [0.0, 5.0], "counts": [1]}),
        ("counts", "scheduled", {"at_s": [0.0], "counts": [11]}),
    ],
)
def test_refused(key: str, kind: str, settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as refusal:
        policy_of(kind, **settings)
    assert refusal.value.key == f"autoscaler.{key}"


def test_none_never_wishes() -> None:
    policy = policy_of("none")
    policy.observe(sample(utilization=1.0))
    assert policy.desired(sample(utilization=1.0)).nodes is None

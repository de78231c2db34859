"""The config groups of health are the rooms' params, name by name, and every choice composes and can be built."""

from __future__ import annotations

import dataclasses

import pytest

from sim.bench.compose import compose
from sim.bench.schema import BreakerConfig, EjectionConfig, HealthConfig
from sim.runtime.virtual import VirtualRuntime
from sim.scalability.health.params import BreakerParams, EjectionParams, HealthParams
from sim.scalability.health.watch import make_watch
from tests.scalability.health.rig import DRAWS, Mortals


@pytest.mark.parametrize(
    ("params", "config"),
    [(HealthParams(), HealthConfig()), (EjectionParams(), EjectionConfig()), (BreakerParams(), BreakerConfig())],
)
def test_params_have_the_names_and_defaults_of_the_schema(params: object, config: object) -> None:
    assert dataclasses.asdict(params) == dataclasses.asdict(config)  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("name", "detector"),
    [("none", "none"), ("victor_os", "heartbeat_timeout"), ("aggressive", "consecutive_failures"),
     ("phi", "phi_accrual")],
)  # fmt: skip
def test_every_choice_of_health_composes_and_is_built(name: str, detector: str) -> None:
    health = compose([f"health={name}"]).health
    fields = dataclasses.asdict(health)
    params = HealthParams(**{**fields, "ejection": EjectionParams(**fields["ejection"])})
    watch = make_watch(params, DRAWS, Mortals(VirtualRuntime()))
    assert params.detector == detector
    assert watch.is_idle == (name == "none")
    assert params.ejection.enabled == (name == "aggressive")


def test_the_sources_settings_are_these() -> None:
    health = compose(["health=victor_os"]).health
    assert (health.interval_s, health.heartbeat_s, health.node_timeout_s) == (30.0, 30.0, 60.0)
    assert (health.panic_ratio, health.slow_start_s) == (0.0, 0.0)


def test_a_heartbeat_is_expected_every_interval_unless_said_otherwise() -> None:
    assert HealthParams(interval_s=7.0).expected_heartbeat_s == 7.0
    assert HealthParams(interval_s=7.0, heartbeat_s=2.0).expected_heartbeat_s == 2.0


def test_the_default_breaker_is_on() -> None:
    assert not compose([]).breaker.enabled
    assert compose(["breaker=default"]).breaker.enabled

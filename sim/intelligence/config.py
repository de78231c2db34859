"""The optimizer's settings: the source's six keys by its names, and our bounds.

Durations are seconds. A bad value or an unknown key raises `ConfigError`, which names the key, the value and what is
accepted, with the closest key where one is close.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from sim.errors import ConfigError
from sim.intelligence.surrogates.choice import KINDS
from sim.settings import settings_of
from sim.types.metrics import OptimizationTarget

TARGETS = tuple(target.value for target in OptimizationTarget)
CHOSEN = "auto"  # the surrogate with the best rolling log score
_POSITIVE = ("optimization_interval", "model_retrain_interval", "stale_s")
_WHOLE_FROM_1 = ("min_data_points", "samples_max", "windows_max", "agents_max", "pairs_max", "results_max")
_RATIOS = ("prediction_confidence_threshold", "explore_prob", "guard_prob")


@dataclass(frozen=True, slots=True)
class OptimizerConfig:
    """Defaults are the source's. Raises `ConfigError` when it is built with a value that is not accepted."""

    optimization_interval: float = 3_600.0  # between two rounds of the background loop
    min_data_points: int = 100  # windows of an agent before anything is recommended
    model_retrain_interval: float = 86_400.0  # between two searches for surrogates and their scales
    prediction_confidence_threshold: float = 0.7  # of P(true difference > 0), below which it abstains
    optimization_targets: tuple[str, ...] = ("response_time", "success_rate", "resource_usage")  # of the loop
    model_types: Mapping[str, str] = field(
        default_factory=lambda: {
            "response_time": "gradient_boosting",
            "success_rate": "random_forest",
            "resource_usage": "linear_regression",
        }
    )  # surrogate by target; a target that is not named: the one with the best rolling log score
    explore_prob: float = 0.1  # of a proposal that is uniform in the trust region
    guard_prob: float = 0.95  # with which a recommendation must keep every guardrail
    verify_alpha: float = 0.1  # two-sided: half of it is the chance that a useless setting is ever promoted
    pairs_max: int = 60  # of windows before a verification times out
    samples_max: int = 100_000  # kept on disk
    windows_max: int = 1_000  # of an agent that surrogates learn from
    agents_max: int = 10_000
    results_max: int = 1_000  # remembered
    skew_s: float = 60.0  # a sample's instant may be ahead of our clock
    stale_s: float = 86_400.0  # or behind it
    seed: int = 1  # of draws that were not handed in

    def __post_init__(self) -> None:
        for name in _POSITIVE:
            _check(name, getattr(self, name), lambda value: _number(value) and value > 0, "seconds above 0")
        _check("skew_s", self.skew_s, lambda value: _number(value) and value >= 0, "seconds from 0")
        for name in _WHOLE_FROM_1:
            _check(name, getattr(self, name), lambda value: _whole(value) and value >= 1, "a whole number from 1")
        for name in _RATIOS:
            _check(
                name, getattr(self, name), lambda value: _number(value) and 0 <= value < 1, "a number in 0..1, not 1"
            )
        _check("verify_alpha", self.verify_alpha, lambda value: _number(value) and 0 < value < 1, "between 0 and 1")
        _check("seed", self.seed, lambda value: _whole(value) and value >= 0, "a whole number from 0")
        targets = self.optimization_targets
        if isinstance(targets, str) or not targets or any(target not in TARGETS for target in targets):
            raise ConfigError("optimization_targets", targets, "a list of " + ", ".join(TARGETS))
        object.__setattr__(self, "optimization_targets", tuple(targets))
        if not isinstance(self.model_types, Mapping):
            raise ConfigError("model_types", self.model_types, "a mapping of targets to surrogates")
        for target, kind in self.model_types.items():
            if target not in TARGETS:
                raise ConfigError(f"model_types.{target}", kind, "of a target: " + ", ".join(TARGETS))
            if kind not in (*KINDS, CHOSEN):
                raise ConfigError(f"model_types.{target}", kind, "one of " + ", ".join((*KINDS, CHOSEN)))

    @classmethod
    def of(cls, config: Mapping[str, object] | OptimizerConfig | None) -> OptimizerConfig:
        """Settings from a mapping with the source's keys; raises `ConfigError`, also for a key that is unknown."""
        return settings_of(cls, config)


def _number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _check(key: str, value: object, accepts: object, accepted: str) -> None:
    if not accepts(value):  # type: ignore[operator]
        raise ConfigError(key, value, accepted)

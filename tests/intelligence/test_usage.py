"""The source's usage example as written, its YAML block, and each of its keys flipped."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from sim import AgentMetrics, MLOptimizer, OptimizationTarget
from sim.errors import ConfigError
from sim.runtime.events import EventLog
from sim.runtime.virtual import VirtualRuntime
from tests.intelligence.rig import NoisyTwin, Setter, draws, sample_of, seconds_of, spread_params

BLOCK = {
    "optimization_interval": 3600,
    "min_data_points": 100,
    "model_retrain_interval": 86400,
    "prediction_confidence_threshold": 0.7,
    "optimization_targets": ["response_time", "success_rate", "resource_usage"],
    "model_types": {
        "response_time": "gradient_boosting",
        "success_rate": "random_forest",
        "resource_usage": "linear_regression",
    },
}


def test_the_sources_example_runs_as_written() -> None:
    async def example() -> Any:
        mlo = MLOptimizer()
        await mlo.collect_metrics(
            AgentMetrics(agent_id="agent-1", timestamp=time.time(), response_time=2.5, success_rate=0.85,
            cpu_usage=0.3, memory_usage=0.4, user_satisfaction=0.8, task_completion_rate=0.9, error_rate=0.05,
            interaction_count=100, context_length=1000, model_parameters={"temperature": 0.7, "max_tokens": 2000})
        )  # fmt: skip
        return await mlo.optimize_agent("agent-1", OptimizationTarget.RESPONSE_TIME)

    result = asyncio.run(example())
    assert result.improvement_percentage == 0.0
    assert result.reason == "1 of 100 data points (min_data_points)"
    assert result.parameters == {"temperature": 0.7, "max_tokens": 2000.0}


class World:
    """An optimizer on virtual time that has seen `count` windows around the setting that stands."""

    def __init__(self, config: dict[str, Any], count: int = 60, **parts: Any) -> None:
        self.runtime, self.events = VirtualRuntime(wall_epoch_s=1e6), EventLog()
        self.draws = draws(7)
        self.optimizer = MLOptimizer(config, runtime=self.runtime, events=self.events, draws=self.draws, **parts)
        for number in range(count):
            is_trial = number % 5 != 4
            params = spread_params(number, self.draws) if is_trial else {"temperature": 0.7, "max_tokens": 1_000.0}
            self.tell(number, params, "explore" if is_trial else "incumbent")

    def tell(self, number: int, params: dict[str, float], arm: str = "incumbent") -> bool:
        at = self.runtime.wall_at() - 10_000.0 + number
        taken = self.optimizer.collect_metrics(sample_of(number, params, self.draws, at, arm=arm))
        return bool(self.runtime.run_task(taken))

    def optimize(self, target: OptimizationTarget = OptimizationTarget.RESPONSE_TIME) -> Any:
        return self.runtime.run_task(self.optimizer.optimize_agent("agent-1", target))

    def kinds(self) -> list[str]:
        return [row.kind for row in self.events.rows]


def config(**changes: Any) -> dict[str, Any]:
    fixed = {"response_time": "gp", "success_rate": "gp", "resource_usage": "gp"}
    return {**BLOCK, "min_data_points": 50, "model_types": fixed, **changes}


def test_the_block_is_accepted_and_its_defaults_are_ours() -> None:
    given, own = MLOptimizer(config=BLOCK).config, MLOptimizer().config
    assert given == own


def test_a_recommendation_is_near_the_truth() -> None:
    world = World(config())
    result = world.optimize()
    start = {"temperature": 0.7, "max_tokens": 1_000.0}
    true = 100.0 * (1.0 - seconds_of(result.parameters) / seconds_of(start))
    assert not result.abstained
    assert result.ci_low_percentage < true < result.ci_high_percentage
    assert true > 8.0  # of at most 11.7
    assert result.confidence > 0.95
    assert sum(result.feature_importance.values()) == pytest.approx(1.0)
    low, high = result.trust_region["temperature"]
    assert low <= result.parameters["temperature"] <= high


def test_min_data_points_flips() -> None:
    assert "60 of 61" in World(config(min_data_points=61)).optimize().reason
    assert not World(config(min_data_points=60)).optimize().abstained


def test_prediction_confidence_threshold_flips() -> None:
    loose, strict = config(prediction_confidence_threshold=0.0), config(prediction_confidence_threshold=0.999999999)
    assert not World(loose, 52).optimize().abstained
    held = World(strict, 52).optimize()
    assert held.improvement_percentage == 0.0
    assert "below 1" in held.reason or "below 0.99" in held.reason


@pytest.mark.parametrize("kind", ["gp", "linear_regression", "random_forest", "gradient_boosting"])
def test_model_types_flip(kind: str) -> None:
    assert World(config(model_types={"response_time": kind})).optimize().surrogate == kind


def test_a_target_without_a_type_gets_the_best_forecaster() -> None:
    world = World(config(model_types={}))
    result = world.optimize()
    scores = world.optimizer.minds["agent-1"].scores["response_time"]
    assert len(scores) == 4
    assert result.surrogate == max(scores, key=lambda score: score.log_score).kind


@pytest.mark.parametrize("interval", [600.0, 3_600.0])
def test_optimization_interval_flips(interval: float) -> None:
    world = World(config(optimization_interval=interval, optimization_targets=["response_time"]))
    world.runtime.run_task(world.optimizer.start())
    world.runtime.run_task(world.runtime.sleep(7_300.0))
    assert len(world.optimizer.results) == int(7_300.0 / interval)
    world.runtime.run_task(world.optimizer.stop())


def test_optimization_targets_flip() -> None:
    world = World(config(optimization_targets=["error_rate", "response_time"]))
    world.runtime.run_task(world.optimizer.start())
    world.runtime.run_task(world.runtime.sleep(3_700.0))
    assert [result.target.value for result in world.optimizer.results] == ["error_rate", "response_time"]
    world.runtime.run_task(world.optimizer.stop())


@pytest.mark.parametrize(("interval", "trainings"), [(3_600.0, 3), (86_400.0, 1)])
def test_model_retrain_interval_flips(interval: float, trainings: int) -> None:
    world = World(config(model_retrain_interval=interval, optimization_targets=["response_time"]))
    world.runtime.run_task(world.optimizer.start())
    world.runtime.run_task(world.runtime.sleep(3 * 3_600.0 + 100.0))
    assert world.kinds().count("surrogate_trained") == trainings
    world.runtime.run_task(world.optimizer.stop())


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("optimization_interval", 0),
        ("min_data_points", 0),
        ("model_retrain_interval", float("nan")),
        ("prediction_confidence_threshold", 1.5),
        ("optimization_targets", ["speed"]),
        ("model_types", {"response_time": "oracle"}),
        ("optimisation_interval", 5),
        ("windows_max", True),
    ],
)
def test_bad_settings_are_named(key: str, value: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        MLOptimizer(config={key: value})
    assert str(caught.value).startswith(key)


def test_the_loop_proves_and_promotes() -> None:
    setter = Setter()
    twin = NoisyTwin(draws(9))
    world = World(config(optimization_targets=["response_time"]), actuator=setter, twin=twin)
    world.runtime.run_task(world.optimizer.start())
    world.runtime.run_task(world.runtime.sleep(3_700.0))
    kinds = world.kinds()
    assert kinds[-3:] == ["optimization_proposed", "verification_started", "promoted"]
    done = world.optimizer.results[-1]
    assert done.is_applied
    assert setter.calls == [("agent-1", done.parameters)]
    assert world.optimizer.minds["agent-1"].standing == done.parameters
    assert world.optimizer.minds["agent-1"].calibrations["response_time"].pairs_count == (twin.pairs_count > 2)
    world.runtime.run_task(world.optimizer.stop())


def test_a_setting_that_is_worse_in_truth_is_rolled_back() -> None:
    setter = Setter()
    world = World(
        config(optimization_targets=["response_time"]), actuator=setter, twin=NoisyTwin(draws(9), shift_s=1.0)
    )
    world.runtime.run_task(world.optimizer.start())
    world.runtime.run_task(world.runtime.sleep(3_700.0))
    assert world.kinds()[-1] == "rolled_back"
    assert setter.calls == [("agent-1", {"temperature": 0.7, "max_tokens": 1_000.0})]
    assert world.optimizer.results[-1].improvement_percentage == 0.0
    world.runtime.run_task(world.optimizer.stop())


def test_the_same_seed_gives_the_same_bytes() -> None:
    first, second = (World(config(model_types={})).optimize() for _ in range(2))
    assert repr(first.as_dict()) == repr(second.as_dict())

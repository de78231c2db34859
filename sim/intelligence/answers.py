"""One answer for one agent and target: train when it is time, recommend, and put it into the source's terms."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sim.intelligence.agents import AgentMind
from sim.intelligence.engine import Recommender
from sim.intelligence.importance import importance
from sim.intelligence.rows import rows_of
from sim.types.metrics import OptimizationResult, OptimizationTarget

if TYPE_CHECKING:
    from sim.intelligence.optimizer import MLOptimizer


def answer(optimizer: MLOptimizer, agent_id: str, target: OptimizationTarget) -> OptimizationResult:
    """What is recommended now, or why nothing is."""
    mind = optimizer.minds.get(agent_id)
    at = optimizer.runtime.now()
    if mind is None:
        return abstained(agent_id, target, {}, "no sample of this agent was taken", at)
    needed = optimizer.config.min_data_points
    if len(mind.windows) < needed:
        reason = f"{len(mind.windows)} of {needed} data points (min_data_points)"
        return abstained(agent_id, target, mind.standing, reason, at)
    recommender = mind.recommender(target.value)
    if recommender is None:
        return abstained(agent_id, target, mind.standing, "the agent has no parameter that may be set", at)
    trained_at = mind.trained_at.get(target.value)
    if trained_at is None or at - trained_at >= optimizer.config.model_retrain_interval:
        optimizer.train(agent_id, target.value)
    else:
        recommender.learn(fully=False)
    return told(mind, recommender, target, at)


def told(mind: AgentMind, recommender: Recommender, target: OptimizationTarget, at: float) -> OptimizationResult:
    """A recommender's words as the source's result."""
    found = recommender.recommend()
    beliefs, region = recommender.beliefs, recommender.region
    low, high = recommender.space.to_params(region.low), recommender.space.to_params(region.high)
    rows = rows_of(list(recommender.windows)[recommender.old_count :], recommender.space, beliefs.scale, target.value)
    return OptimizationResult(
        mind.agent_id,
        target,
        {**mind.standing, **found.params},
        100.0 * found.improvement_ratio,
        100.0 * found.ci_low,
        100.0 * found.ci_high,
        found.confidence,
        found.reason,
        trust_region={name: (low[name], high[name]) for name in recommender.space.names},
        surrogate=beliefs.surrogate.kind,
        windows_count=len(recommender.windows),
        timestamp=at,
        weigh=partial(importance, rows, recommender.space.names, recommender.draws),
    )


def abstained(
    agent_id: str, target: OptimizationTarget, params: dict[str, float], reason: str, at: float
) -> OptimizationResult:
    """Nothing is recommended."""
    return OptimizationResult(agent_id, target, dict(params), 0.0, 0.0, 0.0, 0.0, reason, timestamp=at)

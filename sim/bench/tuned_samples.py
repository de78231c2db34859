"""What an optimizer in a simulated fleet is told: outcomes of a window as a sample or as an arm of a pair."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sim.bench.schema import Config
from sim.contracts import Draws, EventSink, Runtime
from sim.errors import ConfigError
from sim.intelligence.config import OptimizerConfig
from sim.intelligence.optimizer import MLOptimizer
from sim.intelligence.protocol import Guardrail, Parameter, Window
from sim.runtime.draws import TUNED_AGENT
from sim.types.metrics import AgentMetrics
from sim.world.surfaces.space import CONCURRENCY, CONTEXT_TOKENS, LOGARITHMIC_FROM, NAMES, Space
from sim.world.surfaces.surface import TARGETS, Point, Surface
from sim.world.surfaces.windows import TRIAL, Outcomes

TUNED = NAMES[:CONCURRENCY]
SHORT = 20  # tasks below which none (or all) that succeeded does not make a rate certain (Agresti and Coull 1998)
SPREAD_RATIO = 0.5  # of a range, around the setting that stands
DRAWN_MAX = 1 << 20  # windows of a subject that have a draw of their own; a power of two
RATES = ("success_rate", "task_completion_rate", "error_rate")


def fleet_surface(config: Config) -> Surface:
    """The fitted agent on nodes of this fleet; raises `ConfigError` where the agents have nothing to tune."""
    if config.service.kind != "agent":
        raise ConfigError("service.kind", config.service.kind, "agent with an optimizer (it tunes the agents)")
    surface = Surface("fleet")
    slots = (float(config.fleet.agents_per_node),)
    return surface.changed(incumbent=surface.incumbent[:CONCURRENCY] + slots)


def make_optimizer(
    config: Config, runtime: Runtime, draws: Draws, log: EventSink, surface: Surface, **parts: Any
) -> MLOptimizer:
    """The optimizer of a fleet; `parts` are its actuator, twin and review."""
    group, space = config.optimizer, surface.space
    known = [each.name for each in dataclasses.fields(OptimizerConfig)]
    return MLOptimizer(
        {**{name: value for name, value in vars(group).items() if name in known}, "seed": config.seed},
        runtime=runtime,
        draws=draws,
        events=log,
        parameters=[
            Parameter(name, space.low[at], space.high[at], at >= LOGARITHMIC_FROM, at >= LOGARITHMIC_FROM)
            for at, name in enumerate(TUNED)
        ],
        guardrails=(
            Guardrail("success_rate", minimum=group.guard_success_rate_min),
            Guardrail("error_rate", maximum=group.guard_error_rate_max),
        ),
        **parts,
    )


def means_of(outcomes: Outcomes) -> dict[str, float]:
    """Mean of each target."""
    return {name: math.fsum(each[name] for each in outcomes) / len(outcomes) for name in TARGETS}


def variances_of(outcomes: Outcomes) -> dict[str, float]:
    """Variance of each target between tasks; of a rate in a short window at least that of two more of either kind."""
    found = {name: float(np.var([each[name] for each in outcomes], ddof=1)) for name in TARGETS}
    if len(outcomes) < SHORT:
        for name in RATES:
            ratio = (math.fsum(each[name] for each in outcomes) + 2.0) / (len(outcomes) + 4.0)
            found[name] = max(found[name], ratio * (1.0 - ratio))
    return found


def sample_of(agent_id: str, wall_at: float, outcomes: Outcomes, point: Sequence[float], arm: int) -> AgentMetrics:
    """The outcomes of a window's arm as the optimizer's sample."""
    means = means_of(outcomes)
    return AgentMetrics(
        agent_id=agent_id,
        timestamp=wall_at + 1e-3 * arm,  # two arms of one instant are two samples
        response_time=means["response_time"],
        success_rate=means["success_rate"],
        cpu_usage=means["resource_usage"],
        memory_usage=means["resource_usage"],
        user_satisfaction=means["user_satisfaction"],
        task_completion_rate=means["task_completion_rate"],
        error_rate=means["error_rate"],
        interaction_count=len(outcomes),
        context_length=point[CONTEXT_TOKENS],
        model_parameters=dict(zip(TUNED, point[:CONCURRENCY], strict=True)),
        variances=variances_of(outcomes),
        arm="explore" if arm == TRIAL else "incumbent",
    )


def arm_window(outcomes: Outcomes, params: Mapping[str, float], arm: str, at: float) -> Window:
    """The outcomes of one arm of a pair."""
    return Window(dict(params), {}, len(outcomes), means_of(outcomes), variances_of(outcomes), 1.0, at, arm)


def moved(old: Point, params: Mapping[str, float]) -> Point:
    """A setting with other parameters; concurrency is the fleet's."""
    row = [float(params.get(name, old[at])) for at, name in enumerate(TUNED)]
    return (row[0], row[1], row[2], old[CONCURRENCY])


def spread_around(space: Space, draws: Draws, standing: Point, serial: int, window: int) -> dict[str, float]:
    """Parameters drawn around a setting for one window of the subject with this serial."""
    entity = np.array([serial * DRAWN_MAX + (window & DRAWN_MAX - 1)], dtype=np.uint64)
    u = draws.uniforms_of(TUNED_AGENT, entity, len(TUNED))[0]
    unit = space.to_unit(np.array([standing]))
    unit[0, : len(TUNED)] += SPREAD_RATIO * (u - 0.5)
    row = space.from_unit(np.clip(unit, 0.0, 1.0))[0].tolist()
    return dict(zip(TUNED, row[: len(TUNED)], strict=True))

"""A surface as a method may see it: parameters, incumbent, guardrails; and what it sees of a window.

A method never sees the surface itself. Points of the world are rows in the order of `NAMES`; methods name parameters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sim.contracts import Draws
from sim.intelligence.protocol import AskTell, Guardrail, Parameter, Window
from sim.world.surfaces.outcomes import WindowOutcomes
from sim.world.surfaces.space import LOGARITHMIC_FROM, NAMES
from sim.world.surfaces.surface import CONTEXT_NAMES, TARGETS, UTILITY, Context, Point, Surface

WINDOW_S = 60.0  # length of a window, for methods that look at instants


@dataclass(frozen=True, slots=True)
class Problem:
    """What a method is made from."""

    parameters: tuple[Parameter, ...]
    incumbent: dict[str, float]
    guardrails: tuple[Guardrail, ...]
    draws: Draws
    objective: str = UTILITY


def problem_of(surface: Surface, draws: Draws) -> Problem:
    """The problem that a surface poses."""
    parameters = tuple(
        Parameter(name, low, high, is_log=at >= LOGARITHMIC_FROM, is_whole=at >= LOGARITHMIC_FROM)
        for at, (name, low, high) in enumerate(zip(NAMES, surface.space.low, surface.space.high, strict=True))
    )
    guarded = surface.error_rate_max < 1.0
    guardrails = (Guardrail("error_rate", maximum=surface.error_rate_max),) if guarded else ()
    return Problem(parameters, named(surface.incumbent), guardrails, draws)


def named(point: Point) -> dict[str, float]:
    """A point by name."""
    return dict(zip(NAMES, point, strict=True))


def point_of(params: Mapping[str, float]) -> Point:
    """Named parameters as a point."""
    row = [float(params[name]) for name in NAMES]
    return (row[0], row[1], row[2], row[3])


def context_named(context: Context) -> dict[str, float]:
    """A context by name."""
    return dict(zip(CONTEXT_NAMES, context, strict=True))


def window_of(outcomes: WindowOutcomes, propensity: float, arm: str, at: float) -> Window:
    """What a monitor tells of a window."""
    seen = (*TARGETS, UTILITY)
    return Window(
        params=named(outcomes.point),
        context=context_named(outcomes.context),
        n=outcomes.count,
        means={name: outcomes.mean(name) for name in seen},
        variances={name: outcomes.variance(name) for name in seen},
        propensity=propensity,
        at=at,
        arm=arm,
    )


__all__ = ["AskTell", "Problem", "context_named", "named", "point_of", "problem_of", "window_of"]

"""The best parameters differ by context: easy tasks want sampling and short contexts, hard ones neither.

Slope of success over temperature: .15 per unit on easy tasks, -.15 on hard ones, between them in proportion; the need
of context grows by exp(1.2 x hardness / .8). One setting for all contexts is a compromise, and regret is measured
against the best setting of each context.
"""

from __future__ import annotations

import math
from dataclasses import replace

from sim.registry import register
from sim.world.surfaces.agent import AgentLaw
from sim.world.surfaces.surface import Context, Surface

HARD = 0.8


def by_context(law: AgentLaw, window: int, context: Context) -> AgentLaw:
    """The law of a context."""
    hardness = context[1] / HARD
    return replace(law, temperature_slope=-0.15 * hardness, need_tokens_ratio=math.exp(1.2 * hardness))


@register("surface", "context_optimum")
def context_optimum() -> Surface:
    """Two kinds of tasks at two loads."""
    return Surface("context_optimum", loads=(0.7, 1.1), hardnesses=(-HARD, HARD), law_of=by_context, contextual=True)

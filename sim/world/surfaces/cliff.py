"""A temperature cliff: sampling helps, up to where it ruins everything.

The cliff is the fitted one (center 1.51, width .04); the slope of success below it is put at .15 per unit instead of
the fitted .017, as for agents that draw several answers and keep the best: the optimum then lies near the edge.
"""

from __future__ import annotations

from sim.registry import register
from sim.world.surfaces.agent import AgentLaw
from sim.world.surfaces.surface import Surface


@register("surface", "cliff")
def cliff() -> Surface:
    """Success rises by .15 per unit of temperature up to the cliff."""
    return Surface("cliff", AgentLaw(temperature_slope=0.15), incumbent=(0.7, 4_000.0, 8_192.0, 24.0))

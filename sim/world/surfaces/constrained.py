"""A guardrail that holds at the optimum: slots in parallel raise errors, and errors may be 5 % at most.

A quarter more load wants many slots; slots add errors (.06 at 64, in proportion to their logarithm), so that the
best utility lies beyond the guardrail and the best allowed setting on it.
"""

from __future__ import annotations

from sim.registry import register
from sim.world.surfaces.agent import AgentLaw
from sim.world.surfaces.surface import Surface


@register("surface", "constrained")
def constrained() -> Surface:
    """Errors of 5 % at most over all contexts."""
    law = AgentLaw(load_per_s=0.2, error_per_concurrency=0.06)
    return Surface("constrained", law, incumbent=(0.7, 1_500.0, 6_000.0, 14.0), error_rate_max=0.05)

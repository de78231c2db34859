"""Nothing to gain: the incumbent is the optimum of the fitted agent already, and every promotion is a mistake.

The point is that of `optimum` on surface `llm`; a test computes it again.
"""

from __future__ import annotations

from sim.registry import register
from sim.world.surfaces.surface import Point, Surface

BEST: Point = (0.90593, 8_192.0, 7_692.0, 18.0)


@register("surface", "null")
def null() -> Surface:
    """The fitted agent under its best parameters."""
    return Surface("null", incumbent=BEST)

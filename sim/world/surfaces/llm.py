"""The fitted agent as it stands, run with the source's temperature and max_tokens: its answers are cut short."""

from __future__ import annotations

from sim.registry import register
from sim.world.surfaces.surface import Surface


@register("surface", "llm")
def llm() -> Surface:
    """The law of `coefficients`, nothing added."""
    return Surface("llm")

"""Heavy tails and lost windows: latency times a Pareto factor of mean 1 and shape 1.8, one window in twenty never told.

A shape below 2 has no variance: a mean of 200 tasks is now and then far off, and no error bar from the window's own
spread tells so. Providers' latencies and the share of lost windows: see Dean and Barroso (2013) for the former; the
latter is ours.
"""

from __future__ import annotations

from sim.registry import register
from sim.world.surfaces.surface import Surface


@register("surface", "heavy_tails")
def heavy_tails() -> Surface:
    """The fitted agent, badly measured."""
    return Surface("heavy_tails", tail_shape=1.8, lost_window_prob=0.05)

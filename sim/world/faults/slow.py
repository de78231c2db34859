"""Gray failure: a node works at a fraction of its speed while its health checks pass (Huang et al. 2017).

Several slow faults at one node multiply.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from sim.registry import register
from sim.world.faults.hands import Episode, Fault
from sim.world.faults.params import EpisodeParams


@dataclass(frozen=True, slots=True)
class SlowParams(EpisodeParams):
    """`factor`: speed while slow over the speed before, 0 < factor <= 1."""

    factor: float = 0.1


@register("fault", "slow")
class Slow(Fault):
    """Speed times `factor`."""

    params_type = SlowParams
    params: SlowParams

    def strike(self, episode: Episode) -> None:
        """Slower by the factor."""
        factors = self.hands.hold("slow", episode.node_id, self.code, self.params.factor)
        self.hands.target.set_speed_factor(episode.node_id, math.prod(factors, start=1.0))

    def heal(self, episode: Episode) -> None:
        """As fast as the other slow faults leave it; exactly 1 when there are none."""
        factors = self.hands.release("slow", episode.node_id, self.code)
        self.hands.target.set_speed_factor(episode.node_id, math.prod(factors, start=1.0))

"""A whole zone loses power: all its nodes are down at once, and up at once; what is on disk survives.

A node that joins a zone while it is out is down from its start until the zone is back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sim.registry import register
from sim.world.faults.hands import Episode, Fault
from sim.world.faults.params import EpisodeParams


@dataclass(frozen=True, slots=True)
class ZoneOutageParams(EpisodeParams):
    """`zones`: names, none is all; each has a process of its own."""

    zones: Sequence[str] = ()


@register("fault", "zone_outage")
class ZoneOutage(Fault):
    """Every node of the zone is down."""

    params_type = ZoneOutageParams
    scope = "zone"

    def strike(self, episode: Episode) -> None:
        """Down; attempts are lost silently."""
        self.hands.take_down(episode.node_id, self.code, requeue=False, keep_state=True)

    def heal(self, episode: Episode) -> None:
        """Up again, unless something else keeps it down."""
        self.hands.bring_back(episode.node_id, self.code)

"""A node is cut off the network while it goes on working: both ways, or one way only (`direction`: what is lost)."""

from __future__ import annotations

from dataclasses import dataclass

from sim.registry import register
from sim.world.faults.hands import Episode, Fault
from sim.world.faults.params import EpisodeParams


@dataclass(frozen=True, slots=True)
class PartitionParams(EpisodeParams):
    """`direction`: both, to_node (requests and probes) or from_node (answers and heartbeats)."""

    direction: str = "both"


@register("fault", "partition")
class Partition(Fault):
    """Messages of the direction are lost."""

    params_type = PartitionParams
    params: PartitionParams

    def strike(self, episode: Episode) -> None:
        """Cut."""
        self.hands.target.network.block(episode.serial, *self._lost())

    def heal(self, episode: Episode) -> None:
        """Connected again, as far as other partitions allow."""
        self.hands.target.network.unblock(episode.serial, *self._lost())

    def _lost(self) -> tuple[bool, bool]:
        return self.params.direction != "from_node", self.params.direction != "to_node"

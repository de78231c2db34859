"""A node stops dead (fail-stop; Schlichting and Schneider 1983) and starts again, empty, after its repair.

Its attempts are lost silently, or (`in_flight: requeue`) the balancer sees the connections break and sends them on.
Its copies of agent states survive on disk, or are lost. `repairers_max` repairers serve broken nodes in turn.
"""

from __future__ import annotations

from dataclasses import dataclass

from sim.registry import register
from sim.world.faults.hands import Episode, Fault
from sim.world.faults.params import EpisodeParams


@dataclass(frozen=True, slots=True)
class CrashParams(EpisodeParams):
    """`repairers_max` 0: as many as needed."""

    in_flight: str = "lose"
    state: str = "keep"
    repairers_max: int = 0


@register("fault", "crash")
class Crash(Fault):
    """Down from the strike to the end of the repair."""

    params_type = CrashParams
    params: CrashParams

    def strike(self, episode: Episode) -> None:
        """Down at once."""
        requeue, keep_state = self.params.in_flight == "requeue", self.params.state == "keep"
        self.hands.take_down(episode.node_id, self.code, requeue, keep_state)

    def heal(self, episode: Episode) -> None:
        """Up again, unless something else keeps it down."""
        self.hands.bring_back(episode.node_id, self.code)

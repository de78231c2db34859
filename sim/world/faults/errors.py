"""A node answers a share of what it served with errors, quickly or not, while its health checks pass.

The world draws which attempts by purpose FAULT_ERROR; of several such faults at one node the highest share holds.
"""

from __future__ import annotations

from dataclasses import dataclass

from sim.registry import register
from sim.world.faults.hands import Episode, Fault
from sim.world.faults.params import EpisodeParams


@dataclass(frozen=True, slots=True)
class ErrorsParams(EpisodeParams):
    """`prob`: share of the attempts served."""

    prob: float = 0.5


@register("fault", "errors")
class Errors(Fault):
    """Errors within the episode."""

    params_type = ErrorsParams
    params: ErrorsParams

    def strike(self, episode: Episode) -> None:
        """Errors from now on."""
        self._set(episode, self.hands.hold("errors", episode.node_id, self.code, self.params.prob))

    def heal(self, episode: Episode) -> None:
        """Right answers again, but for what other faults spoil."""
        self._set(episode, self.hands.release("errors", episode.node_id, self.code))

    def _set(self, episode: Episode, probs: list[float]) -> None:
        self.hands.target.set_error_prob(episode.node_id, max(probs, default=0.0))

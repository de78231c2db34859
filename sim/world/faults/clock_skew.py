"""A node's clock is off by `offset_s` and runs `drift_ratio` fast, until it is set right again. Skews add up."""

from __future__ import annotations

from dataclasses import dataclass

from sim.registry import register
from sim.world.faults.hands import Episode, Fault
from sim.world.faults.params import EpisodeParams


@dataclass(frozen=True, slots=True)
class ClockSkewParams(EpisodeParams):
    """`drift_ratio`: seconds gained a second."""

    offset_s: float = -60.0
    drift_ratio: float = 0.0


@register("fault", "clock_skew")
class ClockSkew(Fault):
    """What the node stamps is wrong; the control plane's own clock is right."""

    params_type = ClockSkewParams
    params: ClockSkewParams

    def strike(self, episode: Episode) -> None:
        """Off from now on."""
        mine = (self.params.offset_s, self.params.drift_ratio)
        self._set(episode, self.hands.hold("skew", episode.node_id, self.code, mine))

    def heal(self, episode: Episode) -> None:
        """Right again, but for what other skews do."""
        self._set(episode, self.hands.release("skew", episode.node_id, self.code))

    def _set(self, episode: Episode, skews: list[tuple[float, float]]) -> None:
        offset_s = drift_ratio = 0.0
        for one_s, one_ratio in skews:
            offset_s += one_s
            drift_ratio += one_ratio
        self.hands.target.skew(episode.node_id, offset_s, drift_ratio)

"""A spot node is taken back: a warning, `notice_s` later the machine is gone with its state, after the time down a
new one stands in its place. An episode begins with the warning; the time down begins when the machine is taken.
"""

from __future__ import annotations

from dataclasses import dataclass

from sim.registry import register
from sim.world.faults.hands import Episode, Fault, Hands
from sim.world.faults.params import EpisodeParams


@dataclass(frozen=True, slots=True)
class PreemptionParams(EpisodeParams):
    """`notice_s`: seconds of warning."""

    notice_s: float = 120.0


@register("fault", "preemption")
class Preemption(Fault):
    """Warned, then down with its state lost."""

    params_type = PreemptionParams
    params: PreemptionParams

    def __init__(self, params: PreemptionParams, hands: Hands, code: int) -> None:
        super().__init__(params, hands, code)
        self.lead_s = params.notice_s

    def strike(self, episode: Episode) -> None:
        """Warn."""
        self.hands.target.notice(episode.node_id, self.lead_s)
        self.hands.later(episode.began_at + self.lead_s, episode, self._take, episode)

    def heal(self, episode: Episode) -> None:
        """A new machine, unless something else keeps it down or it was never taken."""
        if self.hands.holds("down", episode.node_id, self.code):
            self.hands.bring_back(episode.node_id, self.code)

    def _take(self, episode: Episode) -> None:
        if episode.on:
            self.hands.take_down(episode.node_id, self.code, requeue=False, keep_state=False)

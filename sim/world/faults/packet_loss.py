"""The network loses and delays messages: of all nodes at once (`nodes` empty: one fault of the fleet), or of some.

What a loss means for requests and for heartbeats stands in `sim.world.network`.
"""

from __future__ import annotations

from dataclasses import dataclass

from sim.registry import register
from sim.world.faults.hands import Episode, Fault, Hands
from sim.world.faults.params import EpisodeParams
from sim.world.network import Path


@dataclass(frozen=True, slots=True)
class PacketLossParams(EpisodeParams):
    """One way, seconds; `delay_jitter_s` is the mean of an exponential on top of `delay_s`."""

    loss_prob: float = 0.05
    delay_s: float = 0.0
    delay_jitter_s: float = 0.0
    retransmit_s: float = 0.2


@register("fault", "packet_loss")
class PacketLoss(Fault):
    """Loss and delay within the episode."""

    params_type = PacketLossParams
    params: PacketLossParams

    def __init__(self, params: PacketLossParams, hands: Hands, code: int) -> None:
        super().__init__(params, hands, code)
        self.scope = "node" if params.nodes else "fleet"
        self.path = Path(params.loss_prob, params.delay_s, params.delay_jitter_s, params.retransmit_s)

    def strike(self, episode: Episode) -> None:
        """Degrade the way to the node, or to all."""
        self.hands.target.network.degrade(self._serial(episode), self.path)

    def heal(self, episode: Episode) -> None:
        """As before."""
        self.hands.target.network.restore(self._serial(episode), self.path)

    def _serial(self, episode: Episode) -> int | None:
        return episode.serial if self.scope == "node" else None

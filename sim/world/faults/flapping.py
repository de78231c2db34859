"""Heartbeats that come and go while the node works well: silent for `silent_s`, sound for `sound_s`, in turn."""

from __future__ import annotations

from dataclasses import dataclass

from sim.registry import register
from sim.world.faults.hands import Episode, Fault
from sim.world.faults.params import EpisodeParams


@dataclass(frozen=True, slots=True)
class FlappingParams(EpisodeParams):
    """Seconds of each turn; an episode begins silent."""

    silent_s: float = 30.0
    sound_s: float = 30.0


@register("fault", "flapping")
class Flapping(Fault):
    """Turn k begins at a whole number of periods after the episode's beginning, never at a running sum."""

    params_type = FlappingParams
    params: FlappingParams

    def strike(self, episode: Episode) -> None:
        """Silent."""
        self._mute((episode, 0))

    def heal(self, episode: Episode) -> None:
        """Sound."""
        self._unmute(episode)

    def _mute(self, turn: tuple[Episode, int]) -> None:
        episode, number = turn
        if not episode.on:
            return
        if len(self.hands.hold("muted", episode.node_id, self.code, True)) == 1:
            self.hands.target.mute(episode.node_id, True)
        silent_from = episode.began_at + number * (self.params.silent_s + self.params.sound_s)
        self.hands.later(silent_from + self.params.silent_s, episode, self._sound, turn)

    def _sound(self, turn: tuple[Episode, int]) -> None:
        episode, number = turn
        if not episode.on:
            return
        self._unmute(episode)
        period_s = self.params.silent_s + self.params.sound_s
        self.hands.later(episode.began_at + (number + 1) * period_s, episode, self._mute, (episode, number + 1))

    def _unmute(self, episode: Episode) -> None:
        if self.hands.holds("muted", episode.node_id, self.code) and not self.hands.release(
            "muted", episode.node_id, self.code
        ):
            self.hands.target.mute(episode.node_id, False)

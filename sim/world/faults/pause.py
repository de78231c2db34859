"""A node stops for a while and goes on where it was: virtual machine migration, a long collection, a stopped process.

Work resumes (preemptive resume). A node that was given up meanwhile comes back as a zombie that must be fenced.
"""

from __future__ import annotations

from sim.registry import register
from sim.world.faults.hands import Episode, Fault


@register("fault", "pause")
class Pause(Fault):
    """Stopped within the episode."""

    def strike(self, episode: Episode) -> None:
        """Stop where it is."""
        if len(self.hands.hold("paused", episode.node_id, self.code, True)) == 1:
            self.hands.target.pause(episode.node_id)

    def heal(self, episode: Episode) -> None:
        """Go on, unless another pause holds."""
        if not self.hands.release("paused", episode.node_id, self.code):
            self.hands.target.resume(episode.node_id)

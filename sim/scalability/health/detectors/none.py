"""none: nobody is ever taken for dead; nothing is watched."""

from __future__ import annotations

from sim.registry import register
from sim.scalability.health.detector import Verdict
from sim.scalability.health.params import HealthParams

UP = Verdict(False, "not watched")


class Nobody:
    """Implements `health.detector.Detector`."""

    uses_probes = uses_heartbeats = needs_every = False

    def joined(self, node_id: str, now: float) -> None:
        """Not watched."""

    def heartbeat(self, node_id: str, now: float) -> None:
        """Not read."""

    def checked(self, node_id: str, now: float, ok: bool) -> None:
        """Not read."""

    def left(self, node_id: str) -> None:
        """Not watched."""

    def down(self, node_id: str, now: float) -> bool:
        """Never."""
        return False

    def all_up(self, now: float) -> bool:
        """Each node is judged by itself."""
        return False

    def verdict(self, node_id: str, now: float) -> Verdict:
        """Up, always."""
        return UP


@register("detector", "none")
def none(params: HealthParams) -> Nobody:
    """Reads no setting."""
    return Nobody()

"""consecutive_failures: down after `misses_max` failed checks in a row, up again after `rises_min` passed ones.

HAProxy's fall and rise, ALB's thresholds, Kubernetes' probes. A node that dies silently is found, for interval I, k
misses and probe timeout tau, at least (k-1) I + tau after its death (it died just before a check), at most k I + tau
(just after one), I/2 + (k-1) I + tau on average over a uniform phase. At a loss of p per check a healthy node is taken
for dead with probability p^k a check (independent losses).
"""

from __future__ import annotations

from sim.registry import register
from sim.scalability.health.detector import Verdict
from sim.scalability.health.params import HealthParams


class ConsecutiveFailures:
    """Implements `health.detector.Detector`; keeps each node's side and the run of checks that speak against it."""

    uses_probes = True
    uses_heartbeats = needs_every = False

    def __init__(self, misses_max: int, rises_min: int) -> None:
        self.misses_max, self.rises_min = misses_max, rises_min
        self._down: dict[str, bool] = {}
        self._against: dict[str, int] = {}  # checks in a row: failed while up, passed while down

    def joined(self, node_id: str, now: float) -> None:
        """Up, nothing against it."""
        self._down[node_id], self._against[node_id] = False, 0

    def heartbeat(self, node_id: str, now: float) -> None:
        """Not read."""

    def checked(self, node_id: str, now: float, ok: bool) -> None:
        """Count a check; a watched node only."""
        down = self._down[node_id]
        if ok is not down:
            self._against[node_id] = 0
            return
        self._against[node_id] += 1
        if self._against[node_id] == (self.rises_min if down else self.misses_max):
            self._down[node_id], self._against[node_id] = not down, 0

    def left(self, node_id: str) -> None:
        """Forget it."""
        self._down.pop(node_id, None)
        self._against.pop(node_id, None)

    def down(self, node_id: str, now: float) -> bool:
        """From the last of `misses_max` failures to the last of `rises_min` passes."""
        return self._down[node_id]

    def all_up(self, now: float) -> bool:
        """Each node is judged by itself."""
        return False

    def verdict(self, node_id: str, now: float) -> Verdict:
        """Down from the last of `misses_max` failures to the last of `rises_min` passes."""
        if self._down[node_id]:
            return Verdict(True, f"{self.misses_max} checks failed in a row (misses_max)")
        return Verdict(False, f"{self.rises_min} checks passed in a row (rises_min)")


@register("detector", "consecutive_failures")
def consecutive_failures(params: HealthParams) -> ConsecutiveFailures:
    """Reads `misses_max` and `rises_min`."""
    return ConsecutiveFailures(params.misses_max, params.rises_min)

"""heartbeat_timeout: a node silent for longer than `node_timeout_s` is down; its next heartbeat brings it back.

The source's rule, and Kubernetes' (lease 10 s, NotReady after 40 s). A verdict is asked for at each check, so that a
node last heard of at h is found at the first check after h + node_timeout_s. With heartbeats and checks every I, node
timeout T and checks just behind the heartbeats, that is (floor(T / I) + 1) I after h, and a death is found between that
less I and that after it happened: the source's 30 s and 60 s find it in 60 to 90 s.
"""

from __future__ import annotations

from math import inf

from sim.registry import register
from sim.scalability.health.detector import Verdict
from sim.scalability.health.params import HealthParams


class HeartbeatTimeout:
    """Implements `health.detector.Detector`; keeps the instant each node was last heard of."""

    uses_probes = False
    uses_heartbeats = True
    needs_every = False

    def __init__(self, node_timeout_s: float) -> None:
        self.node_timeout_s = node_timeout_s
        self._heard_at: dict[str, float] = {}
        self._first_at = inf  # no node was heard of before

    def joined(self, node_id: str, now: float) -> None:
        """Joining is a sign of life."""
        self.heartbeat(node_id, now)

    def heartbeat(self, node_id: str, now: float) -> None:
        """A sign of life."""
        self._heard_at[node_id] = now
        if now < self._first_at:
            self._first_at = now

    def checked(self, node_id: str, now: float, ok: bool) -> None:
        """Not read."""

    def left(self, node_id: str) -> None:
        """Forget it."""
        self._heard_at.pop(node_id, None)

    def down(self, node_id: str, now: float) -> bool:
        """While the silence is longer than the timeout."""
        return now - self._heard_at[node_id] > self.node_timeout_s

    def all_up(self, now: float) -> bool:
        """A silence is no longer than that since the earliest word of any node."""
        if now - self._first_at > self.node_timeout_s:
            self._first_at = min(self._heard_at.values(), default=inf)
        return now - self._first_at <= self.node_timeout_s

    def verdict(self, node_id: str, now: float) -> Verdict:
        """Down while the silence is longer than the timeout."""
        silence_s = now - self._heard_at[node_id]
        if silence_s > self.node_timeout_s:
            return Verdict(True, f"silent for {silence_s:g} s, over node_timeout_s={self.node_timeout_s:g}")
        return Verdict(False, f"heard {silence_s:g} s ago")


@register("detector", "heartbeat_timeout")
def heartbeat_timeout(params: HealthParams) -> HeartbeatTimeout:
    """Reads `node_timeout_s`."""
    return HeartbeatTimeout(params.node_timeout_s)

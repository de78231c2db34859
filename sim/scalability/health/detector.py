"""What a failure detector is: observations go in, a verdict on each node comes out; it knows no clock and no task.

A detector suspects, it never knows (Chandra, Toueg 1996): completeness is that the dead are found, accuracy that the
living are not. Which of the two it errs on is its setting. Instants `now` in seconds, never decreasing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a node is taken for dead, and why."""

    down: bool
    reason: str


class Detector(Protocol):
    """Keeps what was observed of each node since it joined; every node is up at first."""

    uses_probes: bool  # reads the results of active checks
    uses_heartbeats: bool  # reads heartbeats; with neither nothing is watched

    needs_every: bool  # each heartbeat matters; else only the last one, and a later one never speaks against a node

    def joined(self, node_id: str, now: float) -> None:
        """A node is watched from now on; of a known one all is forgotten."""

    def heartbeat(self, node_id: str, now: float) -> None:
        """A heartbeat of a watched node arrived."""

    def checked(self, node_id: str, now: float, ok: bool) -> None:
        """An active check of a watched node passed, or failed or ran into its timeout."""

    def left(self, node_id: str) -> None:
        """The node is watched no longer."""

    def down(self, node_id: str, now: float) -> bool:
        """Whether a watched node is taken for dead: the verdict without its words."""

    def all_up(self, now: float) -> bool:
        """Whether surely no watched node is down: one comparison for all; False says nothing."""

    def verdict(self, node_id: str, now: float) -> Verdict:
        """What to think of a watched node."""

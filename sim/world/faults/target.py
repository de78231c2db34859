"""What a fault may do to the world. The world implements it; a fault knows nothing else of it.

Effects are flags of a machine and independent of each other: it works when it is neither crashed nor paused, at its
speed times the factor, and its heartbeats go out when it works and is not muted. Durations in seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from sim.world.network import Network


class FaultTarget(Protocol):
    """Machines by id; `born_listeners` and `gone_listeners` hear of a machine's id when it is there, or is gone."""

    born_listeners: list[Callable[[str], None]]
    gone_listeners: list[Callable[[str], None]]

    @property
    def network(self) -> Network:
        """What messages to and from machines go over."""

    def node_ids(self) -> list[str]:
        """Machines there now, in birth order."""

    def birth_of(self, node_id: str) -> int:
        """Birth serial, never used again."""

    def zone_of(self, node_id: str) -> str:
        """Name of the machine's zone."""

    def crash(self, node_id: str, requeue: bool, keep_state: bool) -> None:
        """All it runs and holds in its queue is lost (`requeue`: the balancer sees the break and sends it on).

        It may come again while the machine is down, to lose state that the first one had kept.
        """

    def restore(self, node_id: str) -> None:
        """The machine starts again, empty."""

    def pause(self, node_id: str) -> None:
        """The machine stops where it is."""

    def resume(self, node_id: str) -> None:
        """It goes on where it was."""

    def set_speed_factor(self, node_id: str, factor: float) -> None:
        """Speed over the machine's own: the product of the factors of all slow faults that are on."""

    def set_error_prob(self, node_id: str, prob: float) -> None:
        """Chance that an attempt that was served is answered with an error."""

    def mute(self, node_id: str, muted: bool) -> None:
        """Heartbeats only: nothing goes out while muted."""

    def skew(self, node_id: str, offset_s: float, drift_ratio: float) -> None:
        """The machine's clock says t + offset_s + drift_ratio x (t - now) from now on."""

    def notice(self, node_id: str, notice_s: float) -> None:
        """The machine will be taken in so many seconds: a warning that reaches the control plane."""

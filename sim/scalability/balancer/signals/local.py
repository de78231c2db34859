"""Local signal: the attempts this dispatcher still waits for, exact and of age zero, blind to other dispatchers.

`count` is the `in_flight` column itself: up by one at a dispatch, down by one at the answer, the timeout or the reset.
This is what Envoy, HAProxy, nginx and Finagle count (per process).
"""

from __future__ import annotations

from sim.scalability.balancer.fleet_state import FleetState


def sent(fleet: FleetState, slot: int) -> None:
    """An attempt goes to `slot`."""
    fleet.in_flight[slot] += 1


def released(fleet: FleetState, slot: int) -> None:
    """An attempt at `slot` is no longer waited for."""
    fleet.in_flight[slot] -= 1

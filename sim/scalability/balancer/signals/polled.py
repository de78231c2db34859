"""Polled signal: a bulletin board of what every node holds (waiting plus in service), refreshed every `refresh_s`.

A poll reports everybody's work, so that it sees other dispatchers, but it is up to `refresh_s` old: all arrivals since
then see the same board and herd to its least loaded node (Mitzenmacher 2000, "How useful is old information?").
Counting one's own dispatches since the refresh repairs it: `count` rises at each own dispatch and falls only at the
next refresh. Completions do not lower it, since the board cannot tell which of them the poll already saw. Before its
first poll a node counts as empty. Unit: attempts.
"""

from __future__ import annotations

from collections.abc import Sequence

from sim.scalability.balancer.fleet_state import FleetState


def sent_counted(fleet: FleetState, slot: int) -> None:
    """An own dispatch that counts on top of the board."""
    fleet.in_flight[slot] += 1
    fleet.count[slot] += 1


def refresh(fleet: FleetState, occupancies: Sequence[int], slots_count: int) -> None:
    """The board takes what the first `slots_count` slots hold now."""
    count = fleet.count
    for slot in range(slots_count):
        count[slot] = occupancies[slot]

"""Polled signal: a bulletin board of what every node holds (waiting plus in service), refreshed every `refresh_s`.

A poll reports everybody's work, so that it sees other dispatchers, but it is up to `refresh_s` old: all arrivals since
then see the same board and herd to its least loaded node (Mitzenmacher 2000, "How useful is old information?").
Counting one's own dispatches since the refresh repairs it: `count` rises at each own dispatch and falls only at the
next refresh. Completions do not lower it, since the board cannot tell which of them the poll already saw. Before its
first poll a node counts as empty. What a board shows may be a plugin's rule (`Board`). Unit: attempts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sim.errors import ConfigError
from sim.registry import lookup
from sim.scalability.balancer.fleet_state import FleetState
from sim.scalability.balancer.params import BalancerParams

SIGNALS = ("local", "polled", "probed")  # those of this package; another one is a board that a plugin brings
Board = Callable[[float, Sequence[int]], Sequence[int]]  # (now, what each slot holds) -> what is shown of each


def board_of(params: BalancerParams) -> Board | None:
    """The board of the signal that the settings name, None for one of this package."""
    return None if params.signal in SIGNALS else lookup("signal", params.signal)(params)


def shown(board: Board | None, name: str, now: float, occupancies: Sequence[int]) -> Sequence[int]:
    """What a board of a plugin shows; raises `ConfigError` for loads that are no whole numbers from 0, one a slot."""
    if board is None:
        return occupancies
    loads = list(board(now, occupancies))
    if len(loads) != len(occupancies) or any(not isinstance(load, int) or load < 0 for load in loads):
        raise ConfigError("balancer.signal", name, f"a board of {len(occupancies)} whole numbers from 0, not {loads!r}")
    return loads


def sent_counted(fleet: FleetState, slot: int) -> None:
    """An own dispatch that counts on top of the board."""
    fleet.in_flight[slot] += 1
    fleet.count[slot] += 1


def refresh(fleet: FleetState, occupancies: Sequence[int], slots_count: int) -> None:
    """The board takes what the first `slots_count` slots hold now."""
    count = fleet.count
    for slot in range(slots_count):
        count[slot] = occupancies[slot]

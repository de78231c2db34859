"""What one dispatcher knows of the fleet, as columns over slots, and the slots that one view may pick now.

A slot is the pool of one agent type on one node. Columns are `array.array`s of `slots_max` entries, allocated once and
never replaced, so that a compiled engine can look at the same memory. `in_flight` counts attempts this dispatcher still
waits for; `count` is the signal's view of the load (the very same column where the signal is local). `capacity`,
`weight` and `eligible` are facts of membership and shared by all dispatchers. Units: `_s` seconds, `_at` instants.
"""

from __future__ import annotations

from array import array
from typing import Any


def integers(length: int, value: int = 0) -> array[int]:
    """A column of `length` 64-bit integers."""
    return array("q", [value]) * length


def floats(length: int, value: float = 0.0) -> array[float]:
    """A column of `length` doubles."""
    return array("d", [value]) * length


def column(kind: str, length: int, value: int = 0) -> array[int]:
    """A column of whole numbers of another width: kind as `array.array` has it."""
    return array(kind, [value]) * length


class Facts:
    """Membership as columns, shape (slots_max,): ready agents, weight, 1 where requests may go, index of the type."""

    __slots__ = ("capacity", "eligible", "generation", "member", "slot_type", "tokens", "warm", "weight")

    def __init__(self, slots_max: int) -> None:
        self.capacity = integers(slots_max)
        self.weight = floats(slots_max)
        self.eligible = integers(slots_max)
        self.slot_type = integers(slots_max)
        self.generation = integers(slots_max)
        self.member = integers(slots_max)  # number of the node that the slot is of, by order of joining
        self.tokens = integers(slots_max)  # idle tokens that wait at any dispatcher (join_idle_queue)
        self.warm = integers(slots_max)  # 1 within a slow start


class FleetState:
    """One dispatcher's columns, shape (slots_max,)."""

    __slots__ = ("capacity", "count", "eligible", "ewma_at", "ewma_s", "generation", "held", "in_flight", "log_cost",
                 "tau_s", "tokens", "warm", "weight")  # fmt: skip

    def __init__(self, slots_max: int, facts: Facts, is_local: bool, tau_s: float = 10.0) -> None:
        self.in_flight = integers(slots_max)
        self.count = self.in_flight if is_local else integers(slots_max)
        self.capacity, self.weight, self.eligible = facts.capacity, facts.weight, facts.eligible
        self.generation = facts.generation
        self.tau_s = tau_s
        self.ewma_s = floats(slots_max)  # 0: no answer seen yet
        self.ewma_at = floats(slots_max)
        self.log_cost = floats(slots_max)  # log(ewma_s)
        self.held = integers(slots_max)  # idle tokens that wait here
        self.tokens, self.warm = facts.tokens, facts.warm


class ViewState:
    """The slots of one view that one dispatcher may pick now: `slots[:size]`; `position[slot]` is -1 for the others.

    `members[:members_count]` are all eligible ones, ascending. After a membership change `slots` ascends too; a queue
    at the balancer then swaps full slots out and in. Strategies add their own fields in a subclass. `fresh` falls when
    members or polled loads changed; the next dispatch rebuilds. `twin` is of a slow start.
    """

    __slots__ = ("fresh", "members", "members_count", "position", "size", "slots", "twin")

    def __init__(self, slots_max: int) -> None:
        self.slots = integers(slots_max)
        self.position = integers(slots_max, -1)
        self.members = integers(slots_max)
        self.members_count = 0
        self.size = 0
        self.fresh = False
        self.twin: Any = None


def enter(state: ViewState, slot: int) -> None:
    """Make `slot` pickable, O(1)."""
    state.slots[state.size] = slot
    state.position[slot] = state.size
    state.size += 1


def leave(state: ViewState, slot: int) -> None:
    """Take `slot` out of the pickable ones, O(1): the last one fills its place."""
    state.size -= 1
    hole = state.position[slot]
    last = state.slots[state.size]
    state.slots[hole] = last
    state.position[last] = hole
    state.position[slot] = -1


def settle(fleet: FleetState, state: ViewState, slot: int) -> None:
    """Queue at the balancer: a slot is pickable while fewer attempts are in flight than it has ready agents."""
    free = fleet.eligible[slot] == 1 and fleet.in_flight[slot] < fleet.capacity[slot]
    if free:
        if state.position[slot] < 0:
            enter(state, slot)
    elif state.position[slot] >= 0:
        leave(state, slot)


def forget(fleet: FleetState, slot: int) -> None:
    """A freed slot starts from nothing when it is used again."""
    fleet.in_flight[slot] = 0
    fleet.count[slot] = 0
    fleet.ewma_s[slot] = 0.0
    fleet.ewma_at[slot] = 0.0
    fleet.log_cost[slot] = 0.0
    fleet.held[slot] = 0

"""Idle tokens of join_idle_queue: a node with a free agent registers with one dispatcher (Lu et al. 2011).

A node hands out one token a free agent: after an answer, if its free agents exceed its tokens still out, it registers
with a dispatcher drawn uniformly. A dispatcher keeps a first-in first-out ring of slots, each at most once, and the
number of tokens it holds of each: bounded by `slots_max` whatever the number of agents. Tokens of all views of a
dispatcher are the same tokens; a ring entry without any is dropped when it is met.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sim.scalability.balancer.fleet_state import Facts, FleetState, ViewState, integers


class IdleState(ViewState):
    """Ring of slots (`ring[head]` is next, `waiting` entries), 1 in `queued` for those in it; shape (slots_max,)."""

    __slots__ = ("head", "queued", "ring", "waiting")

    def __init__(self, slots_max: int, dispatcher: int, dispatchers: int) -> None:
        super().__init__(slots_max)
        self.ring = integers(slots_max)
        self.queued = integers(slots_max)
        self.head = 0
        self.waiting = 0


class IdleDeck:
    """All dispatchers, as a node sees them that has a token to give. `holders[dispatcher][type]` are view states."""

    __slots__ = ("facts", "fleets", "holders", "next_dispatcher")

    def __init__(
        self, facts: Facts, fleets: Sequence[FleetState], holders: Sequence[Sequence[tuple[Any, ...]]]
    ) -> None:
        self.facts, self.fleets, self.holders = facts, fleets, holders
        self.next_dispatcher = 0


def push_idle(state: IdleState, slot: int) -> None:
    """Put `slot` at the end of the ring unless it is in it."""
    if state.queued[slot] == 0:
        length = len(state.ring)
        at = state.head + state.waiting
        state.ring[at - length if at >= length else at] = slot
        state.queued[slot] = 1
        state.waiting += 1


def pop_idle(fleet: FleetState, state: IdleState) -> int:
    """Take a token of the next idle slot that may be picked; -1 when there is none.

    A slot with further tokens goes to the end of the ring; one that may not be picked gives all its tokens back.
    """
    held, tokens = fleet.held, fleet.tokens
    while state.waiting > 0:
        slot = state.ring[state.head]
        state.head += 1
        if state.head == len(state.ring):
            state.head = 0
        state.waiting -= 1
        state.queued[slot] = 0
        if held[slot] > 0:
            if state.position[slot] >= 0:
                held[slot] -= 1
                tokens[slot] -= 1
                if held[slot] > 0:
                    push_idle(state, slot)
                return slot
            if fleet.warm[slot] == 0:  # else it is a twin that may not pick it: the view may
                tokens[slot] -= held[slot]
                held[slot] = 0
    return -1


def return_token(fleet: FleetState, state: IdleState, slot: int) -> None:
    """The slot of a token just taken is not used: it is idle still, as far as this dispatcher knows."""
    if fleet.capacity[slot] - fleet.in_flight[slot] > fleet.tokens[slot]:
        fleet.tokens[slot] += 1
        fleet.held[slot] += 1
        push_idle(state, slot)


def give_token(deck: IdleDeck, dispatcher: int, slot: int) -> None:
    """`slot` registers once with `dispatcher`."""
    deck.facts.tokens[slot] += 1
    deck.fleets[dispatcher].held[slot] += 1
    for state in deck.holders[dispatcher][deck.facts.slot_type[slot]]:
        push_idle(state, slot)


def register_idle(deck: IdleDeck, slot: int, occupancy: int, draw: float) -> None:
    """After an answer: register if more agents are free than tokens are out; `draw` chooses the dispatcher."""
    facts = deck.facts
    if facts.capacity[slot] - occupancy > facts.tokens[slot]:
        give_token(deck, int(draw * len(deck.fleets)), slot)


def deal(deck: IdleDeck, slots_count: int) -> None:
    """Members changed: free agents without a token get one, dealt to the dispatchers in turn."""
    facts, fleets = deck.facts, deck.fleets
    for slot in range(slots_count):
        if facts.eligible[slot] == 0:
            continue
        free = facts.capacity[slot] - facts.tokens[slot]
        for fleet in fleets:
            free -= fleet.in_flight[slot]
        for _ in range(free):
            give_token(deck, deck.next_dispatcher, slot)
            deck.next_dispatcher += 1
            if deck.next_dispatcher == len(fleets):
                deck.next_dispatcher = 0

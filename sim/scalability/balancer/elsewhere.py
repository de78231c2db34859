"""A pick that must not fall on a node that has the request already: where a hedge may go.

Rule: the strategy picks as always; where that is a slot of the same node the pick is given back and one more uniform u
draws among the n other pickable slots of the view, number int(u n) in the order they stand in `slots`. So a hedge finds
another node whenever there is one, with one pick and one draw, under every strategy. (A strategy that would take that
node again, least loaded as it is, would do so at every further pick.) O(1) in a view of one agent type, where a node
has one slot; O(slots) in the view of all types.
"""

from __future__ import annotations

from array import array

from sim.scalability.balancer.fleet_state import ViewState


def pick_elsewhere(state: ViewState, member: array[int], held: int, several: bool, draw: float) -> int:
    """A uniform pickable slot of another node than slot `held` is of, -1 if there is none.

    `member[slot]` names the node of a slot, `several`: a node may have several slots in this view.
    """
    size, slots = state.size, state.slots
    if not several:
        hole = state.position[held]
        others = size if hole < 0 else size - 1
        if others == 0:
            return -1
        at = int(draw * others)
        if 0 <= hole <= at:
            at += 1
        return slots[at]
    node = member[held]
    others = 0
    for at in range(size):
        if member[slots[at]] != node:
            others += 1
    left = int(draw * others)
    for at in range(size):
        if member[slots[at]] != node:
            if left == 0:
                return slots[at]
            left -= 1
    return -1

"""round_robin: the eligible slots in turn, no signal, O(1). Envoy ROUND_ROBIN, nginx default, HAProxy roundrobin.

The cursor survives membership changes: the next pick is the first member after the last one picked, in slot order.
Dispatcher i of k starts at the member i n / k: k dispatchers that all begin at the first member would send in step
(Envoy seeds each worker's start at random for that reason). With a queue at the balancer full members are skipped,
by the tree, in O(log n).
"""

from __future__ import annotations

from collections.abc import Sequence

from sim.registry import register
from sim.scalability.balancer.chooser import LOAD_BLIND, Chooser
from sim.scalability.balancer.fleet_state import FleetState, ViewState
from sim.scalability.balancer.least import make_least, pick_least
from sim.scalability.balancer.params import BalancerParams


class TurnState(ViewState):
    """Position of the next member and the last one picked (-1 before the first pick)."""

    __slots__ = ("cursor", "dispatcher", "dispatchers", "last")

    def __init__(self, slots_max: int, dispatcher: int, dispatchers: int) -> None:
        super().__init__(slots_max)
        self.cursor = 0
        self.last = -1
        self.dispatcher, self.dispatchers = dispatcher, dispatchers


def pick_turn(fleet: FleetState, state: TurnState, draws: Sequence[float], key: int, now: float) -> int:
    """The next member."""
    cursor = state.cursor
    slot = state.slots[cursor]
    cursor += 1
    state.cursor = 0 if cursor == state.size else cursor
    state.last = slot
    return slot


def foresee_turn(
    fleet: FleetState, state: TurnState, picks: Sequence[float], length: int, place: int, ahead: int
) -> int:
    """The member that is picked `ahead` picks from now if members stay and all requests are of this view."""
    return state.slots[(state.cursor + ahead) % state.size]


def rebuild_turn(fleet: FleetState, state: TurnState) -> None:
    """Members changed: go on after the last one picked."""
    cursor = 0
    if state.last < 0:
        cursor = state.dispatcher * state.size // state.dispatchers
    else:
        while cursor < state.size and state.slots[cursor] <= state.last:
            cursor += 1
        if cursor == state.size:
            cursor = 0
    state.cursor = cursor


def score_equal(fleet: FleetState, slot: int) -> float:
    """All slots alike: what rotates is then the tie."""
    return 0.0


@register("balancer", "round_robin")
def round_robin(params: BalancerParams) -> Chooser:
    """Reads `queue`."""
    if params.queue == "node":
        return Chooser(
            pick=pick_turn,
            make_state=TurnState,
            signals=LOAD_BLIND,
            reads_load=False,
            rebuild=rebuild_turn,
            foresee=foresee_turn,
        )
    return Chooser(
        pick=pick_least, make_state=make_least("rotate"), signals=LOAD_BLIND, reads_load=False, score=score_equal
    )

"""least_connections: the eligible slot with the fewest attempts, over all of them, by an index of whole numbers.

Signal: the count, local (exact, own dispatches) or polled (up to `refresh_s` old; then `count_own_dispatches` decides
whether it herds). Settings: ties, queue. Production: HAProxy leastconn, nginx least_conn and Envoy's FULL_SCAN do the
same; the first two rotate inside ties, here the default draws (a rotation is `ties: rotate`).
"""

from __future__ import annotations

from collections.abc import Sequence

from sim.registry import register
from sim.scalability.balancer.chooser import Chooser
from sim.scalability.balancer.fleet_state import FleetState, ViewState
from sim.scalability.balancer.least import TIES, TIES_RANDOM, TIES_ROTATE
from sim.scalability.balancer.load_levels import (
    NOWHERE,
    TOP,
    LoadLevels,
    levels_fill,
    levels_move,
    levels_rank,
    levels_select,
    levels_tied,
)
from sim.scalability.balancer.params import BalancerParams


class FewestState(ViewState):
    """Slots by their count, the rule for ties and the last pick (for `rotate`)."""

    __slots__ = ("last", "levels", "ties")

    def __init__(self, slots_max: int, ties: int, last: int) -> None:
        super().__init__(slots_max)
        self.levels = LoadLevels(slots_max)
        self.ties = ties
        self.last = last


def pick_fewest(fleet: FleetState, state: FewestState, draws: Sequence[float], key: int, now: float) -> int:
    """A slot of the fewest attempts, by the rule for ties (`least`)."""
    levels = state.levels
    if levels.least[0] == TOP:
        rebuild_fewest(fleet, state)
    tied = levels_tied(levels)
    rank = 0
    if tied > 1:
        if state.ties == TIES_RANDOM:
            rank = int(draws[0] * tied)
        elif state.ties == TIES_ROTATE:
            rank = levels_rank(levels, state.last + 1)
            if rank == tied:
                rank = 0
    slot = levels_select(levels, rank)
    state.last = slot
    return slot


def rebuild_fewest(fleet: FleetState, state: FewestState) -> None:
    """Members or polled loads changed: every slot anew, O(slots_max)."""
    levels_fill(state.levels, state.slots, state.size, fleet.count)


def changed_fewest(fleet: FleetState, state: FewestState, slot: int) -> None:
    """The count of `slot` changed; who was no member stays none (members change by a rebuild)."""
    levels = state.levels
    if levels.level[slot] != NOWHERE:
        level = min(fleet.count[slot] - levels.base[0], TOP)
        if level >= 0:
            levels_move(levels, slot, level)
        else:
            rebuild_fewest(fleet, state)


def changed_unless_full(fleet: FleetState, state: FewestState, slot: int) -> None:
    """The same with a queue at the balancer: who is full is no member, and one again when it is not."""
    levels = state.levels
    level = NOWHERE
    if state.position[slot] >= 0:
        level = min(fleet.count[slot] - levels.base[0], TOP)
        if level < 0:
            rebuild_fewest(fleet, state)
            return
    levels_move(levels, slot, level)


@register("balancer", "least_connections")
def least_connections(params: BalancerParams) -> Chooser:
    """Reads `ties` and `queue`."""
    ties = TIES[params.ties]

    def make_state(slots_max: int, dispatcher: int, dispatchers: int) -> FewestState:
        return FewestState(slots_max, ties, dispatcher * slots_max // dispatchers - 1)

    return Chooser(
        pick=pick_fewest,
        make_state=make_state,
        draws_count=1 if params.ties == "random" else 0,
        rebuild=rebuild_fewest,
        changed=changed_fewest if params.queue == "node" else changed_unless_full,
    )

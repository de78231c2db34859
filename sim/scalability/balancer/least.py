"""The least-loaded family: argmin of a score over the pickable slots, O(log n), with a stated rule for ties.

Ties are most of the decision when many nodes are idle: `random` draws uniformly among them (one uniform), `rotate`
takes the first one after the last pick in slot order, `lowest` the first of all. Nginx's least_conn and HAProxy's
leastconn rotate inside ties; under a stale signal rotation and lowest-index herd far worse than a draw.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from sim.scalability.balancer.chooser import Chooser, MakeState, Score
from sim.scalability.balancer.fleet_state import FleetState, ViewState
from sim.scalability.balancer.load_tree import LoadTree, tree_build, tree_rank, tree_select, tree_set
from sim.scalability.balancer.params import BalancerParams

TIES_RANDOM, TIES_ROTATE, TIES_LOWEST = 0, 1, 2
TIES = {"random": TIES_RANDOM, "rotate": TIES_ROTATE, "lowest": TIES_LOWEST}


class LeastState(ViewState):
    """Tree of scores, the rule for ties and the last pick (for `rotate`)."""

    __slots__ = ("last", "ties", "tree")

    def __init__(self, slots_max: int, ties: int, last: int) -> None:
        super().__init__(slots_max)
        self.tree = LoadTree(slots_max)
        self.ties = ties
        self.last = last


def pick_tied(state: LeastState, tree: LoadTree, draws: Sequence[float]) -> int:
    """A slot of the least score of `tree`, by the state's rule for ties."""
    tied = tree.ties[1]
    rank = 0
    if tied > 1:
        if state.ties == TIES_RANDOM:
            rank = int(draws[0] * tied)
        elif state.ties == TIES_ROTATE:
            rank = tree_rank(tree, state.last + 1)
            if rank == tied:
                rank = 0
    slot = tree_select(tree, rank)
    state.last = slot
    return slot


def pick_least(fleet: FleetState, state: LeastState, draws: Sequence[float], key: int, now: float) -> int:
    """A slot of the least score."""
    return pick_tied(state, state.tree, draws)


def rebuild_least(fleet: FleetState, state: LeastState, score: Score) -> None:
    """Members or polled loads changed: every leaf anew, O(slots_max)."""
    value, leaves = state.tree.value, state.tree.leaves
    for leaf in range(leaves, 2 * leaves):
        value[leaf] = inf
    for index in range(state.size):
        slot = state.slots[index]
        value[leaves + slot] = score(fleet, slot)
    tree_build(state.tree)


def update_least(fleet: FleetState, state: LeastState, slot: int, score: Score) -> None:
    """The load of `slot` changed, or whether it may be picked."""
    tree_set(state.tree, slot, score(fleet, slot) if state.position[slot] >= 0 else inf)


def make_least(ties: str) -> MakeState:
    """States with the rule for ties of that name; dispatchers that rotate start evenly spread over the slots."""
    code = TIES[ties]

    def make(slots_max: int, dispatcher: int, dispatchers: int) -> LeastState:
        return LeastState(slots_max, code, dispatcher * slots_max // dispatchers - 1)

    return make


def least_loaded(params: BalancerParams, score: Score) -> Chooser:
    """A chooser of the family over the local or polled count."""
    return Chooser(
        pick=pick_least,
        make_state=make_least(params.ties),
        draws_count=1 if params.ties == "random" else 0,
        score=score,
    )

"""weighted_round_robin: nginx's smooth rule: each slot's level += its weight; pick the highest; it pays the total.

No signal. Weights 5, 1, 1 give a a b a c a a. Of equal levels the lowest slot wins. Slots of equal weight only differ
by how often they were picked, so that within a class they take turns in slot order and the class needs one level:
O(number of distinct weights) a pick, the same sequence as the rule slot by slot (exactly so while sums of weights are
exact, e.g. multiples of 1/8). With a queue at the balancer full slots sit out, neither gaining nor counting in the
total, as in nginx: classes break up and the rule runs slot by slot, O(n). Levels start at 0 after a membership change.
Dispatcher i of k begins each class of m slots at its member i m / k, so that dispatchers do not send in step.
"""

from __future__ import annotations

from collections.abc import Sequence

from sim.registry import register
from sim.scalability.balancer.chooser import LOAD_BLIND, Chooser, python_only
from sim.scalability.balancer.fleet_state import FleetState, ViewState, floats, integers
from sim.scalability.balancer.params import BalancerParams


class SmoothState(ViewState):
    """Classes of equal weight: members `order[first[c]:first[c + 1]]`, next one, level, weight."""

    __slots__ = ("classes", "dispatcher", "dispatchers", "first", "following", "level", "order", "total", "weight")

    def __init__(self, slots_max: int, dispatcher: int, dispatchers: int) -> None:
        super().__init__(slots_max)
        self.dispatcher, self.dispatchers = dispatcher, dispatchers
        self.classes = 0
        self.total = 0.0
        self.order = integers(slots_max)
        self.first = integers(slots_max + 1)
        self.following = integers(slots_max + 1)
        self.level = floats(slots_max + 1)
        self.weight = floats(slots_max + 1)


def pick_smooth(fleet: FleetState, state: SmoothState, draws: Sequence[float], key: int, now: float) -> int:
    """The next member of the class whose level is highest."""
    level, weight, following, order = state.level, state.weight, state.following, state.order
    best = 0
    slot = -1
    for each in range(state.classes):
        level[each] += weight[each]
        member = order[following[each]]
        if slot < 0 or level[each] > level[best] or (level[each] == level[best] and member < slot):
            best = each
            slot = member
    after = following[best] + 1
    if after == state.first[best + 1]:  # every member of the class has had its turn and paid
        after = state.first[best]
        level[best] -= state.total
    following[best] = after
    return slot


@python_only
def rebuild_smooth(fleet: FleetState, state: SmoothState) -> None:
    """Group the members by weight, ascending, each group in slot order from the dispatcher's start; all levels 0."""
    members = sorted(state.slots[: state.size], key=lambda slot: (fleet.weight[slot], slot))
    state.classes = 0
    state.total = 0.0
    for at, slot in enumerate(members):
        weight = fleet.weight[slot]
        state.order[at] = slot
        state.total += weight
        if state.classes == 0 or weight != state.weight[state.classes - 1]:
            state.weight[state.classes] = weight
            state.level[state.classes] = 0.0
            state.first[state.classes] = state.following[state.classes] = at
            state.classes += 1
    state.first[state.classes] = state.size
    for each in range(state.classes):
        first, last = state.first[each], state.first[each + 1]
        start = first + state.dispatcher * (last - first) // state.dispatchers
        state.order[first:last] = state.order[start:last] + state.order[first:start]


def pick_each(fleet: FleetState, state: SmoothState, draws: Sequence[float], key: int, now: float) -> int:
    """The rule slot by slot over those not full; `level` is by slot here."""
    level, weight, slots = state.level, fleet.weight, state.slots
    total = 0.0
    best = -1
    for at in range(state.size):
        slot = slots[at]
        level[slot] += weight[slot]
        total += weight[slot]
        if best < 0 or level[slot] > level[best] or (level[slot] == level[best] and slot < best):
            best = slot
    level[best] -= total
    return best


def reset_each(fleet: FleetState, state: SmoothState) -> None:
    """Members changed: all levels 0."""
    for slot in range(len(state.order)):
        state.level[slot] = 0.0


@register("balancer", "weighted_round_robin")
def weighted_round_robin(params: BalancerParams) -> Chooser:
    """Reads `queue`; weights come with the members."""
    at_nodes = params.queue == "node"
    return Chooser(
        pick=pick_smooth if at_nodes else pick_each,
        make_state=SmoothState,
        signals=LOAD_BLIND,
        reads_load=False,
        rebuild=rebuild_smooth if at_nodes else reset_each,
    )

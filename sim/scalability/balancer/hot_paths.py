"""The hot calls once more, as plain functions over arrays: the form that a compiled engine runs (`sim.runtime.plain`).

`paths` puts closures together for Python; here the same steps read `BalancerBooks`, and what differs between strategies
stands in names that the kernel binds before it compiles: `pick`, `score`, `rebuild`, `changed`, `answered` and the
flags in capitals (`hot_bound`). A view that is not fresh is rebuilt here where the strategy's `rebuild` is a plain
function too, else the caller asks the balancer (`STALE`).
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from math import inf
from typing import TYPE_CHECKING, Any

from sim.runtime.plain import NONE, STALE, Row, item, rare
from sim.scalability.balancer.elsewhere import pick_elsewhere
from sim.scalability.balancer.fleet_state import FleetState, enter, integers, settle
from sim.scalability.balancer.idle import push_idle
from sim.scalability.balancer.load_tree import tree_build, tree_set
from sim.scalability.balancer.pool import pool_put
from sim.scalability.balancer.sample import draw_distinct
from sim.scalability.balancer.signals.polled import refresh
from sim.scalability.balancer.signals.probed import ring_estimate, ring_record

if TYPE_CHECKING:
    from sim.scalability.balancer.balancer import Balancer


class BalancerBooks:
    """All dispatchers and views: state of (dispatcher, view) is number dispatcher x views + view of `states`."""

    __slots__ = ("begun", "capacity", "dispatchers", "draws_count", "eligible", "fleets", "fresh", "generation",
                 "member", "rings", "slot_type", "slots_count", "states", "tokens", "views")  # fmt: skip

    fleets: Row
    states: Row
    fresh: array[int]  # shape (dispatchers x views,): 0 where members or polled loads changed
    slots_count: array[int]  # shape (1,)

    def __init__(self, balancer: Balancer) -> None:
        facts = balancer.table.facts
        self.dispatchers, self.views = balancer.dispatchers_count, balancer.views_count
        self.fleets = Row(balancer.fleets)
        self.states = Row([state for views in balancer.states for state in views])
        self.fresh = integers(self.dispatchers * self.views)
        self.slots_count = integers(1, len(balancer.slots))
        self.capacity, self.eligible, self.generation = facts.capacity, facts.eligible, facts.generation
        self.slot_type, self.tokens, self.member = facts.slot_type, facts.tokens, facts.member
        self.draws_count = balancer.draws_count
        self.rings = balancer.rings
        self.begun = integers(1) if balancer.slow is None else balancer.slow.begun


# What a strategy binds; these stand for a strategy that has none.
CENTRAL = COUNTS_OWN = MOVES_ON_SENT = MOVES_ON_RELEASED = HAS_SCORE = HAS_CHANGED = HAS_ANSWERED = HAS_REBUILD = False
HAS_IDLE = HAS_UNPICKED = REFILLS = FORESEES = SLOW = False


def pick(fleet: FleetState, state: Any, draws: Sequence[float], key: int, now: float) -> int:
    """Bound to the strategy's."""
    raise AssertionError("not bound")


def score(fleet: FleetState, slot: int) -> float:
    """Bound to the strategy's."""
    return 0.0


def rebuild(fleet: FleetState, state: Any) -> None:
    """Bound to the strategy's."""


def changed(fleet: FleetState, state: Any, slot: int) -> None:
    """Bound to the strategy's."""


def answered(fleet: FleetState, slot: int, now: float, latency_s: float) -> None:
    """Bound to the strategy's."""


def unpicked(fleet: FleetState, state: Any, slot: int) -> None:
    """Bound to the strategy's."""


def foresee(fleet: FleetState, state: Any, picks: Sequence[float], length: int, place: int, ahead: int) -> int:
    """Bound to the strategy's."""
    return NONE


@rare
def refill(books: BalancerBooks, index: int) -> None:
    """Rebuild a view: who may be picked, in slot order, and what the strategy keeps of them."""
    dispatcher = index // books.views
    view = index - dispatcher * books.views
    fleet, state = item(books.fleets, dispatcher), item(books.states, index)
    everyone = books.views == 1 or view == books.views - 1
    state.size = 0
    state.members_count = 0
    for slot in range(books.slots_count[0]):
        state.position[slot] = -1
        if books.eligible[slot] == 1 and (everyone or books.slot_type[slot] == view):
            state.members[state.members_count] = slot
            state.members_count += 1
            if not CENTRAL or fleet.in_flight[slot] < books.capacity[slot]:
                enter(state, slot)
    if HAS_SCORE:
        score_all(fleet, state)
    if HAS_REBUILD:
        rebuild(fleet, state)
    books.fresh[index] = 1


def score_all(fleet: FleetState, state: Any) -> None:
    """`least.rebuild_least` with the bound score (a function that is handed on cannot be cached on disk)."""
    value, leaves = state.tree.value, state.tree.leaves
    for leaf in range(leaves, 2 * leaves):
        value[leaf] = inf
    for index in range(state.size):
        slot = state.slots[index]
        value[leaves + slot] = score(fleet, slot)
    tree_build(state.tree)


def made_fresh(books: BalancerBooks, index: int) -> bool:
    """Whether a view may be used, rebuilt where that is possible here; False when the balancer must."""
    if books.fresh[index] == 0:
        if not REFILLS:
            return False
        refill(books, index)
    return True


def moved_in(fleet: FleetState, state: Any, slot: int) -> None:
    """The load of a slot moved: what follows in one view that holds it."""
    if CENTRAL:
        settle(fleet, state, slot)
    if HAS_SCORE:
        tree_set(state.tree, slot, score(fleet, slot) if state.position[slot] >= 0 else inf)
    if HAS_CHANGED:
        changed(fleet, state, slot)


def moved(books: BalancerBooks, dispatcher: int, slot: int) -> None:
    """The same in all views of the dispatcher that hold it."""
    fleet = item(books.fleets, dispatcher)
    first = dispatcher * books.views
    if books.views == 1:
        moved_in(fleet, item(books.states, first), slot)
    else:
        moved_in(fleet, item(books.states, first + books.slot_type[slot]), slot)
        moved_in(fleet, item(books.states, first + books.views - 1), slot)


def hot_dispatch(books: BalancerBooks, dispatcher: int, view: int, draws: Sequence[float], key: int, now: float) -> int:
    """Pick a slot and count the attempt there; NONE when none may be picked, STALE when the balancer must refresh."""
    index = dispatcher * books.views + view
    if not made_fresh(books, index):
        return STALE
    state = item(books.states, index)
    if state.size == 0:
        return NONE
    fleet = item(books.fleets, dispatcher)
    if SLOW:
        books.begun[0] = 1
    slot = pick(fleet, state, draws, key, now)
    fleet.in_flight[slot] += 1
    if COUNTS_OWN:
        fleet.count[slot] += 1
    if MOVES_ON_SENT:
        moved(books, dispatcher, slot)
    return slot


def hot_foreseen(
    books: BalancerBooks, of_view: Sequence[int], picks: Sequence[float], length: int, place: int, ahead: int, into: Any
) -> None:
    """The slots that requests `place` and after of a chunk would be sent to now; NONE where that cannot be told.

    The first of them comes after `ahead` others.
    """
    fleet = item(books.fleets, 0)
    for number in range(len(into)):
        view = of_view[place + number] if books.views > 1 else 0
        state = item(books.states, view)
        into[number] = NONE
        if FORESEES and books.fresh[view] == 1 and state.size > 1:
            into[number] = foresee(fleet, state, picks, length, place + number, ahead + number)


def hot_elsewhere(
    books: BalancerBooks, dispatcher: int, view: int, draws: Sequence[float], key: int, held: int, now: float
) -> int:
    """`paths.elsewhere_path`: as `hot_dispatch` to another node than slot `held` is of; one more uniform."""
    slot = hot_dispatch(books, dispatcher, view, draws, key, now)
    if slot < 0 or books.member[slot] != books.member[held]:
        return slot
    hot_refused(books, dispatcher, slot)
    fleet, state = item(books.fleets, dispatcher), item(books.states, dispatcher * books.views + view)
    if HAS_UNPICKED:
        unpicked(fleet, state, slot)
    several = books.views > 1 and view == books.views - 1
    other = pick_elsewhere(state, books.member, held, several, draws[books.draws_count])
    if other >= 0:
        fleet.in_flight[other] += 1
        if COUNTS_OWN:
            fleet.count[other] += 1
        if MOVES_ON_SENT:
            moved(books, dispatcher, other)
    return other


def hot_complete(
    books: BalancerBooks, dispatcher: int, slot: int, now: float, latency_s: float, occupancy: int, draw: float
) -> None:
    """An attempt of the slot's present generation was answered."""
    fleet = item(books.fleets, dispatcher)
    fleet.in_flight[slot] -= 1
    if HAS_ANSWERED:
        answered(fleet, slot, now, latency_s)
    if MOVES_ON_RELEASED:
        moved(books, dispatcher, slot)
    if HAS_IDLE:
        offer_token(books, slot, occupancy, draw)


def hot_refused(books: BalancerBooks, dispatcher: int, slot: int) -> None:
    """An attempt of the slot's present generation was turned away or given up."""
    item(books.fleets, dispatcher).in_flight[slot] -= 1
    if MOVES_ON_RELEASED:
        moved(books, dispatcher, slot)


def offer_token(books: BalancerBooks, slot: int, occupancy: int, draw: float) -> None:
    """`idle.register_idle`: register with a dispatcher if more agents are free than tokens are out."""
    if books.capacity[slot] - occupancy > books.tokens[slot]:
        dispatcher = int(draw * books.dispatchers)
        books.tokens[slot] += 1
        item(books.fleets, dispatcher).held[slot] += 1
        first = dispatcher * books.views
        if books.views == 1:
            push_idle(item(books.states, first), slot)
        else:
            push_idle(item(books.states, first + books.slot_type[slot]), slot)
            push_idle(item(books.states, first + books.views - 1), slot)


def hot_poll(books: BalancerBooks, occupancies: Sequence[int]) -> None:
    """Every dispatcher's board takes what every slot holds."""
    for dispatcher in range(books.dispatchers):
        refresh(item(books.fleets, dispatcher), occupancies, books.slots_count[0])
    for index in range(books.dispatchers * books.views):
        books.fresh[index] = 0


def hot_probe_targets(books: BalancerBooks, dispatcher: int, view: int, draws: Sequence[float], into: Any) -> int:
    """Distinct slots of the view into `into`; how many, STALE when the balancer must refresh."""
    index = dispatcher * books.views + view
    if not made_fresh(books, index):
        return STALE
    state = item(books.states, index)
    count: int = min(state.probes, state.size)
    for number in range(count):
        into[number] = state.slots[draw_distinct(state.drawn, number, state.size, draws[number])]
    return count


def hot_probe_answer(books: BalancerBooks, dispatcher: int, view: int, slot: int, now: float, rif: int) -> int:
    """A probe came back: the node's rif and the latency that it expects; 0, STALE when the balancer must refresh."""
    index = dispatcher * books.views + view
    if not made_fresh(books, index):
        return STALE
    latency_s = ring_estimate(books.rings, slot, rif)
    pool_put(item(books.fleets, dispatcher), item(books.states, index), slot, now, rif, latency_s)
    return 0


def hot_record(books: BalancerBooks, slot: int, rif_at_arrival: int, latency_s: float) -> None:
    """The node of a slot notes an answer."""
    ring_record(books.rings, slot, rif_at_arrival, latency_s)

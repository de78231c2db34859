"""consistent_hash: requests of one key go to one node, as long as it holds no more than its share of the load.

Hash ring (Karger et al. 1997) with bounded loads (Mirrokni, Thorup, Zadimoghaddam 2018): from the key's point walk
clockwise to the first slot that holds fewer than load_factor x (total + 1) x (its weight / all weights) attempts.
Signal: the local count. Settings: load_factor, ring_points. HAProxy's hash-balance-factor and Envoy's
hash_balance_factor bound alike, by weight; Envoy then jumps at random, here the walk goes on, as in the paper. Every
node has as many points, whatever its weight (the bound corrects), so that one node more moves about 1/n of the keys.
The ring is rebuilt on membership changes only. O(log) plus the walk.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from sim.registry import register
from sim.scalability.balancer.chooser import Chooser
from sim.scalability.balancer.fleet_state import FleetState, ViewState, integers
from sim.scalability.balancer.params import BalancerParams
from sim.scalability.balancer.ring import mix_key, ring_find, slot_points


class RingState(ViewState):
    """Ascending `points`, the slot of each; attempts at members (`total`), as last `seen` by slot (-1: no member)."""

    __slots__ = ("load_factor", "owner", "points", "points_count", "seen", "total", "weights")

    def __init__(self, slots_max: int, ring_points: int, load_factor: float) -> None:
        super().__init__(slots_max)
        self.points = integers(slots_max * ring_points)
        self.owner = integers(slots_max * ring_points)
        self.points_count = 0
        self.load_factor = load_factor
        self.seen = integers(slots_max, -1)
        self.total = 0
        self.weights = 0.0


def pick_ring(fleet: FleetState, state: RingState, draws: Sequence[float], key: int, now: float) -> int:
    """The first slot clockwise of the key that is below its bound."""
    position, owner, weight, in_flight = state.position, state.owner, fleet.weight, fleet.in_flight
    share = state.load_factor * (state.total + 1) / state.weights
    count = state.points_count
    at = ring_find(state.points, count, mix_key(key))
    first = -1
    for _ in range(count):
        slot = owner[at]
        if position[slot] >= 0:
            if in_flight[slot] < share * weight[slot]:
                return slot
            if first < 0:
                first = slot
        at += 1
        if at == count:
            at = 0
    return first  # queue at the balancer only: those below their bound have no agent free


def changed_ring(fleet: FleetState, state: RingState, slot: int) -> None:
    """The attempts at `slot` changed."""
    if state.seen[slot] >= 0:
        state.total += fleet.in_flight[slot] - state.seen[slot]
        state.seen[slot] = fleet.in_flight[slot]


def fill_ring(fleet: FleetState, state: RingState, points_of: dict[int, list[int]]) -> None:
    """Members changed: their points (by slot) in order, their attempts and weights summed."""
    ring: list[tuple[int, int]] = []
    state.total = 0
    state.weights = 0.0
    for slot in range(len(state.seen)):
        state.seen[slot] = -1
    for slot in state.members[: state.members_count]:
        ring.extend((point, slot) for point in points_of[slot])
        state.seen[slot] = fleet.in_flight[slot]
        state.total += fleet.in_flight[slot]
        state.weights += fleet.weight[slot]
    ring.sort()
    state.points_count = len(ring)
    if ring:  # an array that a compiled engine looks at takes no empty slice (CPython asks for a resize)
        state.points[: len(ring)] = array("q", [point for point, _ in ring])
        state.owner[: len(ring)] = array("q", [slot for _, slot in ring])


@register("balancer", "consistent_hash")
def consistent_hash(params: BalancerParams) -> Chooser:
    """Reads `load_factor` and `ring_points`."""
    points_of: dict[int, list[int]] = {}

    def make_state(slots_max: int, dispatcher: int, dispatchers: int) -> RingState:
        return RingState(slots_max, params.ring_points, params.load_factor)

    def joined(slot: int, node_id: str, agent_type: str) -> None:
        points_of[slot] = slot_points(node_id, agent_type, params.ring_points)

    def rebuild(fleet: FleetState, state: RingState) -> None:
        fill_ring(fleet, state, points_of)

    return Chooser(
        pick=pick_ring,
        make_state=make_state,
        signals=("local",),
        rebuild=rebuild,
        changed=changed_ring,
        joined=joined,
    )

"""response_time: least peak-EWMA latency x (in flight + 1) over all eligible slots, after Finagle's PeakEwma (Twitter).

Signal: own answers' latencies and the local count. rtt >= ewma: ewma = rtt; else ewma = ewma w + rtt (1 - w),
w = exp(-elapsed / ewma_tau_s). Finagle compares two random nodes; here all, by trees of logarithms, O(log n).
Finagle also decays at every read. Here only a slot with nothing in flight decays: where answers take longer than tau, a
node that drowns gives none, so that it would look better the deeper its queue (12 nodes of speeds .5 / 1 / 2, bursts to
1.5 of capacity, 8 dispatchers: mean 2,714 s; least connections by weight 30 s). An idle slot's logarithm is
log ewma + (at - now) / tau: all idle ones share the term in now, so that a tree orders them for good and reads store
nothing; the best idle and the best busy slot are compared at the pick. A slot without an answer is free while nothing
is in flight there, else at a penalty above every known load, by count (as in Finagle): a fresh node gets one attempt,
then waits for its answer and never looks free for ever.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from sim.registry import register
from sim.scalability.balancer.chooser import Chooser
from sim.scalability.balancer.fleet_state import FleetState
from sim.scalability.balancer.least import TIES, LeastState, pick_tied
from sim.scalability.balancer.load_tree import LoadTree, tree_build, tree_set
from sim.scalability.balancer.params import BalancerParams

PENALTY = 1e15  # above any logarithm of a load; leaves room for exact counts
EWMA_MIN_S = 1e-9  # a latency of 0 has no logarithm


class EwmaState(LeastState):
    """`tree` holds the slots with attempts in flight, `idle` those without."""

    __slots__ = ("idle",)

    def __init__(self, slots_max: int, ties: int, last: int) -> None:
        super().__init__(slots_max, ties, last)
        self.idle = LoadTree(slots_max)


def ewma_answered(fleet: FleetState, slot: int, now: float, latency_s: float) -> None:
    """An answer of `slot` after `latency_s`."""
    ewma_s = fleet.ewma_s[slot]
    if latency_s >= ewma_s:
        ewma_s = latency_s
    else:
        kept = math.exp((fleet.ewma_at[slot] - now) / fleet.tau_s)
        ewma_s = ewma_s * kept + latency_s * (1.0 - kept)
    if ewma_s < EWMA_MIN_S:
        ewma_s = EWMA_MIN_S
    fleet.ewma_s[slot] = ewma_s
    fleet.ewma_at[slot] = now
    fleet.log_cost[slot] = math.log(ewma_s)


def score_busy(fleet: FleetState, slot: int) -> float:
    """Logarithm of the load of a slot with attempts in flight."""
    count = fleet.count[slot]
    if fleet.ewma_s[slot] == 0.0:
        return PENALTY + count
    return fleet.log_cost[slot] + math.log(count + 1.0)


def score_idle(fleet: FleetState, slot: int) -> float:
    """Logarithm of the load of a slot with none, plus now / tau."""
    if fleet.ewma_s[slot] == 0.0:
        return -PENALTY
    return fleet.log_cost[slot] + fleet.ewma_at[slot] / fleet.tau_s


def pick_fastest(fleet: FleetState, state: EwmaState, draws: Sequence[float], key: int, now: float) -> int:
    """A slot of the least load; an idle one before a busy one of the same load."""
    idle_best = state.idle.value[1] - now / fleet.tau_s
    return pick_tied(state, state.idle if idle_best <= state.tree.value[1] else state.tree, draws)


def changed_fastest(fleet: FleetState, state: EwmaState, slot: int) -> None:
    """The count or the average of `slot` changed: it stands in one of the trees, or in none."""
    busy = idle = math.inf
    if state.position[slot] >= 0:
        if fleet.count[slot] > 0:
            busy = score_busy(fleet, slot)
        else:
            idle = score_idle(fleet, slot)
    tree_set(state.tree, slot, busy)
    tree_set(state.idle, slot, idle)


def rebuild_fastest(fleet: FleetState, state: EwmaState) -> None:
    """Members changed: every leaf anew."""
    busy, idle, leaves = state.tree, state.idle, state.tree.leaves
    for leaf in range(leaves, 2 * leaves):
        busy.value[leaf] = idle.value[leaf] = math.inf
    for index in range(state.size):
        slot = state.slots[index]
        if fleet.count[slot] > 0:
            busy.value[leaves + slot] = score_busy(fleet, slot)
        else:
            idle.value[leaves + slot] = score_idle(fleet, slot)
    tree_build(busy)
    tree_build(idle)


@register("balancer", "response_time")
def response_time(params: BalancerParams) -> Chooser:
    """Reads `ewma_tau_s` (in the fleet's columns) and `ties`."""
    ties = TIES[params.ties]

    def make_state(slots_max: int, dispatcher: int, dispatchers: int) -> EwmaState:
        return EwmaState(slots_max, ties, dispatcher * slots_max // dispatchers - 1)

    return Chooser(
        pick=pick_fastest,
        make_state=make_state,
        draws_count=1 if params.ties == "random" else 0,
        signals=("local",),
        rebuild=rebuild_fastest,
        changed=changed_fastest,
        answered=ewma_answered,
    )

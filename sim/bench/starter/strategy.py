"""A strategy of my own: of three nodes drawn at random, the one with the fewest requests for its size.

`pick` is called for every request while there is a node to pick. It sees what the balancer knows (`fleet`: columns
over slots, a slot is the pool of one agent type on one node), who may be picked now (`state.slots[:state.size]`), and
as many uniform random numbers as it asked for (`draws`). It keeps no state of its own and gives a slot.
"""

from __future__ import annotations

from collections.abc import Sequence

from sim.registry import register
from sim.scalability.balancer.chooser import Chooser
from sim.scalability.balancer.fleet_state import FleetState, ViewState
from sim.scalability.balancer.params import BalancerParams

DRAWS = 3


def pick_least_of_three(fleet: FleetState, state: ViewState, draws: Sequence[float], key: int, now: float) -> int:
    """The slot with the lowest in-flight share of its weight; the first drawn wins a tie."""
    best = state.slots[int(draws[0] * state.size)]
    for number in range(1, DRAWS):
        slot = state.slots[int(draws[number] * state.size)]
        # (count + 1) / weight: what the slot would hold with this request, for its speed and agents
        if (fleet.count[slot] + 1) * fleet.weight[best] < (fleet.count[best] + 1) * fleet.weight[slot]:
            best = slot
    return best


@register("balancer", "least_of_three")
def least_of_three(params: BalancerParams) -> Chooser:
    """`params.params` holds what a config states under `balancer.params`; this rule reads nothing of it."""
    return Chooser(pick=pick_least_of_three, draws_count=DRAWS)

"""join_idle_queue: send to a node that said it is idle, else to a uniform one (Lu, Xie, Kliot, Geller et al. 2011).

Signal: idle tokens that nodes leave at a dispatcher after an answer; no message on the way of an arrival. A token is
exact when given and may be stale when used, since another dispatcher can have sent there meanwhile; with one
dispatcher it is exact. The paper's nodes have one agent; a node of many gives a token per free agent, and a dispatcher
takes turns over the nodes it holds tokens of. JIQ-Random: the token's dispatcher is drawn uniformly. O(1).
"""

from __future__ import annotations

from collections.abc import Sequence

from sim.registry import register
from sim.scalability.balancer.chooser import Chooser
from sim.scalability.balancer.fleet_state import FleetState
from sim.scalability.balancer.idle import IdleState, pop_idle, return_token
from sim.scalability.balancer.params import BalancerParams


def pick_idle(fleet: FleetState, state: IdleState, draws: Sequence[float], key: int, now: float) -> int:
    """The next idle slot, else one drawn uniformly."""
    slot = pop_idle(fleet, state)
    return slot if slot >= 0 else state.slots[int(draws[0] * state.size)]


@register("balancer", "join_idle_queue")
def join_idle_queue(params: BalancerParams) -> Chooser:
    """Reads no setting of its own."""
    return Chooser(
        pick=pick_idle,
        make_state=IdleState,
        draws_count=1,
        signals=("local",),
        idle_tokens=True,
        unpicked=return_token,
    )

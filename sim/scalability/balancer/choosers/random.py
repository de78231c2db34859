"""random: uniform over the eligible slots, no signal; the baseline of every other rule (M/M/1 per node of one agent).

Production: Envoy RANDOM, HAProxy `random(1)`. One uniform a pick, O(1).
"""

from __future__ import annotations

from collections.abc import Sequence

from sim.registry import register
from sim.scalability.balancer.chooser import LOAD_BLIND, Chooser
from sim.scalability.balancer.fleet_state import FleetState, ViewState
from sim.scalability.balancer.params import BalancerParams


def pick_random(fleet: FleetState, state: ViewState, draws: Sequence[float], key: int, now: float) -> int:
    """A slot drawn uniformly."""
    return state.slots[int(draws[0] * state.size)]


def foresee_random(
    fleet: FleetState, state: ViewState, picks: Sequence[float], length: int, place: int, ahead: int
) -> int:
    """What `pick_random` would give request `place` now."""
    return state.slots[int(picks[place] * state.size)]


@register("balancer", "random")
def random(params: BalancerParams) -> Chooser:
    """Reads no setting."""
    return Chooser(pick=pick_random, draws_count=1, signals=LOAD_BLIND, reads_load=False, foresee=foresee_random)

"""weighted_least_connections: argmin of (count + 1) / weight over the eligible slots, O(log n).

Signal: the count, local or polled. Settings: ties. The weight of a slot is its node's weight (speed) times its ready
agents. Nginx least_conn compares count / weight, which ties all idle nodes; the + 1 (Envoy's weight / (active + 1) with
active_request_bias 1) scores what the slot will hold, so that an idle fast node goes before an idle slow one.
"""

from __future__ import annotations

from math import inf

from sim.registry import register
from sim.scalability.balancer.chooser import Chooser
from sim.scalability.balancer.fleet_state import FleetState
from sim.scalability.balancer.least import least_loaded
from sim.scalability.balancer.params import BalancerParams


def score_weighted(fleet: FleetState, slot: int) -> float:
    """Attempts a unit of weight once this one is there; a slot whose last agent went is never the least."""
    weight = fleet.weight[slot]
    return (fleet.count[slot] + 1) / weight if weight > 0.0 else inf


@register("balancer", "weighted_least_connections")
def weighted_least_connections(params: BalancerParams) -> Chooser:
    """Reads `ties`."""
    return least_loaded(params, score_weighted)

"""least_connections: the eligible slot with the fewest attempts, over all of them, O(log n).

Signal: the count, local (exact, own dispatches) or polled (up to `refresh_s` old; then `count_own_dispatches` decides
whether it herds). Settings: ties. Production: HAProxy leastconn, nginx least_conn and Envoy's FULL_SCAN do the same;
the first two rotate inside ties, here the default draws (a rotation is `ties: rotate`).
"""

from __future__ import annotations

from sim.registry import register
from sim.scalability.balancer.chooser import Chooser
from sim.scalability.balancer.fleet_state import FleetState
from sim.scalability.balancer.least import least_loaded
from sim.scalability.balancer.params import BalancerParams


def score_count(fleet: FleetState, slot: int) -> float:
    """Attempts there, by the signal."""
    return float(fleet.count[slot])


@register("balancer", "least_connections")
def least_connections(params: BalancerParams) -> Chooser:
    """Reads `ties`."""
    return least_loaded(params, score_count)

"""on_demand: a set-up for each waiting request, off when idle: the M/M/k/setup system (Gandhi, Harchol-Balter 2010).

Setting up at any instant: min(waiting, off), with off = `max_nodes` - ready. A set-up that nobody waits for any more is
called off; a node with nothing in flight goes off at once when nobody waits. Decides at every poke of the request path.
With late binding (`balancer.queue=central`) and nodes of one agent this is the system of the literature; a node of n
agents is set up for every n waiting requests.
"""

from __future__ import annotations

from sim.contracts import FleetSample
from sim.registry import register
from sim.scalability.autoscaler.params import AutoscalerParams
from sim.scalability.autoscaler.policy import NO_METRIC, Wish, nodes_for, usable


@register("autoscaler", "on_demand")
class OnDemand:
    """Reads `max_nodes`."""

    at_start = True
    event_driven = True

    def __init__(self, params: AutoscalerParams) -> None:
        self.max_nodes = params.max_nodes

    def observe(self, sample: FleetSample) -> None:
        """Nothing is kept: the rule has no memory."""

    def desired(self, sample: FleetSample) -> Wish:
        """Busy nodes, and one for every waiting request."""
        ready, idle, waiting = sample.nodes_ready, sample.nodes_idle, sample.waiting
        if not usable(ready, idle, waiting) or idle > ready or sample.agents_per_node < 1:
            return NO_METRIC
        if not waiting:
            return Wish(ready - idle, "nobody waits")
        setups = min(nodes_for(waiting / sample.agents_per_node), max(self.max_nodes - ready, 0))
        return Wish(ready + setups, "set up for who waits")

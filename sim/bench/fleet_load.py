"""Load as the control plane sees it: attempts in flight as the balancer counts them, busy time as nodes report it.

Implements `autoscaler.sampler.LoadView`; reads only. Counts of attempts and requests, agent-seconds.
"""

from __future__ import annotations

from sim.scalability.balancer.balancer import Balancer
from sim.world.world import World


class FleetLoad:
    """Over one world and its balancer."""

    def __init__(self, world: World, balancer: Balancer) -> None:
        self.world, self.balancer = world, balancer

    def in_flight(self, node_id: str) -> int:
        """Attempts that the balancer waits for on a node."""
        member = self.balancer.table.members.get(node_id)
        slots = [] if member is None else list(member.slots.values())
        return sum(fleet.in_flight[slot] for fleet in self.balancer.fleets for slot in slots)

    def in_flight_count(self) -> int:
        """On all nodes."""
        slots = range(len(self.balancer.slots))
        return sum(fleet.in_flight[slot] for fleet in self.balancer.fleets for slot in slots)

    def waiting_count(self) -> int:
        """Requests that wait at the balancer."""
        return self.world.engine.waiting_count

    def arrivals_count(self) -> int:
        """Requests ever."""
        return self.world.engine.arrivals_count

    def busy_s(self, node_id: str) -> float:
        """Busy agent-seconds of a node since it is there."""
        now = self.world.runtime.now()
        pools = self.world.nodes[node_id].pools.values()
        return sum(pool.area_busy_s + min(pool.in_service, pool.agents) * (now - pool.last_at) for pool in pools)

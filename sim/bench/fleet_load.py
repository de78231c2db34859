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
        count = 0
        if member is not None:
            for slot in member.slots.values():
                for fleet in self.balancer.fleets:
                    count += fleet.in_flight[slot]
        return count

    def in_flight_count(self) -> int:
        """On all nodes."""
        count = len(self.balancer.slots)
        return sum(sum(fleet.in_flight[:count]) for fleet in self.balancer.fleets)

    def waiting_count(self) -> int:
        """Requests that wait at the balancer."""
        return self.world.engine.waiting_count

    def arrivals_count(self) -> int:
        """Requests ever."""
        return self.world.engine.arrivals_count

    def busy_s(self, node_id: str) -> float:
        """Busy agent-seconds of a node since it is there."""
        now = self.world.runtime.now()
        busy_s = 0.0
        for pool in self.world.nodes[node_id].pools.values():
            busy_s += pool.busy_s(now)
        return busy_s

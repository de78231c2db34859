"""Load as the control plane sees it: attempts in flight as the balancer counts them, busy time as nodes report it.

Implements `autoscaler.sampler.LoadView`; reads only. Counts of attempts and requests, agent-seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sim.scalability.balancer.balancer import Balancer
from sim.world.world import World


class FleetLoad:
    """Over one world and its balancer."""

    def __init__(self, world: World, balancer: Balancer) -> None:
        self.world, self.balancer = world, balancer
        self._pools_busy_s = getattr(world.engine, "pools_busy_s", None)  # of all pools at once: a compiled engine's

    def in_flight(self, node_id: str) -> int:
        """Attempts that the balancer waits for on a node."""
        member = self.balancer.table.members.get(node_id)
        count = 0
        if member is not None:
            for slot in member.slots.values():
                for fleet in self.balancer.fleets:
                    count += fleet.in_flight[slot]
        return count

    def idle_count(self, node_ids: Sequence[str]) -> int:
        """How many of these nodes have no attempt that the balancer waits for."""
        members, count = self.balancer.table.members, len(node_ids)
        fleets = [fleet.in_flight for fleet in self.balancer.fleets]
        for node_id in node_ids:
            if node_id in members:
                count -= _has_some(fleets, members[node_id].slots)
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

    def busy_of(self, node_ids: Sequence[str]) -> list[float]:
        """The same of each of these nodes."""
        if self._pools_busy_s is None:
            return [self.busy_s(node_id) for node_id in node_ids]
        found, nodes, busy = self._pools_busy_s(self.world.runtime.now()), self.world.nodes, []
        for node_id in node_ids:
            busy_s = 0.0
            pools: Iterable[Any] = nodes[node_id].pools.values()
            for pool in pools:
                busy_s += found[pool.p]
            busy.append(busy_s)
        return busy


def _has_some(fleets: Sequence[Sequence[int]], slots: Mapping[str, int]) -> bool:
    for slot in slots.values():
        for in_flight in fleets:
            if in_flight[slot]:
                return True
    return False

"""Load as the control plane sees it: attempts in flight as the balancer counts them, busy time as nodes report it.

Implements `autoscaler.sampler.LoadView`; reads only. Counts of attempts and requests, agent-seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sim.scalability.balancer.balancer import Balancer
from sim.world.world import World


class FleetLoad:
    """Over one world and its balancer."""

    def __init__(self, world: World, balancer: Balancer) -> None:
        self.world, self.balancer = world, balancer
        self._pools_busy_s = getattr(world.engine, "pools_busy_s", None)  # of all pools at once: a compiled engine's
        self._asked: Sequence[str] | None = None  # the list that `_slots` and `_rows` are of
        self._slots: list[list[int]] = []  # of each of these nodes
        self._single: list[int] | None = None  # the same where each has one
        self._rows: list[list[int]] = []  # of their pools, with such an engine
        self._single_rows: list[int] | None = None  # the same where each has one

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
        self._look_up(node_ids)
        fleets = self.balancer.fleets
        if len(fleets) == 1 and self._single is not None:
            in_flight = fleets[0].in_flight
            return [in_flight[slot] for slot in self._single].count(0)
        count = len(node_ids)
        for slots in self._slots:
            count -= _has_some(fleets, slots)
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
        self._look_up(node_ids)
        found: list[float] = self._pools_busy_s(self.world.runtime.now())
        if self._single_rows is not None:
            return [found[row] for row in self._single_rows]
        busy = []
        for rows in self._rows:
            busy_s = 0.0
            for row in rows:
                busy_s += found[row]
            busy.append(busy_s)
        return busy

    def _look_up(self, node_ids: Sequence[str]) -> None:
        """Slots and pools of these nodes, unless they are known."""
        if node_ids is self._asked:
            return
        members, nodes = self.balancer.table.members, self.world.nodes
        self._slots = [list(members[name].slots.values()) if name in members else [] for name in node_ids]
        self._single = [slots[0] for slots in self._slots] if all(len(slots) == 1 for slots in self._slots) else None
        if self._pools_busy_s is not None:
            pools: list[list[Any]] = [list(nodes[name].pools.values()) for name in node_ids]
            self._rows = rows = [[pool.p for pool in of_node] for of_node in pools]
            self._single_rows = [each[0] for each in rows] if all(len(each) == 1 for each in rows) else None
        self._asked = node_ids


def _has_some(fleets: Sequence[Any], slots: Sequence[int]) -> bool:
    for fleet in fleets:
        for slot in slots:
            if fleet.in_flight[slot]:
                return True
    return False

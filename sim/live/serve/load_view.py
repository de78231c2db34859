"""Load as a live control plane sees it: attempts as it counts them, busy time as nodes report it.

Implements `autoscaler.sampler.LoadView`. A node that begins anew reports from 0; what it did before is added.
"""

from __future__ import annotations

from collections.abc import Sequence

from sim.live.serve.links import Load
from sim.live.serve.requests import LiveRequests
from sim.scalability.balancer.balancer import Balancer


class LiveLoad:
    """Over the balancer and the reports of nodes."""

    def __init__(self, balancer: Balancer, requests: LiveRequests) -> None:
        self.balancer, self.requests = balancer, requests
        self._busy: dict[str, tuple[str, float, float]] = {}  # node -> incarnation, before it, as it reports

    def heard(self, node_id: str, incarnation: str, load: Load) -> None:
        """A node's report."""
        now_s = sum(row[3] for row in load.values())
        last, before_s, seen_s = self._busy.get(node_id, (incarnation, 0.0, 0.0))
        if last != incarnation:
            before_s += seen_s
        self._busy[node_id] = (incarnation, before_s, now_s)

    def forget(self, node_id: str) -> None:
        """The node is gone."""
        self._busy.pop(node_id, None)

    def in_flight(self, node_id: str) -> int:
        """Attempts that the balancer waits for on a node."""
        member = self.balancer.table.members.get(node_id)
        if member is None:
            return 0
        return sum(fleet.in_flight[slot] for slot in member.slots.values() for fleet in self.balancer.fleets)

    def idle_count(self, node_ids: Sequence[str]) -> int:
        """How many of these nodes have no attempt that the balancer waits for."""
        return sum(not self.in_flight(node_id) for node_id in node_ids)

    def in_flight_count(self) -> int:
        """On all nodes."""
        count = len(self.balancer.slots)
        return sum(sum(fleet.in_flight[:count]) for fleet in self.balancer.fleets)

    def waiting_count(self) -> int:
        """Requests that wait at the balancer."""
        return self.requests.line.count

    def arrivals_count(self) -> int:
        """Requests ever."""
        return self.requests.arrivals_count

    def busy_s(self, node_id: str) -> float:
        """Busy agent-seconds of a node since it is there."""
        _, before_s, now_s = self._busy.get(node_id, ("", 0.0, 0.0))
        return before_s + now_s

    def busy_of(self, node_ids: Sequence[str]) -> list[float]:
        """The same of each of these nodes."""
        return [self.busy_s(node_id) for node_id in node_ids]

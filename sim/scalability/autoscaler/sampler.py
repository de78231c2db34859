"""The sampler: what the control plane sees of the fleet at an instant, as an autoscaler may know it.

Nodes come from the manager, load from the balancer and from what nodes report (`LoadView`). Utilization is the
time-average since the last sample, from cumulative busy time as a kubelet's CPU counter gives it: busy agent-seconds
over ready agents x time, of nodes that were ready at the last sample and for `readiness_s` by then. NaN without any.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Protocol

from sim.contracts import FleetSample, Runtime
from sim.scalability.autoscaler.actuator import FleetActuator

NodeMark = tuple[float, float, int]  # ready since, busy agent-seconds then, ready agents


class LoadView(Protocol):
    """Load as the balancer counts it and nodes report it.

    Whoever hands in the very list of the last call says that no node and no agent has changed since.
    """

    def idle_count(self, node_ids: Sequence[str]) -> int:
        """How many of these nodes have no attempt that the balancer waits for."""

    def in_flight_count(self) -> int:
        """On all nodes."""

    def waiting_count(self) -> int:
        """Requests that wait at the balancer."""

    def arrivals_count(self) -> int:
        """Requests ever."""

    def busy_of(self, node_ids: Sequence[str]) -> list[float]:
        """Busy agent-seconds of each of these nodes since it is there."""


class FleetSampler:
    """Call it for a sample; `utilization` False leaves out the costly part, for policies that do not read it.

    `changes_count` moves with every change of nodes and agents; where it stands still they are not looked at again.
    """

    def __init__(
        self,
        runtime: Runtime,
        actuator: FleetActuator,
        load: LoadView,
        ready_agents: Callable[[Sequence[str]], list[int]],  # of each of these nodes
        pending_agents: Callable[[], int],
        utilization: bool = True,
        changes_count: Callable[[], int] | None = None,
    ) -> None:
        self.runtime, self.actuator, self.load = runtime, actuator, load
        self.ready_agents, self.pending_agents, self.utilization = ready_agents, pending_agents, utilization
        self.changes_count = changes_count
        self.readiness_s = actuator.params.readiness_s
        self._changes = -1  # that `_names` and `_agents` are of; -1: to be asked again
        self._names: list[str] = []
        self._agents: list[int] = []
        self._marks: list[NodeMark] = []  # of the nodes `_marked`
        self._marked: Sequence[str] = ()
        self._at = math.nan

    def __call__(self) -> FleetSample:
        """The fleet at this instant; O(nodes)."""
        load, now = self.load, self.runtime.now()
        names, agents = self._in_service()
        return FleetSample(
            at=now,
            nodes_ready=len(names),
            nodes_starting=len(self.actuator.joining),
            nodes_draining=len(self.actuator.leaving),
            agents_ready=sum(agents),
            agents_per_node=sum(self.actuator.agents.values()),
            agents_pending=self.pending_agents(),
            in_flight=load.in_flight_count(),
            waiting=load.waiting_count(),
            arrivals_count=load.arrivals_count(),
            utilization_ratio=self._measure(now, names, agents) if self.utilization else math.nan,
            nodes_idle=load.idle_count(names),
        )

    def _in_service(self) -> tuple[list[str], list[int]]:
        """Nodes in service and their ready agents."""
        actuator, changes = self.actuator, -1
        if self.changes_count is not None and not actuator.joining and not actuator.leaving:
            changes = self.changes_count()
        if changes < 0 or changes != self._changes:
            self._changes, self._names = changes, actuator.ready()
            self._agents = self.ready_agents(self._names)
        return self._names, self._agents

    def _measure(self, now: float, names: Sequence[str], agents: Sequence[int]) -> float:
        before: Sequence[NodeMark | None] = self._marks
        if names is not self._marked:
            mark_of = dict(zip(self._marked, self._marks, strict=True)).get
            before = [mark_of(name) for name in names]
        marks: list[NodeMark] = []
        busy_s, agent_s, elapsed_s = 0.0, 0.0, now - self._at
        for mark, count, total_s in zip(before, agents, self.load.busy_of(names), strict=True):
            if mark is None:
                marks.append((now, total_s, count))
                continue
            since, last_s, last_count = mark
            if self._at - since >= self.readiness_s:
                busy_s += total_s - last_s
                agent_s += 0.5 * (last_count + count) * elapsed_s
            marks.append((since, total_s, count))
        self._marks, self._marked, self._at = marks, names, now
        return busy_s / agent_s if agent_s > 0.0 else math.nan

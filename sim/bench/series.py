"""The fleet sampled at equal distances while it runs: nodes, agents, load, what the autoscaler wants (`SeriesTable`).

A sample is taken at start + k x distance, after what control does at that instant; it changes nothing.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from sim.bench.fleet_load import FleetLoad
from sim.runtime.order import CONTROL, KEY_MAX
from sim.scalability.manager import DistributedManager
from sim.types.fleet import AgentStatus, NodeStatus
from sim.types.records import SeriesTable

SAMPLES_MAX = 300
SAMPLE_MIN_S = 1.0
COLUMNS = ("nodes_ready", "nodes_starting", "nodes_draining", "agents_ready", "agents_pending", "in_flight", "waiting",
           "desired_nodes")  # fmt: skip


class Scaling(Protocol):
    """What an autoscaler says of itself."""

    desired_nodes: int

    @property
    def starting_count(self) -> int: ...


class Sampler:
    """Samples up to SAMPLES_MAX times within the horizon, at most once a second."""

    def __init__(self, manager: DistributedManager, load: FleetLoad, scaling: Scaling | None, horizon_s: float) -> None:
        self.manager, self.load, self.scaling = manager, load, scaling
        self.distance_s = max(SAMPLE_MIN_S, horizon_s / SAMPLES_MAX)
        self.horizon_s = horizon_s
        self.at: list[float] = []
        self.rows: list[tuple[int, ...]] = []

    def start(self) -> None:
        """Sample from now on."""
        self._arm(0)

    def _arm(self, number: int) -> None:
        at = number * self.distance_s
        if at <= self.horizon_s:
            self.load.world.runtime.env.call_at(at, CONTROL, KEY_MAX, self._sample, number)

    def _sample(self, number: int) -> None:
        manager, load, scaling = self.manager, self.load, self.scaling
        members, nodes = load.balancer.table.members, load.world.nodes
        online, draining, ready, drained, agents = NodeStatus.ONLINE, NodeStatus.DRAINING, 0, 0, 0
        for name, status in manager.node_statuses().items():
            if status is online:
                if members[name].eligible:
                    ready += 1
                    for pool in nodes[name].pools.values():
                        agents += pool.agents
            elif status is draining:
                drained += 1
        self.at.append(load.world.runtime.now())
        self.rows.append(
            (
                ready,
                0 if scaling is None else scaling.starting_count,
                drained,
                agents,
                manager.agents_count(AgentStatus.PENDING),
                load.in_flight_count(),
                load.waiting_count(),
                -1 if scaling is None else scaling.desired_nodes,
            )
        )
        self._arm(number + 1)

    def table(self) -> SeriesTable:
        """All samples so far."""
        rows = np.array(self.rows, dtype=np.int32).reshape(len(self.rows), len(COLUMNS))
        return SeriesTable(np.array(self.at), *(rows[:, column].copy() for column in range(len(COLUMNS))))

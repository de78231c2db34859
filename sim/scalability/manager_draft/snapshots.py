"""Snapshots of the fleet: plain, frozen data that can be printed, compared and turned into JSON."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sim.scalability.manager_draft.nodes import NodeEntry
from sim.types.fleet import AgentInfo, AgentStatus, NodeStatus


@dataclass(frozen=True, slots=True)
class FleetStatus:
    """Nodes and agents now; `utilization_ratio` is placed agents over the capacity of online nodes."""

    at: float
    nodes: dict[str, int]  # status -> nodes
    agents: dict[str, int]  # status -> agents
    agent_types: dict[str, int]  # type -> ready agents
    capacity: int
    placed: int
    utilization_ratio: float
    pending: int
    recommended_nodes: int  # what auto_scaling asks for

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return dataclasses.asdict(self)


@dataclass(frozen=True, slots=True)
class FleetMetrics:
    """Counts since the manager was made; `deploy_s_mean` from reservation to ready."""

    registrations: int
    removals: int
    heartbeats: int
    heartbeats_stale: int
    deployed: int
    deploy_failures: int
    deploy_timeouts: int
    stopped: int
    failovers: int
    states_lost: int
    scale_outs: int
    scale_ins: int
    deploy_s_mean: float

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return dataclasses.asdict(self)


def fleet_status(at: float, nodes: Iterable[NodeEntry], agents: Iterable[AgentInfo], recommended: int) -> FleetStatus:
    """Count what there is."""
    entries, known = list(nodes), list(agents)
    online = [entry for entry in entries if entry.info.status is NodeStatus.ONLINE]
    capacity = sum(entry.info.capacity for entry in online)
    placed = sum(len(entry.agents) for entry in online)
    ready = Counter(agent.agent_type for agent in known if agent.status is AgentStatus.READY)
    return FleetStatus(
        at=at,
        nodes=dict(Counter(entry.info.status.value for entry in entries)),
        agents=dict(Counter(agent.status.value for agent in known)),
        agent_types=dict(ready),
        capacity=capacity,
        placed=placed,
        utilization_ratio=placed / capacity if capacity else 0.0,
        pending=sum(agent.status is AgentStatus.PENDING for agent in known),
        recommended_nodes=recommended,
    )

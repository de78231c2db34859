"""The source's automatic scaling: one node more above the threshold, one less when the fleet would stay below it.

Utilization is placed and waiting agents over the capacity of the online nodes. The rule has no tolerance and no
window: it flaps where a better policy holds. It is kept as the baseline that policies are measured against.
"""

from __future__ import annotations

from typing import Protocol

from sim.scalability.manager_draft.config import ManagerConfig
from sim.scalability.manager_draft.snapshots import FleetStatus
from sim.types.fleet import NodeInfo


class NodeProvider(Protocol):
    """Where nodes come from and go to."""

    async def provide(self) -> NodeInfo | None: ...
    async def give_back(self, node_id: str) -> None: ...


def recommended_nodes(status: FleetStatus, nodes_count: int, config: ManagerConfig) -> int:
    """Nodes the fleet should have next, one step from now, within min_nodes and max_nodes."""
    demand = status.placed + status.pending
    if not status.capacity:
        step = 1 if demand or nodes_count < config.min_nodes else 0
    elif demand / status.capacity > config.scaling_threshold:
        step = 1
    else:
        smaller = status.capacity * (nodes_count - 1) / nodes_count
        step = -1 if demand < config.scaling_threshold * smaller else 0
    return max(config.min_nodes, min(config.max_nodes, nodes_count + step))

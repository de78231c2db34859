"""The distributed manager: nodes, agents, placement, heartbeats and status."""

from sim.contracts import NodeProvider
from sim.scalability.manager.config import ManagerConfig
from sim.scalability.manager.manager import DistributedManager

__all__ = ["DistributedManager", "ManagerConfig", "NodeProvider"]

"""The distributed manager: nodes, agents, placement, heartbeats and status."""

from sim.scalability.manager.config import ManagerConfig
from sim.scalability.manager.manager import DistributedManager
from sim.scalability.manager.scaling import NodeProvider

__all__ = ["DistributedManager", "ManagerConfig", "NodeProvider"]

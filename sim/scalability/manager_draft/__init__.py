"""The DistributedManager: nodes, agents, heartbeats, status."""

from sim.scalability.manager_draft.config import ManagerConfig
from sim.scalability.manager_draft.manager import DistributedManager

__all__ = ["DistributedManager", "ManagerConfig"]

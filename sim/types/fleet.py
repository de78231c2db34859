"""Nodes and agents as the control plane knows them (field names are the source's).

Units: `last_heartbeat` in seconds (wall time as users give it; the manager stamps arrivals by its own clock),
`cpu_usage` and `memory_usage` as ratios in 0..1, `capacity` and `current_load` in agents.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class NodeStatus(Enum):
    """Where a node is in its life; only ONLINE nodes are eligible for requests."""

    ONLINE = "online"
    OFFLINE = "offline"
    DRAINING = "draining"
    MAINTENANCE = "maintenance"


class AgentStatus(Enum):
    """Where an agent is in its life; only READY agents answer requests."""

    PENDING = "pending"
    STARTING = "starting"
    READY = "ready"
    STOPPED = "stopped"

    __hash__ = object.__hash__  # by identity, as it compares: Enum's own is a call of Python, at every count


@dataclass(slots=True)
class NodeInfo:
    """One machine of the fleet. Built by the user, then owned by the manager's registry."""

    node_id: str
    host: str
    port: int
    status: NodeStatus = NodeStatus.ONLINE
    capacity: int = 12  # agents that fit on the node; 12 is the source's figure
    current_load: int = 0  # agents placed on it
    cpu_usage: float = 0.0
    memory_usage: float = 0.0
    last_heartbeat: float = 0.0
    metadata: dict[str, Any] = field(default_factory=dict)  # region, zone, speed, labels


@dataclass(slots=True)
class AgentInfo:
    """One agent: its config as given, where it is placed and since when it is ready."""

    agent_id: str
    config: dict[str, Any]
    agent_type: str
    node_id: str | None = None
    status: AgentStatus = AgentStatus.PENDING
    deployed_at: float | None = None
    ready_at: float | None = None
    epoch: int = 0  # of its present (or last) place; rises with every placement, never goes back

"""The manager's own record of a node and of an agent: the user's facts plus the books that only the ledger writes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from sim.contracts import Event
from sim.types.fleet import AgentInfo, NodeInfo, NodeStatus


@dataclass(slots=True, eq=False)
class Node:
    """A registered node. Its load is `placed` + `foreign` + orphans and never above its capacity."""

    info: NodeInfo
    birth: int  # serial of registration
    zone: str
    heard_at: float  # last sign of life, s on the runtime's clock
    wanted: NodeStatus  # what the user or the node asked for; OFFLINE by silence comes on top
    silent: bool = False
    removing: bool = False
    clearing: bool = False  # a job stops its orphans
    gone: bool = False
    placed: int = 0  # places held by our agents: starting, ready, stopping
    foreign: int = 0  # agents the node reports that we did not place
    reported_at: float | None = None  # newest timestamp of its heartbeats, wall time, information only
    by_type: dict[str, int] = field(default_factory=dict)  # places by agent type
    ready: dict[str, int] = field(default_factory=dict)  # ready agents by type
    agents: dict[str, Agent] = field(default_factory=dict)  # who holds a place, in order
    orphans: dict[str, None] = field(default_factory=dict)  # agents it may still run: their stop is not confirmed
    stamp: int = 0  # moves with every change that placement reads

    @property
    def node_id(self) -> str:
        """Its name."""
        return self.info.node_id

    @property
    def load(self) -> int:
        """Places taken: by our agents, by what it may still run of them, by others."""
        return self.placed + self.foreign + len(self.orphans)

    @property
    def free(self) -> int:
        """Places left."""
        return self.info.capacity - self.load

    @property
    def online(self) -> bool:
        """Whether requests may be sent to it."""
        return self.info.status is NodeStatus.ONLINE

    @property
    def reachable(self) -> bool:
        """Whether the agent host may be asked about it."""
        return self.info.status is not NodeStatus.OFFLINE

    def snapshot(self) -> NodeInfo:
        """A copy of its facts with the present load."""
        return replace(self.info, current_load=self.load, metadata=dict(self.info.metadata))


@dataclass(slots=True, eq=False)
class Agent:
    """A registered agent. `busy` while one coroutine starts, moves or stops it; others wait for `settled`."""

    info: AgentInfo
    busy: bool = False
    settled: Event | None = None
    attempts: int = 0  # failed starts since it was last ready
    held: bool = False  # pending, and not to be tried before the next check

    def snapshot(self) -> AgentInfo:
        """A copy of its facts."""
        return replace(self.info, config=dict(self.info.config))

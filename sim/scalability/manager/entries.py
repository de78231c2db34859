"""The manager's own record of a node and of an agent: the user's facts plus the books that only the ledger writes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from sim.contracts import Event
from sim.types.fleet import AgentInfo, AgentStatus, NodeInfo, NodeStatus


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
    retiring: bool = False  # it leaves for good: its agents are stopped, not moved
    gone: bool = False
    epoch: int = 0  # of the node: rises, over the whole fleet, when a node registers or is fenced
    told: tuple[bool, bool] = (True, False)  # may be picked, silent: as the balancer heard last
    noted: tuple[NodeStatus, bool] | None = None  # wanted and silent, as journaled
    placed: int = 0  # places held by our agents: starting, ready, stopping
    foreign: int = 0  # agents the node reports that we did not place
    reported_at: float | None = None  # newest timestamp of its heartbeats, wall time, information only
    by_type: dict[str, int] = field(default_factory=dict)  # places by agent type
    ready: dict[str, int] = field(default_factory=dict)  # ready agents by type
    agents: dict[str, Agent] = field(default_factory=dict)  # who holds a place, in order
    epochs: dict[str, int] = field(default_factory=dict)  # of the places that agents hold
    orphans: dict[str, int] = field(default_factory=dict)  # agents (epoch) it may still run: stop not confirmed
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
    epoch_last: int = 0  # newest epoch that was ever given, also to a body that did not become ready
    leaving: AgentStatus | None = None  # its only body is being stopped; what it is afterwards

    def snapshot(self) -> AgentInfo:
        """A copy of its facts."""
        return replace(self.info, config=dict(self.info.config))

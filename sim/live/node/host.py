"""The agents of one node: each type has a pool of them and one bounded first-in first-out queue, as in the world.

An agent runs one attempt at a time. Agents come and go by name and epoch: a start under an epoch that is not newer than
the last one known for the agent is refused, so that an order which was late never brings a former self back. What runs
when the node loses its connection is called off: it belonged to a session that is over.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sim.contracts import Runtime
from sim.errors import DeployError, FleetError
from sim.live.node.bodies import Body


class Full(FleetError):
    """The queue of a pool is full, or nobody serves that type: another node may take the attempt."""


@dataclass(slots=True)
class Pool:
    """Agents of one type; `busy` of them run an attempt."""

    body: Body
    agents: dict[str, int] = field(default_factory=dict)  # name -> epoch
    busy: int = 0
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque)
    busy_s: float = 0.0  # agent-seconds since the node began, of attempts that ended
    begun: dict[int, float] = field(default_factory=dict)  # attempt -> since when it runs

    def busy_until(self, now: float) -> float:
        """Busy agent-seconds up to now."""
        return self.busy_s + sum(now - at for at in self.begun.values())


class Host:
    """Runs attempts; `queue_max` waiting ones a pool."""

    def __init__(self, runtime: Runtime, bodies: Mapping[str, Body], capacity: int, queue_max: int) -> None:
        self.runtime, self.capacity, self.queue_max = runtime, capacity, queue_max
        self.pools = {name: Pool(body) for name, body in bodies.items()}
        self.epochs: dict[str, int] = {}  # newest epoch of each agent ever started here
        self.answered_count = self.failed_count = self._count = 0

    @property
    def agents_count(self) -> int:
        """Agents that are here."""
        return sum(len(pool.agents) for pool in self.pools.values())

    def start(self, agent_id: str, agent_type: str, epoch: int) -> None:
        """An agent is here from now on; raises `DeployError`."""
        pool = self.pools.get(agent_type)
        if pool is None:
            raise DeployError(agent_id, f"type {agent_type!r}: this node runs {', '.join(self.pools) or 'none'}")
        if epoch <= self.epochs.get(agent_id, 0):
            raise DeployError(agent_id, f"epoch {epoch} is over: this node knows {self.epochs[agent_id]}")
        if self.agents_count >= self.capacity:
            raise DeployError(agent_id, f"{self.capacity} agents are here, which is node.capacity")
        self.epochs[agent_id] = epoch
        pool.agents[agent_id] = epoch
        self._admit(pool)

    def stop(self, agent_id: str) -> None:
        """An agent is here no longer; what it runs ends by itself. Nothing if it is not here."""
        for pool in self.pools.values():
            pool.agents.pop(agent_id, None)
            self._turn_away(pool)

    def sync(self, wanted: Mapping[str, tuple[str, int]]) -> None:
        """Have exactly these agents (name -> type, epoch), which the control plane says are current."""
        for pool in self.pools.values():
            for name in [name for name, epoch in pool.agents.items() if wanted.get(name, ("", -1))[1] != epoch]:
                del pool.agents[name]
            self._turn_away(pool)
        for name, (agent_type, epoch) in wanted.items():
            pool_of = self.pools.get(agent_type)
            if pool_of is None or name not in pool_of.agents:
                self.epochs[name] = min(self.epochs.get(name, 0), epoch - 1)
                self.start(name, agent_type, epoch)

    async def run(self, agent_type: str, content: dict[str, Any]) -> dict[str, Any]:
        """An attempt's answer, with `waited_s` and `ran_s`; raises `Full`, `FleetError`, what the body raises."""
        pool = self.pools.get(agent_type)
        if pool is None or not pool.agents:
            raise Full(f"no agent of type {agent_type!r} is here")
        came_at = self.runtime.now()
        if pool.busy < len(pool.agents) and not pool.waiting:
            pool.busy += 1
        else:
            await self._wait(pool)
        self._count += 1
        number, begun_at = self._count, self.runtime.now()
        pool.begun[number] = begun_at
        try:
            said = await pool.body(content)
        except BaseException:
            self.failed_count += 1
            raise
        else:
            self.answered_count += 1
        finally:
            ended_at = self.runtime.now()
            del pool.begun[number]
            pool.busy_s += ended_at - begun_at
            pool.busy -= 1
            self._admit(pool)
        return {"result": said, "waited_s": begun_at - came_at, "ran_s": ended_at - begun_at}

    async def _wait(self, pool: Pool) -> None:
        """Until an agent is free, which is then taken."""
        if len(pool.waiting) >= self.queue_max:
            raise Full(f"{len(pool.waiting)} attempts wait here, which is the queue's bound")
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        pool.waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # its turn came at the very moment
                pool.busy -= 1
                self._admit(pool)
            elif turn in pool.waiting:
                pool.waiting.remove(turn)
            raise

    @staticmethod
    def _admit(pool: Pool) -> None:
        """Whoever waits longest takes a free agent."""
        while pool.waiting and pool.busy < len(pool.agents):
            turn = pool.waiting.popleft()
            if not turn.done():  # else it was called off at this moment
                pool.busy += 1
                turn.set_result(None)

    @staticmethod
    def _turn_away(pool: Pool) -> None:
        """Without an agent nobody waits here."""
        while pool.waiting and not pool.agents:
            turn = pool.waiting.popleft()
            if not turn.done():
                turn.set_exception(Full("its agents were stopped"))

    def load(self) -> dict[str, Any]:
        """What a heartbeat tells, by type: agents, busy, waiting, busy agent-seconds."""
        now = self.runtime.now()
        return {
            name: [len(pool.agents), pool.busy, len(pool.waiting), pool.busy_until(now)]
            for name, pool in self.pools.items()
        }

    def present_of(self, agent_type: str) -> int:
        """Attempts that wait or run in a pool."""
        pool = self.pools[agent_type]
        return pool.busy + len(pool.waiting)

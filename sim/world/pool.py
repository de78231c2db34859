"""What every pool of agents shares: books kept event by event, admission, and the way back to the balancer.

A pool is the agents of one type on one node, behind one bounded first-in first-out queue. Its areas (time integrals
of attempts present and of busy agents, in attempt-seconds) are written only by events of the pool itself, so that they
do not depend on who looks (`engine_rules`: integrals); audits hold them against the attempt table.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sim.runtime.virtual import OrderedEnvironment
from sim.types.records import OK, REJECTED
from sim.world.columns import Columns

Answered = Callable[[int, Any, float], None]


@dataclass(frozen=True, slots=True)
class PoolPlace:
    """Row of the node table, ordinal of the agent type, work seconds done per second by one agent, waiting places."""

    node: int
    agent_type: int
    speed: float
    queue_max: int


class Pool:
    """Agents of one type on one node. Subclasses give the discipline: `_start`, `_integrate`, `_unfinished_work_s`."""

    __slots__ = (
        "agent_type", "agents", "answered", "area_busy_s", "area_present_s", "arrived", "columns", "env", "generation",
        "in_service", "last_at", "node", "on_answer", "present", "queue_max", "refused", "slot", "speed", "waiting",
        "work_done_s",
    )  # fmt: skip

    def __init__(self, place: PoolPlace, columns: Columns, env: OrderedEnvironment, on_answer: Answered) -> None:
        self.node, self.agent_type = place.node, place.agent_type
        self.speed, self.queue_max = place.speed, place.queue_max
        self.columns, self.env, self.on_answer = columns, env, on_answer
        self.agents = 0  # ready agents
        self.slot = -1  # the balancer's slot, once it has one
        self.generation = 0
        self.waiting: deque[int] = deque()  # bounded by queue_max in accept
        self.present = 0  # waiting plus in service
        self.in_service = 0
        self.arrived = self.answered = self.refused = 0
        self.last_at = 0.0
        self.area_present_s = self.area_busy_s = self.work_done_s = 0.0

    def accept(self, row: int, now: float) -> bool:
        """Take an attempt in (start or queue it); False when the queue is full."""
        self.arrived += 1
        free = self.in_service < self.agents
        if not free and len(self.waiting) >= self.queue_max:
            return self._refuse(row, now)
        self._integrate(now)
        self.present += 1
        if free:
            self._start(row, now)
        else:
            self.waiting.append(row)
        return True

    def set_agents(self, agents: int, now: float) -> None:
        """More agents start waiting attempts at once; fewer let the running ones finish first."""
        self._integrate(now)
        self.agents = agents
        while self.waiting and self.in_service < agents:
            self._start(self.waiting.popleft(), now)

    def busy_s(self, now: float) -> float:
        """Busy agent-seconds until now; its books stay as they are."""
        busy = self.in_service if self.in_service < self.agents else self.agents
        return self.area_busy_s + busy * (now - self.last_at)

    def close(self, now: float, rows: list[int]) -> float:
        """Integrate up to the end; gives the work (s at speed 1) done on the unfinished attempts `rows` of the pool."""
        self._integrate(now)
        return self._unfinished_work_s(now, rows)

    def _refuse(self, row: int, now: float) -> bool:
        self.refused += 1
        self.columns.finished_at[row] = now
        self.columns.status[row] = REJECTED
        return False

    def _integrate(self, now: float) -> None:
        elapsed = now - self.last_at
        self.area_present_s += self.present * elapsed
        self.area_busy_s += self.in_service * elapsed
        self.last_at = now

    def _leave(self, row: int, now: float) -> None:
        """Write the answer, start the next waiting attempt, tell the balancer. `_integrate(now)` came before."""
        columns = self.columns
        columns.finished_at[row] = now
        columns.status[row] = OK
        self.answered += 1
        self.work_done_s += columns.work_s[row]
        self.present -= 1
        self.in_service -= 1
        if self.waiting and self.in_service < self.agents:
            self._start(self.waiting.popleft(), now)
        self.on_answer(row, self, now)

    def _start(self, row: int, now: float) -> None:
        raise AssertionError("a pool without a discipline")

    def _unfinished_work_s(self, now: float, rows: list[int]) -> float:
        raise AssertionError("a pool without a discipline")

"""Processor sharing: every attempt present is served at once, each at speed * min(1, agents / present).

Virtual time V is the work that one attempt present since 0 would have received; an attempt that joins at V leaves at
the tag V + work (Parekh and Gallager 1993 for the method). V moves only at joins and leaves of this pool and is set to
the finisher's tag at a departure, so that reading never changes it (`engine_rules`: integrals).
"""

from __future__ import annotations

import math
from heapq import heappop, heappush
from typing import Any

from sim.runtime.order import FINISH
from sim.world.pool import Pool


class SharingPool(Pool):
    """Egalitarian processor sharing over `agents` agents; at most agents + queue_max attempts are present."""

    __slots__ = ("armed", "tags", "virtual_s")

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.tags: list[tuple[float, int, int]] = []  # heap of (tag, request key, row)
        self.virtual_s = 0.0
        self.armed = 0  # serial of the one departure that counts

    def accept(self, row: int, now: float) -> bool:
        self.arrived += 1
        if self.present >= self.agents + self.queue_max:
            return self._refuse(row, now)
        self._integrate(now)
        self.present += 1
        self._start(row, now)
        return True

    def set_agents(self, agents: int, now: float) -> None:
        self._integrate(now)
        self.agents = agents
        self._arm(now)

    def _rate(self) -> float:
        present = self.present
        return self.speed if present <= self.agents else self.speed * self.agents / present

    def _integrate(self, now: float) -> None:
        elapsed = now - self.last_at
        present = self.present
        self.area_present_s += present * elapsed
        self.area_busy_s += min(present, self.agents) * elapsed
        if present:
            self.virtual_s += self._rate() * elapsed
        self.last_at = now

    def _start(self, row: int, now: float) -> None:
        columns = self.columns
        columns.started_at[row] = now
        self.in_service += 1
        heappush(self.tags, (self.virtual_s + columns.work_s[row], columns.key_of(row), row))
        self._arm(now)

    def _arm(self, now: float) -> None:
        """Schedule the next departure under the present rate; an earlier one becomes void."""
        self.armed += 1
        if self.tags and self.agents:
            tag, key, _ = self.tags[0]
            left_s = (tag - self.virtual_s) / self._rate()
            self.env.call_at(now + left_s if left_s > 0.0 else now, FINISH, key, self._depart, self.armed)

    def _depart(self, serial: int) -> None:
        if serial != self.armed:
            return
        now = self.env.now
        self._integrate(now)
        tag, _, row = heappop(self.tags)
        self.virtual_s = tag if self.tags else 0.0
        self._leave(row, now)
        self._arm(now)

    def _unfinished_work_s(self, now: float, rows: list[int]) -> float:
        work_s = self.columns.work_s
        return math.fsum(work_s[row] - (tag - self.virtual_s) for tag, _, row in self.tags)

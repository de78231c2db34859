"""First in, first out: each busy agent serves one attempt at `speed`; the others wait in one queue.

The finish of an attempt is known when it starts: start + work / speed, scheduled as an absolute instant.
"""

from __future__ import annotations

import math

from sim.runtime.order import FINISH
from sim.types.records import OK
from sim.world.pool import Pool


class FifoPool(Pool):
    """c agents behind one queue (G/G/c within the node)."""

    __slots__ = ()

    def _start(self, row: int, now: float) -> None:
        self.in_service += 1
        columns = self.columns
        columns.started_at[row] = now
        finish_at = now + columns.work_s[row] / self.speed
        self.env.call_at(finish_at, FINISH, columns.request[row] << 16, self._finish, row)

    def _finish(self, row: int) -> None:
        """`_integrate`, `_leave` and `_start` written out, since every request passes here."""
        env = self.env
        now = env.now
        columns = self.columns
        elapsed = now - self.last_at
        in_service = self.in_service
        self.area_present_s += self.present * elapsed
        self.area_busy_s += in_service * elapsed
        self.last_at = now
        columns.finished_at[row] = now
        columns.status[row] = OK
        self.answered += 1
        self.work_done_s += columns.work_s[row]
        self.present -= 1
        if self.waiting and in_service <= self.agents:
            following = self.waiting.popleft()
            columns.started_at[following] = now
            finish_at = now + columns.work_s[following] / self.speed
            env.call_at(finish_at, FINISH, columns.request[following] << 16, self._finish, following)
        else:
            self.in_service = in_service - 1
        self.on_answer(row, self, now)

    def _unfinished_work_s(self, now: float, rows: list[int]) -> float:
        started_at = self.columns.started_at
        return math.fsum((now - started_at[row]) * self.speed for row in rows if started_at[row] <= now)

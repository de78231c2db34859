"""First in, first out under faults: a finish that was called off (crash, pause, another speed) does not count.

`running` holds the finish of every attempt in service, an absolute instant; an event at another instant is void.
While paused, `frozen` holds what is left of each instead, as seconds of work at speed 1.
"""

from __future__ import annotations

from typing import Any

from sim.runtime.order import FINISH
from sim.world.fifo import FifoPool
from sim.world.fragile import Fragile


class FragileFifo(Fragile, FifoPool):
    """c agents behind one queue, which may be struck."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.running: dict[int, float] = {}
        self.frozen: dict[int, float] = {}

    def accept(self, row: int, now: float) -> bool:
        self.arrived += 1
        free = self.in_service < self.agents and not self.paused
        if not free and self.present - self.in_service >= self.queue_max:
            return self._refuse(row, now)
        elapsed = now - self.last_at
        in_service = self.in_service
        if not self.paused:
            self.area_work_s += self.speed * in_service * elapsed
        self.area_present_s += self.present * elapsed
        self.area_busy_s += in_service * elapsed
        self.last_at = now
        self.present += 1
        columns = self.columns
        columns.placed_at[row] = now
        if free:
            self.in_service = in_service + 1
            columns.started_at[row] = now
            finish_at = now + columns.work_s[row] / self.speed
            self.running[row] = finish_at
            self.env.call_at(finish_at, FINISH, columns.request[row] << 16 | columns.attempt[row], self._finish, row)
        else:
            self.waiting.append(row)
        return True

    def _start(self, row: int, now: float) -> None:
        self.in_service += 1
        columns = self.columns
        columns.started_at[row] = now
        self._schedule(row, now + columns.work_s[row] / self.speed)

    def _schedule(self, row: int, finish_at: float) -> None:
        self.running[row] = finish_at
        self.env.call_at(finish_at, FINISH, self.columns.key_of(row), self._finish, row)

    def _finish(self, row: int) -> None:
        """`_integrate` and `_leave` written out, since every request passes here."""
        now = self.env.now
        running = self.running
        if running.get(row) != now:
            return
        del running[row]
        columns = self.columns
        elapsed = now - self.last_at
        in_service = self.in_service
        self.area_work_s += self.speed * in_service * elapsed
        self.area_present_s += self.present * elapsed
        self.area_busy_s += in_service * elapsed
        self.last_at = now
        columns.left_at[row] = now
        self.answered += 1
        self.work_done_s += columns.work_s[row]
        self.present -= 1
        self.in_service = in_service - 1
        if self.waiting:
            self._fill(now)
        if self.on_empty is not None:
            self._emptied()
        self.on_answer(row, self, now)

    def _fill(self, now: float) -> None:
        if self.paused:
            return
        while self.waiting and self.in_service < self.agents:
            row = self._next(now)
            if row < 0:
                return
            self._start(row, now)

    def _serving(self) -> list[int]:
        return list(self.frozen if self.paused else self.running)

    def _served_work_s(self, row: int, now: float) -> float:
        left_s = self.frozen[row] if self.paused else (self.running[row] - now) * self.speed
        return self.columns.work_s[row] - left_s

    def _remove(self, row: int) -> None:
        del (self.frozen if self.paused else self.running)[row]

    def _stand_still(self, now: float) -> None:
        """What is left is kept as seconds of work."""
        self.frozen = {row: (finish_at - now) * self.speed for row, finish_at in self.running.items()}
        self.running = {}

    def _go_on(self, now: float) -> None:
        frozen, self.frozen = self.frozen, {}
        for row, left_s in frozen.items():
            self._schedule(row, now + left_s / self.speed)

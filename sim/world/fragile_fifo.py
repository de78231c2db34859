"""First in, first out under faults: a finish that was called off (crash, pause, another speed) does not count.

Until the first strike every finish that was scheduled holds, as in the plain pool. From then on `running` holds the
finish of every attempt in service, an absolute instant; an event at another instant is void. While paused, `frozen`
holds what is left of each instead, as seconds of work at speed 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sim.runtime.order import FINISH
from sim.world.fifo import FifoPool
from sim.world.fragile import Fragile


class FragileFifo(Fragile, FifoPool):
    """c agents behind one queue, which may be struck."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.running: dict[int, float] | None = None  # None: not struck so far
        self.frozen: dict[int, float] = {}
        self._booked_busy_s = 0.0

    def accept(self, row: int, now: float) -> bool:
        """`_integrate` and `_start` written out, since every request passes here."""
        self.arrived += 1
        in_service, present = self.in_service, self.present
        free = in_service < self.agents and not self.paused
        if not free and present - in_service >= self.queue_max:
            return self._refuse(row, now)
        elapsed = now - self.last_at
        self.area_present_s += present * elapsed
        self.area_busy_s += in_service * elapsed
        self.last_at = now
        self.present = present + 1
        columns = self.columns
        columns.placed_at[row] = now
        if free:
            self.in_service = in_service + 1
            columns.started_at[row] = now
            finish_at = now + columns.work_s[row] / self.speed
            if self.running is not None:
                self.running[row] = finish_at
            self.env.call_at(finish_at, FINISH, columns.request[row] << 16 | columns.attempt[row], self._finish, row)
        else:
            self.waiting.append(row)
        return True

    def _start(self, row: int, now: float) -> None:
        self.in_service += 1
        columns = self.columns
        columns.started_at[row] = now
        finish_at = now + columns.work_s[row] / self.speed
        if self.running is not None:
            self.running[row] = finish_at
        self.env.call_at(finish_at, FINISH, columns.request[row] << 16 | columns.attempt[row], self._finish, row)

    def _finish(self, row: int) -> None:
        """`_integrate` and `_leave` written out, since every request passes here."""
        now = self.env.now
        running = self.running
        if running is not None:
            if running.get(row) != now:
                return
            del running[row]
        columns = self.columns
        elapsed = now - self.last_at
        in_service, present = self.in_service, self.present
        self.area_present_s += present * elapsed
        self.area_busy_s += in_service * elapsed
        self.last_at = now
        columns.left_at[row] = now
        self.answered += 1
        self.work_done_s += columns.work_s[row]
        self.present = present - 1
        self.in_service = in_service - 1
        if self.on_served is not None:
            self.on_served(row, self, now)
        waiting = self.waiting
        if waiting:
            following = waiting[0]
            if running is not None or self.drop_expired or columns.left_at[following] == columns.left_at[following]:
                self._fill(now)
            elif self.in_service < self.agents:  # never struck, so not paused: `_fill` of one
                waiting.popleft()
                self._start(following, now)
        if self.on_empty is not None:
            self._emptied()
        self.on_answer(row, self, now)

    def _known(self) -> dict[int, float]:
        """Finishes of what is in service; the first strike looks them up among all rows."""
        if self.running is None:
            columns = self.columns
            here = np.asarray(columns.node) == self.node
            here &= np.isnan(np.asarray(columns.left_at)) & ~np.isnan(np.asarray(columns.started_at))
            here &= np.asarray(columns.pool_type) == self.agent_type
            rows: list[int] = np.flatnonzero(here).tolist()
            self.running = {row: columns.started_at[row] + columns.work_s[row] / self.speed for row in rows}
        return self.running

    def _book_work(self) -> None:
        if not self.paused:
            self.area_work_s += self.speed * (self.area_busy_s - self._booked_busy_s)
        self._booked_busy_s = self.area_busy_s

    def _fill(self, now: float) -> None:
        if self.paused:
            return
        while self.waiting and self.in_service < self.agents:
            row = self._next(now)
            if row < 0:
                return
            self._start(row, now)

    def _serving(self) -> list[int]:
        return sorted(self.frozen if self.paused else self._known(), key=self.columns.key_of)

    def _served_work_s(self, row: int, now: float) -> float:
        left_s = self.frozen[row] if self.paused else (self._known()[row] - now) * self.speed
        return self.columns.work_s[row] - left_s

    def _remove(self, row: int) -> None:
        del (self.frozen if self.paused else self._known())[row]

    def _stand_still(self, now: float) -> None:
        self.frozen = {row: (finish_at - now) * self.speed for row, finish_at in self._known().items()}
        self.running = {}

    def _go_on(self, now: float) -> None:
        frozen, self.frozen = self.frozen, {}
        running, columns = self._known(), self.columns
        for row, left_s in frozen.items():
            running[row] = now + left_s / self.speed
            self.env.call_at(running[row], FINISH, columns.key_of(row), self._finish, row)

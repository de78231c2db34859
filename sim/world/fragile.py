"""Pools that may be struck: agents die and come back, work pauses, slows down, is dropped, cancelled or lost.

`Fragile` adds the books and the commands that all disciplines share. A pool tells what the node saw (`placed_at`,
`left_at`); what the client sees is the engine's. `area_work_s` is the work its agents could deliver to what was in
service: the integral of speed x busy agents while it was not paused, in seconds at speed 1; every second of it is in
`work_done_s` (attempts finished here) or in `partial_work_s` (attempts that left unfinished). An attempt that was given
up by its client runs on, unless `drop_expired` (it is not started any more) or the engine cancels it.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from sim.types.records import TRUNCATED
from sim.world.pool import Pool


class Fragile(Pool):
    """The mixin of pools that may be struck; `agents` is 0 while the machine is down."""

    area_work_s: float
    assigned: int  # agents that the control plane started here
    base_speed: float
    crashes_count: int
    down: bool
    drop_expired: bool
    dropped: int
    error_prob: float
    lost_agents: int  # dead, until their supervisor has restarted them
    on_agents: Callable[[int, float, int], None]  # (node, now, change of `agents`)
    on_empty: Callable[[], None] | None  # nothing waits or runs here any more
    on_served: Callable[[int, Fragile, float], None] | None  # (row, pool, now), before the next attempt starts
    partial_work_s: float
    refuses: bool  # while down: whoever sends here learns at once that nobody listens
    paused: bool

    def arm(self, drop_expired: bool, on_agents: Callable[[int, float, int], None]) -> None:
        """Set what the constructor of the plain pool does not know."""
        self.assigned = self.dropped = self.lost_agents = 0
        self.area_work_s = self.partial_work_s = self.error_prob = 0.0
        self.base_speed, self.down, self.paused, self.refuses = self.speed, False, False, False
        self.crashes_count = 0
        self.drop_expired, self.on_agents = drop_expired, on_agents
        self.on_empty = self.on_served = None

    # What a discipline gives

    def _served_work_s(self, row: int, now: float) -> float:
        """Work done so far on an attempt in service."""
        raise AssertionError("a pool without a discipline")

    def _serving(self) -> list[int]:
        """Rows in service, by (request, attempt)."""
        raise AssertionError("a pool without a discipline")

    def _remove(self, row: int) -> None:
        """Forget an attempt in service (its counts are the caller's)."""
        raise AssertionError("a pool without a discipline")

    def _stand_still(self, now: float) -> None:
        """Nothing finishes from now on; `_go_on` undoes it."""
        raise AssertionError("a pool without a discipline")

    def _go_on(self, now: float) -> None:
        raise AssertionError("a pool without a discipline")

    def _book_work(self) -> None:
        """Bring `area_work_s` up to date; before any change of speed or pause, and at the end."""

    def _fill(self, now: float) -> None:
        """Start what can be started; after any change of agents, speed or places."""
        raise AssertionError("a pool without a discipline")

    # Commands

    def assign(self, change: int, now: float) -> None:
        """The control plane started or stopped an agent here."""
        self.assigned += change
        self._set_able(now)

    def lose_agent(self, now: float) -> bool:
        """One agent dies; its supervisor brings it back with `regain_agent`. False when there is none."""
        if not self.agents:
            return False
        self.lost_agents += 1
        self._set_able(now)
        return True

    def regain_agent(self, now: float) -> None:
        """A dead agent is back (one that was stopped meanwhile stays away)."""
        if self.lost_agents:
            self.lost_agents -= 1
            self._set_able(now)

    def pause(self, now: float) -> None:
        """Everything stands still and is kept."""
        self._integrate(now)
        self._book_work()
        self.paused = True
        self._stand_still(now)

    def resume(self, now: float) -> None:
        """Work goes on where it stopped."""
        self._integrate(now)
        self._book_work()
        self.paused = False
        self._go_on(now)
        self._fill(now)
        self._emptied()

    def set_speed_factor(self, factor: float, now: float) -> None:
        """Serve at `factor` of the speed it was built with."""
        self._integrate(now)
        self._book_work()
        if not self.paused:
            self._stand_still(now)
        self.speed = self.base_speed * factor
        if not self.paused:
            self._go_on(now)

    def crash(self, now: float) -> list[int]:
        """The machine is dead: everything here is lost. Gives the rows that were here, by (request, attempt)."""
        self._integrate(now)
        lost = self._serving()
        for row in lost:
            self.partial_work_s += self._served_work_s(row, now)
        for row in lost:
            self._remove(row)
        lost += self._take_line()
        for row in lost:
            self.columns.left_at[row] = now
        self.dropped += len(lost)
        self.present = self.in_service = 0
        self.down, self.lost_agents = True, 0
        self.crashes_count += 1
        self._set_able(now)
        self._fill(now)  # nothing starts, but no departure is due any more, even where no agent was left
        self._emptied()
        return sorted(lost, key=self.columns.key_of)

    def restore(self, now: float) -> None:
        """The machine is up again, its agents with it."""
        self.down = self.refuses = False
        self._set_able(now)

    def cancel(self, row: int, now: float) -> None:
        """Take an attempt out that is here: nobody waits for it any more."""
        self._integrate(now)
        columns = self.columns
        if columns.started_at[row] <= now:
            self.partial_work_s += self._served_work_s(row, now)
            self._remove(row)
            self.in_service -= 1
        else:
            self._unline(row)
        columns.left_at[row] = now
        self.present -= 1
        self.dropped += 1
        self._fill(now)
        self._emptied()

    # Inside

    def _take_line(self) -> list[int]:
        """Waiting rows that were not cancelled, in their order; nobody waits from now on."""
        left_at = self.columns.left_at
        live = [row for row in self.waiting if left_at[row] != left_at[row]]
        self.waiting.clear()
        return live

    def _unline(self, row: int) -> None:
        """A waiting attempt is cancelled: it is skipped when its turn comes."""

    def _next(self, now: float) -> int:
        """The next waiting attempt to start, -1 if there is none; drops what expired on the way."""
        waiting, left_at, status = self.waiting, self.columns.left_at, self.columns.status
        while waiting:
            row = waiting.popleft()
            if left_at[row] == left_at[row]:  # cancelled: an instant is there
                continue
            if self.drop_expired and status[row] != TRUNCATED:
                left_at[row] = now
                self.present -= 1
                self.dropped += 1
                continue
            return row
        return -1

    def _set_able(self, now: float) -> None:
        able = 0 if self.down else max(self.assigned - self.lost_agents, 0)
        change = able - self.agents
        if change:
            self._integrate(now)
            self.agents = able
            self.on_agents(self.node, now, change)
            self._fill(now)
            self._emptied()  # all that waited had expired

    def _emptied(self) -> None:
        if self.on_empty is not None and not self.present:
            self.on_empty()

    def _refuse(self, row: int, now: float) -> bool:
        self.refused += 1
        return False

    def _leave(self, row: int, now: float) -> None:
        """The node finished an attempt. `_integrate(now)` came before, the discipline forgot it."""
        self.columns.left_at[row] = now
        self.answered += 1
        self.work_done_s += self.columns.work_s[row]
        self.present -= 1
        self.in_service -= 1
        if self.on_served is not None:
            self.on_served(row, self, now)
        self._fill(now)
        self._emptied()
        self.on_answer(row, self, now)

    def close(self, now: float, rows: list[int]) -> float:
        self._integrate(now)
        self._book_work()
        return self.partial_work_s + math.fsum(self._served_work_s(row, now) for row in self._serving())

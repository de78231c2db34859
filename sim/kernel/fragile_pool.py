"""What strikes a pool of the kernel, in Python over its columns: the hooks that `sim.world.fragile` asks for.

The commands themselves (crash, pause, cancel, ...) are `Fragile`'s; who puts the run together joins both classes. Steps
that need the discipline go through one compiled function (`fragile.command`); the rest are a few entries of arrays.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from sim.kernel.fragile import ACCEPT, END, FILL, GO_ON, INTEGRATE, REARM, REMOVE
from sim.kernel.pool import PoolColumns, of_pool

Command = Callable[[int, int, int, int, float], int]  # what, row, pool, serial, instant
WATCHED, ERRS, SERVED = 1, 2, 4  # why the events of a pool are Python's, of `by_hand`


class FragileKernelPool(PoolColumns):
    """Row `p` of the kernel's pools, which may be struck."""

    area_work_s, dropped = of_pool("area_work_s", float), of_pool("dropped", int)
    paused, down = of_pool("paused", bool), of_pool("down", bool)

    command: Command
    columns: Any
    env: Any
    on_answer: Callable[[int, Any, float], None]

    def connect(self, command: Command, columns: Any, env: Any, on_answer: Any) -> None:
        """Who moves attempts here, and who hears of answers."""
        self.command, self.columns, self.env, self.on_answer = command, columns, env, on_answer
        self.frozen: dict[int, float] = {}  # paused fifo: seconds of work at speed 1 that are left, by row
        self._booked_busy_s = self._error_prob = 0.0
        self._on_empty: Callable[[], None] | None = None
        self._on_served: Callable[[int, Any, float], None] | None = None

    @property
    def on_empty(self) -> Callable[[], None] | None:
        """Hears that nothing waits or runs here any more."""
        return self._on_empty

    @on_empty.setter
    def on_empty(self, hears: Callable[[], None] | None) -> None:
        self._on_empty = hears
        self._by_hand(WATCHED, hears is not None)

    @property
    def on_served(self) -> Callable[[int, Any, float], None] | None:
        """Hears of every attempt that was served here, before the next one starts."""
        return self._on_served

    @on_served.setter
    def on_served(self, hears: Callable[[int, Any, float], None] | None) -> None:
        self._on_served = hears
        self._by_hand(SERVED, hears is not None)

    @property
    def error_prob(self) -> float:
        """Chance that an attempt that was served is answered with an error."""
        return self._error_prob

    @error_prob.setter
    def error_prob(self, prob: float) -> None:
        self._error_prob = prob
        self._by_hand(ERRS, prob > 0.0)

    def _by_hand(self, why: int, holds: bool) -> None:
        pools, p = self.k.pools, self.p
        pools.by_hand[p] = (pools.by_hand[p] | why) if holds else (pools.by_hand[p] & ~why)

    # What the engine calls

    def accept(self, row: int, now: float) -> bool:
        """Take an attempt in (start or queue it); False when the queue is full."""
        return bool(self.command(ACCEPT, row, self.p, 0, now))

    def happens(self, row: int, serial: int, now: float) -> None:
        """An event of the kernel's list at this pool: void, a step, or the end of an attempt and all that follows."""
        left = self.command(END, row, self.p, serial, now)
        if left < 0:
            return
        if self._on_served is not None:
            self._on_served(left, self, now)
        self._fill(now)
        self._emptied()
        self.on_answer(left, self, now)

    def _emptied(self) -> None:
        if self._on_empty is not None and not self.present:
            self._on_empty()

    # What a discipline gives

    def _integrate(self, now: float) -> None:
        self.command(INTEGRATE, -1, self.p, 0, now)

    def _fill(self, now: float) -> None:
        while self.command(FILL, -1, self.p, 0, now):
            pass

    def _remove(self, row: int) -> None:
        if self.frozen:
            del self.frozen[row]
        else:
            self.command(REMOVE, row, self.p, 0, 0.0)

    def _take_line(self) -> list[int]:
        pools, p, link = self.k.pools, self.p, self.k.rows.link
        found, row = [], int(pools.first[p])
        for _ in range(int(pools.waiting[p])):
            found.append(row)
            row = int(link[row])
        pools.waiting[p] = 0
        return found

    def _unline(self, row: int) -> None:
        line = self._take_line()
        line.remove(row)
        pools, p, link = self.k.pools, self.p, self.k.rows.link
        for one, following in pairwise(line):
            link[one] = following
        if line:
            pools.first[p], pools.last[p] = line[0], line[-1]
            link[line[-1]] = -1
        pools.waiting[p] = len(line)


class FragileKernelFifo(FragileKernelPool):
    """First in, first out: the finish of each attempt in service stands in its row."""

    def _serving(self) -> list[int]:
        rows = list(self.frozen) if self.frozen else self._known()
        return sorted(rows, key=self.columns.key_of)

    def _known(self) -> list[int]:
        """Rows with a finish in the event list that counts (no row is armed with serial 0)."""
        queue = self.k.queue
        here = np.flatnonzero(queue.pool == self.p)
        rows, serials = queue.row[here], queue.serial[here]
        known: list[int] = rows[(serials > 0) & (serials == self.k.rows.armed[rows])].tolist()
        return known

    def _served_work_s(self, row: int, now: float) -> float:
        rows = self.k.rows
        left_s = self.frozen[row] if self.frozen else (float(rows.finish_at[row]) - now) * self.speed
        return float(rows.work_s[row]) - left_s

    def _stand_still(self, now: float) -> None:
        rows, speed = self.k.rows, self.speed
        known = self._known()
        self.frozen = {row: (float(rows.finish_at[row]) - now) * speed for row in known}
        rows.armed[known] += 1

    def _go_on(self, now: float) -> None:
        frozen, self.frozen = self.frozen, {}
        speed = self.speed
        for row, left_s in frozen.items():
            self.command(REARM, row, self.p, 0, now + left_s / speed)

    def _book_work(self) -> None:
        if not self.paused:
            self.area_work_s += self.speed * (self.area_busy_s - self._booked_busy_s)
        self._booked_busy_s = self.area_busy_s


class FragileKernelSharing(FragileKernelPool):
    """Processor sharing: heap p holds who is served."""

    def _tags(self, h: int) -> dict[int, float]:
        """Row -> tag of a heap."""
        heaps = self.k.heaps
        first, count = int(heaps.start[h]), int(heaps.count[h])
        rows, tags = heaps.row[first : first + count].tolist(), heaps.tag[first : first + count].tolist()
        return dict(zip(rows, tags, strict=True))

    def _serving(self) -> list[int]:
        return sorted(self._tags(self.p), key=self.columns.key_of)

    def _served_work_s(self, row: int, now: float) -> float:
        left_s = self._tags(self.p)[row] - float(self.k.pools.virtual_s[self.p])
        return float(self.k.rows.work_s[row]) - left_s

    def _stand_still(self, now: float) -> None:
        self.k.pools.armed[self.p] += 1

    def _go_on(self, now: float) -> None:
        self.command(GO_ON, -1, self.p, 0, now)


class FragileKernelBatching(FragileKernelSharing):
    """Continuous batching: heaps 2p and 2p + 1 hold who is served; demands are tokens, not seconds."""

    def _serving(self) -> list[int]:
        rows = [*self._tags(2 * self.p), *self._tags(2 * self.p + 1)]
        return sorted(rows, key=self.columns.key_of)

    def _served_work_s(self, row: int, now: float) -> float:
        return 0.0

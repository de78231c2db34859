"""Timers of one constant delay: what has not ended in time is looked for when the time has come, not armed before.

Every attempt may have a timeout, a deadline and a hedge, and nearly all of them end long before. Rows of an open source
lie in the order in which they arrive, so that a `RowCursor` over the rows themselves is the whole timer: one armed
event, and nothing for a request that ends in time. What does not follow that order (later attempts, requests that
waited, closed clients) goes through an `ExpiryQueue`, a deque with one armed event. One event a request in SimPy's heap
leaves .60 of the speed (`engine_rules`: timers). What expires at one instant goes by (request, attempt); at one instant
attempt timeouts come before deadlines, the cursor's before the queue's.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Container
from dataclasses import dataclass, field

from sim.runtime.virtual import OrderedEnvironment
from sim.types.records import TRUNCATED
from sim.world.columns import Columns

SIDE_FIRST = 1 << 56  # requests from here on are not the main source's


@dataclass(slots=True)
class Expiry:
    """What both timers need: `order` is rank and key of the event; rows in `unended` expire although closed."""

    env: OrderedEnvironment
    columns: Columns
    delay_s: float
    order: tuple[int, int]
    expire: Callable[[int], None]
    unended: Container[int] = ()
    elsewhere: list[Container[int]] = field(default_factory=list)  # rows that the queue watches instead

    def run(self, due: list[int]) -> None:
        """Expire what is still open, in order of (request, attempt)."""
        if len(due) > 1:
            due.sort(key=self.columns.key_of)
        for row in due:
            if self.columns.status[row] == TRUNCATED or row in self.unended:
                self.expire(row)


class ExpiryQueue:
    """Expires rows `delay_s` after their `add`."""

    def __init__(self, expiry: Expiry) -> None:
        self.expiry = expiry
        self.entries: deque[tuple[float, int]] = deque()  # as many as came within delay_s, at the most
        self.armed = False

    def add(self, row: int, now: float) -> None:
        """Start the timer of a row."""
        self.entries.append((now + self.expiry.delay_s, row))
        if not self.armed:
            self._arm()

    def _arm(self) -> None:
        expiry, entries = self.expiry, self.entries
        self._drop_ended()
        self.armed = bool(entries)
        if entries:
            rank, key = expiry.order
            expiry.env.call_at(entries[0][0], rank, key + 1, self._fire, None)

    def _drop_ended(self) -> None:
        entries, status, unended = self.entries, self.expiry.columns.status, self.expiry.unended
        while entries and status[entries[0][1]] != TRUNCATED and entries[0][1] not in unended:
            entries.popleft()

    def _fire(self, _: None) -> None:
        self.expiry.run(self._due(self.expiry.env.now))
        self._arm()

    def _due(self, now: float) -> list[int]:
        entries, due = self.entries, []
        while entries and entries[0][0] <= now:
            due.append(entries.popleft()[1])
        return due


class RowCursor:
    """Expires first attempts of the main open source `delay_s` after their arrival."""

    def __init__(self, expiry: Expiry) -> None:
        self.expiry, self.row = expiry, 0

    def start(self) -> None:
        """Watch from the first row on."""
        self._arm()

    def _arm(self) -> None:
        rank, key = self.expiry.order
        self.expiry.env.call_at(self.next_at(), rank, key, self._fire, None)

    def next_at(self) -> float:
        """When the first row that is open expires; rows to come do so in a whole delay at the soonest."""
        expiry = self.expiry
        count = len(expiry.columns)
        row = self.row = self._first_open(count)
        now = expiry.env.now
        at = expiry.columns.arrived_at[row] + expiry.delay_s if row < count else now + expiry.delay_s
        return max(at, now)

    def _first_open(self, count: int) -> int:
        columns, unended, row = self.expiry.columns, self.expiry.unended, self.row
        while row < count:
            row = columns.skip_ended(row, count, unended)
            if row == count or not self._is_others(row):
                break
            row += 1
        return row

    def _is_others(self, row: int) -> bool:
        columns = self.expiry.columns
        if columns.attempt[row] or columns.request[row] >= SIDE_FIRST:
            return True
        return any(row in rows for rows in self.expiry.elsewhere)

    def _fire(self, _: None) -> None:
        self.expiry.run(self.due(self.expiry.env.now))
        self._arm()

    def due(self, now: float) -> list[int]:
        """Rows whose time has come; they are passed."""
        columns, delay_s, found = self.expiry.columns, self.expiry.delay_s, []
        arrived_at, count = columns.arrived_at, len(columns)
        while self.row < count and arrived_at[self.row] + delay_s <= now:
            if not self._is_others(self.row):
                found.append(self.row)
            self.row += 1
        return found


class RowQueue(ExpiryQueue):
    """A queue that also watches the first attempts of rows that are made as they arrive (a compiled engine's)."""

    def __init__(self, expiry: Expiry) -> None:
        super().__init__(expiry)
        self.cursor = RowCursor(expiry)

    def start(self) -> None:
        """Watch from the first row on."""
        self._arm()

    def _arm(self) -> None:
        """For whatever is first, a row to come included; so the queue is armed before anything is added to it."""
        expiry, entries = self.expiry, self.entries
        self.armed = True
        at = self.cursor.next_at()
        self._drop_ended()
        if entries:
            at = min(at, entries[0][0])
        rank, key = expiry.order
        expiry.env.call_at(at, rank, key + 1, self._fire, None)

    def _due(self, now: float) -> list[int]:
        return self.cursor.due(now) + super()._due(now)

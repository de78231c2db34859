"""The kernel's rows as the engine of attempts knows columns: an entry is a Python number, and memory is the kernel's.

A `memoryview` of a column gives int and float as an `array` does, whatever the width, and at any stride. Columns that a
run does not need give 0 and take nothing. When the kernel's rows move (they grow), the views are taken anew.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.contracts import Draws
from sim.kernel.calls import call_skip_ended
from sim.kernel.columns import TOLD, TOLD_TOKENS
from sim.kernel.driver import WHOLE, Driver
from sim.kernel.records import in_order, taken
from sim.kernel.state import NEXT_ROW, PASSED, TURNS
from sim.kernel.watched import watched_row
from sim.runtime.draws import IDLE_TOKEN
from sim.types.records import TRUNCATED, AttemptTable
from sim.world.columns import Columns

ALWAYS = (
    "arrived_at", "attempt", "by_hand", "finished_at", "left_at", "node", "placed_at", "request", "sent_at", "slot",
    "started_at", "status", "work_s",
)  # fmt: skip
TOKENS = ("first_token_at", "output_tokens", "prompt_tokens")
TOLD_LATER = {"placed_at": np.float64, "left_at": np.float64}
TOLD_PRIORITY = {"priority": np.int8}
COPIED = ("work_s", "view", "key", "priority", "single", "dispatcher")


class Absent:
    """A column that nobody needs."""

    def __getitem__(self, row: int) -> int:
        return 0

    def __setitem__(self, row: int, value: int) -> None:
        pass


class IdleDraws:
    """Where a completion's idle token goes: the draw of the request, whatever the attempt."""

    def __init__(self, columns: AttemptColumns, draws: Draws) -> None:
        self.columns, self.draws = columns, draws

    def __getitem__(self, row: int) -> float:
        return self.draws.uniform(IDLE_TOKEN, self.columns.request[row])


class AttemptColumns:
    """As `sim.world.columns`; rows are made when their attempts begin."""

    several = True

    def __init__(self, driver: Driver, draws: Draws) -> None:
        self.driver, self.k = driver, driver.k
        self.tokens = bool(self.k.uses.tokens)
        self.idle_draw = IdleDraws(self, draws)
        self.pool_type = Absent()
        self.several_of: Container[int] = ()  # first rows of requests that may be tried again
        self._skip = driver.entry(call_skip_ended, WHOLE, WHOLE, WHOLE)
        self.take_views()

    def __getattr__(self, name: str) -> Any:  # the views: see `take_views`
        raise AttributeError(name)

    def __len__(self) -> int:
        return int(self.k.numbers[NEXT_ROW])

    def take_views(self, count: int | None = None) -> None:
        """Look at the rows (the first `count`) where they lie now."""
        rows, uses = self.k.rows, self.k.uses
        used = {"dispatcher": (uses.dispatchers, rows.dispatcher), "key": (uses.keys, rows.key)}
        used |= {"rif_at_arrival": (uses.probes, rows.rif), "view": (uses.views, rows.of_view)}
        used |= {"priority": (uses.priorities, rows.priority), "single": (uses.singles, rows.single)}
        used |= {name: (uses.tokens, getattr(rows, name)) for name in TOKENS}
        used |= {name: (1, getattr(rows, name)) for name in ALWAYS}
        for name, (is_there, column) in used.items():
            setattr(self, name, memoryview(column[:count]) if is_there else Absent())
        self._copied = [name for name in (*COPIED, *TOKENS[1:]) if not isinstance(getattr(self, name), Absent)]

    def key_of(self, row: int) -> int:
        """The order of a row among equal instants."""
        key: int = self.request[row] << 16 | self.attempt[row]
        return key

    def skip_ended(self, row: int, count: int, unended: Container[int]) -> int:
        """The first row from `row` on that is open or in `unended` (all of those are marked); `count` without.

        What has ended for good up to the first row that has not is passed once for all timers.
        """
        status = self.status
        if row < count and status[row] == TRUNCATED:
            return row
        row = max(row, self._pass_ended(count))
        while row < count:
            row = self._skip(self.driver.address, row, count)
            if row == count or status[row] == TRUNCATED or row in unended:
                return row
            row += 1
        return row

    def _pass_ended(self, count: int) -> int:
        numbers, status = self.k.numbers, self.status
        row = int(numbers[PASSED])
        while row < count:
            row = self._skip(self.driver.address, row, count)
            if row == count or status[row] == TRUNCATED or row in self.several_of:
                break
            row += 1
        numbers[PASSED] = row
        return row

    def add(self, request: int, now: float) -> int:
        """A row of an attempt that begins now."""
        self.driver.reserve()
        return int(watched_row(self.k, request, now))

    def add_attempt(self, root: int, attempt: int, now: float) -> int:
        """A further attempt of the request whose first row is `root`; its demand is the same. Gives the row."""
        row = self.add(self.request[root], now)
        self.attempt[row] = attempt
        self._copy(self, root, row)
        return row

    def adopt(self, known: Columns, row: int, now: float) -> int:
        """A request that was known ahead arrives. Gives its row here."""
        mine = self.add(known.request[row], now)
        self._copy(known, row, mine)
        return mine

    def _copy(self, other: Any, row: int, mine: int) -> None:
        for name in self._copied:
            getattr(self, name)[mine] = getattr(other, name)[row]

    def arrived_rows(self) -> range:
        """Rows of attempts that have begun: a row is made when its attempt begins."""
        return range(len(self))

    def table(self, rows: NDArray[np.intp] | range) -> AttemptTable:
        """The rows named, by (request, attempt)."""
        kinds = TOLD | TOLD_LATER | (TOLD_TOKENS if self.tokens else {})
        kinds |= TOLD_PRIORITY if self.k.uses.priorities else {}
        found = taken(self.k.rows, rows, kinds)
        if not in_order(found["request"], found["attempt"]):
            ordered = np.asarray(rows)[np.lexsort((found["attempt"], found["request"]))]
            found = taken(self.k.rows, ordered, kinds)
        np.minimum(found["status"], TRUNCATED, out=found["status"])
        if "priority" in found and not found["priority"].any():
            del found["priority"]
        return AttemptTable(**found)


class SentLater:
    """Rows that waited at the balancer -> when they were sent on, as a mapping over the kernel's column."""

    def __init__(self, columns: AttemptColumns) -> None:
        self.columns = columns

    def __bool__(self) -> bool:
        return bool(self.columns.k.numbers[TURNS])

    def __contains__(self, row: object) -> bool:
        at = self.columns.sent_at[row]
        return bool(at == at)

    def __setitem__(self, row: int, at: float) -> None:
        self.columns.sent_at[row] = at

    def pop(self, row: int, default: float | None = None) -> float | None:
        """When a row was sent, which is forgotten."""
        at = self.columns.sent_at[row]
        if at != at:
            return default
        self.columns.sent_at[row] = float("nan")
        return float(at)


class Marked(dict[int, Any]):
    """Books by row; who stands in them is not plain any more, so that the kernel leaves its answer to Python."""

    def __init__(self, columns: AttemptColumns) -> None:
        super().__init__()
        self.columns = columns

    def __setitem__(self, row: int, value: Any) -> None:
        self.columns.by_hand[row] = 1
        super().__setitem__(row, value)

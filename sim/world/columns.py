"""The books of a run while it runs: one row an attempt, columns as `array.array` (8 bytes a value, no boxing).

Rows are extended a block at a time when requests become known and filled in place as they happen; `table` hands them
to numpy without copying. Instants in virtual seconds, NaN until they happen. With `several` attempts a request there
are columns for what a retry needs of its request and for what the node saw.
"""

from __future__ import annotations

from array import array
from collections.abc import Container
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.types.records import STATUSES, TRUNCATED, AttemptTable

NAN = float("nan")
OUTRUN = len(STATUSES)  # while it runs: another attempt of the request answered first; TRUNCATED in the table


class Columns:
    """Attempt rows that grow; `tokens` adds the columns of token-sized requests, `several` those of attempts."""

    __slots__ = (
        "arrived_at", "attempt", "dispatcher", "finished_at", "first_token_at", "idle_draw", "key", "left_at", "node",
        "output_tokens", "placed_at", "pool_type", "priority", "prompt_tokens", "request", "rif_at_arrival", "several",
        "single", "slot", "started_at", "status", "tokens", "view", "work_s",
    )  # fmt: skip

    def __init__(self, *, tokens: bool, several: bool = False) -> None:
        self.tokens, self.several = tokens, several
        self.attempt = array("h")
        self.slot = array("i")  # the balancer's, -1 while it was not sent
        self.placed_at = array("d")
        self.left_at = array("d")
        self.view = array("i")
        self.key = array("q")
        self.priority = array("b")
        self.single = array("b")  # 1: must not run twice
        self.request = array("q")
        self.arrived_at = array("d")
        self.started_at = array("d")
        self.finished_at = array("d")
        self.work_s = array("d")
        self.first_token_at = array("d")
        self.idle_draw = array("d")  # where a completion's idle token goes; several dispatchers with idle tokens only
        self.node = array("i")
        self.dispatcher = array("i")
        self.rif_at_arrival = array("i")
        self.status = array("b")
        self.prompt_tokens = array("i")
        self.output_tokens = array("i")
        self.pool_type = array("i")  # agent type of the pool it was sent to; typed fleets only

    def __len__(self) -> int:
        return len(self.request)

    def extend(self, requests: list[int], arrived_at: list[float]) -> None:
        """Append rows of requests whose instants are known; the demand columns are extended by the caller."""
        count = len(requests)
        self.request.extend(requests)
        self.arrived_at.extend(arrived_at)
        nan = array("d", (NAN,)) * count
        self.started_at.extend(nan)
        self.finished_at.extend(nan)
        if self.tokens:
            self.first_token_at.extend(nan)
        zero = array("i", (0,)) * count
        self.node.extend(array("i", (-1,)) * count)
        self.dispatcher.extend(zero)
        self.pool_type.extend(zero)
        self.rif_at_arrival.extend(zero)
        self.status.extend(array("b", (TRUNCATED,)) * count)
        if self.several:
            self.attempt.extend(array("h", (0,)) * count)
            self.slot.extend(array("i", (-1,)) * count)
            self.placed_at.extend(nan)
            self.left_at.extend(nan)

    def skip_ended(self, row: int, count: int, unended: Container[int]) -> int:
        """The first row from `row` on that is open or in `unended`; `count` without."""
        status = self.status
        while row < count and status[row] != TRUNCATED and row not in unended:
            row += 1
        return row

    def key_of(self, row: int) -> int:
        """The order of a row among equal instants."""
        return self.request[row] << 16 | (self.attempt[row] if self.several else 0)

    def add_attempt(self, root: int, attempt: int, now: float) -> int:
        """A further attempt of the request whose first row is `root`; its demand is the same. Gives the row."""
        row = len(self.request)
        self.extend([self.request[root]], [now])
        self.attempt[row] = attempt
        copied: tuple[array[Any], ...] = (
            self.work_s, self.view, self.key, self.priority, self.single, self.prompt_tokens, self.output_tokens,
            self.idle_draw,
        )  # fmt: skip
        for column in copied:
            if column:
                column.append(column[root])
        self.dispatcher[row] = self.dispatcher[root]
        return row

    def table(self, rows: NDArray[np.intp]) -> AttemptTable:
        """The rows named, in that order (rows of requests known ahead that never arrived are left out)."""

        def take(column: array[float] | array[int]) -> NDArray[np.generic]:
            return np.asarray(column)[rows]

        tokens = self.tokens
        attempt, placed_at, left_at, priority = np.zeros(len(rows), dtype=np.int16), None, None, None
        if self.several:
            rows = rows[np.lexsort((np.asarray(self.attempt)[rows], np.asarray(self.request)[rows]))]
            attempt = take(self.attempt).astype(np.int16)
            placed_at, left_at = take(self.placed_at).astype(np.float64), take(self.left_at).astype(np.float64)
            priority = take(self.priority).astype(np.int8)
            priority = priority if priority.any() else None  # of rows that are told: others may never arrive
        return AttemptTable(
            request=take(self.request).astype(np.int64),
            attempt=attempt,
            arrived_at=take(self.arrived_at).astype(np.float64),
            started_at=take(self.started_at).astype(np.float64),
            finished_at=take(self.finished_at).astype(np.float64),
            node=take(self.node).astype(np.int32),
            status=np.minimum(take(self.status), TRUNCATED).astype(np.int8),
            work_s=take(self.work_s).astype(np.float64),
            first_token_at=take(self.first_token_at).astype(np.float64) if tokens else None,
            prompt_tokens=take(self.prompt_tokens).astype(np.int32) if tokens else None,
            output_tokens=take(self.output_tokens).astype(np.int32) if tokens else None,
            placed_at=placed_at,
            left_at=left_at,
            priority=priority,
        )

"""The books of a run while it runs: one row an attempt, columns as `array.array` (8 bytes a value, no boxing).

Rows are extended a block at a time when requests become known and filled in place as they happen; `table` hands them
to numpy without copying. Instants in virtual seconds, NaN until they happen.
"""

from __future__ import annotations

from array import array

import numpy as np
from numpy.typing import NDArray

from sim.types.records import TRUNCATED, AttemptTable

NAN = float("nan")


class Columns:
    """Attempt rows that grow; `tokens` adds the columns of token-sized requests, `probed` the load seen at arrival."""

    __slots__ = (
        "arrived_at", "dispatcher", "finished_at", "first_token_at", "idle_draw", "node", "output_tokens", "pool_type",
        "prompt_tokens", "request", "rif_at_arrival", "started_at", "status", "tokens", "work_s",
    )  # fmt: skip

    def __init__(self, *, tokens: bool) -> None:
        self.tokens = tokens
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

    def table(self, rows: NDArray[np.intp]) -> AttemptTable:
        """The rows named, in that order (rows of requests known ahead that never arrived are left out)."""

        def take(column: array[float] | array[int]) -> NDArray[np.generic]:
            return np.asarray(column)[rows]

        tokens = self.tokens
        return AttemptTable(
            request=take(self.request).astype(np.int64),
            attempt=np.zeros(len(rows), dtype=np.int16),
            arrived_at=take(self.arrived_at).astype(np.float64),
            started_at=take(self.started_at).astype(np.float64),
            finished_at=take(self.finished_at).astype(np.float64),
            node=take(self.node).astype(np.int32),
            status=take(self.status).astype(np.int8),
            work_s=take(self.work_s).astype(np.float64),
            first_token_at=take(self.first_token_at).astype(np.float64) if tokens else None,
            prompt_tokens=take(self.prompt_tokens).astype(np.int32) if tokens else None,
            output_tokens=take(self.output_tokens).astype(np.int32) if tokens else None,
        )

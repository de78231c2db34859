"""The kernel's rows as the world reads them at the end of a run."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.kernel.records import taken
from sim.kernel.state import NEXT_ROW, Kernel
from sim.types.records import AttemptTable

TOLD = {
    "request": np.int64, "attempt": np.int16, "arrived_at": np.float64, "started_at": np.float64,
    "finished_at": np.float64, "node": np.int32, "status": np.int8, "work_s": np.float64,
}  # fmt: skip
TOLD_TOKENS = {"first_token_at": np.float64, "prompt_tokens": np.int32, "output_tokens": np.int32}


class KernelColumns:
    """The columns of `sim.world.columns`, as arrays of the rows so far."""

    several = False

    def __init__(self, k: Kernel, typed: bool) -> None:
        self._k, self._typed = k, typed

    def __getattr__(self, name: str) -> Any:
        rows = self._k.rows
        count = int(self._k.numbers[NEXT_ROW])
        if name == "pool_type":
            return self._k.pools.agent_type[rows.pool[:count]]
        return getattr(rows, name)[:count]

    def key_of(self, row: int) -> int:
        """The order of a row among equal instants."""
        rows = self._k.rows
        return int(rows.request[row]) << 16 | int(rows.attempt[row])

    def arrived_rows(self) -> range:
        """Rows of requests that have come: a row is made when its request comes."""
        return range(int(self._k.numbers[NEXT_ROW]))

    def table(self, wanted: NDArray[np.intp] | range) -> AttemptTable:
        """The rows named, in that order."""
        return AttemptTable(**taken(self._k.rows, wanted, TOLD | TOLD_TOKENS if self._k.uses.tokens else TOLD))

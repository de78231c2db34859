"""The kernel's rows as the world reads them at the end of a run."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.kernel.state import NEXT_ROW, Kernel
from sim.types.records import AttemptTable


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

    def table(self, wanted: NDArray[np.intp]) -> AttemptTable:
        """The rows named, in that order."""
        rows, tokens = self._k.rows, bool(self._k.uses.tokens)
        return AttemptTable(
            request=rows.request[wanted],
            attempt=rows.attempt[wanted].astype(np.int16),
            arrived_at=rows.arrived_at[wanted],
            started_at=rows.started_at[wanted],
            finished_at=rows.finished_at[wanted],
            node=rows.node[wanted],
            status=rows.status[wanted],
            work_s=rows.work_s[wanted],
            first_token_at=rows.first_token_at[wanted] if tokens else None,
            prompt_tokens=rows.prompt_tokens[wanted] if tokens else None,
            output_tokens=rows.output_tokens[wanted] if tokens else None,
        )

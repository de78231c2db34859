"""What trials of killed sweeps counted, and its published form (`tests.bench.crashes`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Ledger:
    """What became of the trials of one kind."""

    workers: int
    kill: str
    trials: int = 0
    killed: int = 0  # the others ended before the instant
    ended_by_worker: int = 0  # of the killed ones: a worker was, and the sweep went on
    finished: int = 0  # replications that were whole after a kill, all trials
    lost: int = 0  # of them: gone, other or run again afterwards
    half_counted: int = 0  # records after a kill that are not those of the undisturbed sweep
    leftovers: int = 0  # temporary and unpaired files that a kill left
    not_cleared: int = 0  # of them: still there after `clean`
    other_tables: int = 0  # CSVs at the end that differ


def csv_of(rows: list[dict[str, Any]]) -> bytes:
    """One line a row, under the names of the first one's fields."""
    lines = [list(rows[0]), *([str(value) for value in row.values()] for row in rows)]
    return "".join(",".join(line) + "\n" for line in lines).encode()

"""What is recorded of a live run, one row a request, and its file."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sim.bench.broken_csv import refused_where_broken
from sim.errors import InputError

DIGITS = 6  # microseconds


@dataclass(frozen=True, slots=True)
class Row:
    """Seconds from the start of load; `latency_s` counts from when the request was due, whenever it was sent."""

    request: int
    due_at: float
    sent_at: float
    latency_s: float
    status: str  # "done", or what became of it
    ordinal: int = -1  # the number that the control plane gave it, -1 without one
    node: str = ""
    waited_s: float = 0.0  # in the node's queue
    ran_s: float = 0.0  # on an agent

    @property
    def overhead_s(self) -> float:
        """Latency beyond waiting and running: client, gateway, ledger, balancer, wire."""
        return self.latency_s - self.waited_s - self.ran_s


NAMES = [field.name for field in dataclasses.fields(Row)]


def write_rows(path: Path, rows: Sequence[Row]) -> None:
    """A CSV with a header."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(NAMES)
        for row in rows:
            cells = [getattr(row, name) for name in NAMES]
            writer.writerow([round(cell, DIGITS) if isinstance(cell, float) else cell for cell in cells])


def read_rows(path: Path) -> list[Row]:
    """Rows of a file; raises `InputError` naming row and column."""
    if not path.is_file():
        raise InputError(str(path), None, None, "no such file; `victor-sim calibrate` records one")
    found = []
    with refused_where_broken(path), path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        missing = [name for name in NAMES if name not in (reader.fieldnames or ())]
        if missing:
            raise InputError(str(path), 1, missing[0], f"a column is missing; accepted is a header of {NAMES}")
        for number, cells in enumerate(reader, 2):
            values: dict[str, object] = {}
            for field in dataclasses.fields(Row):
                kind = {"int": int, "float": float, "str": str}[str(field.type)]
                try:
                    values[field.name] = kind(cells[field.name])
                except (TypeError, ValueError):
                    raise InputError(
                        str(path), number, field.name, f"{cells[field.name]!r} is no {kind.__name__}"
                    ) from None
            found.append(Row(**values))  # type: ignore[arg-type] # by name, each as its field says
    return found

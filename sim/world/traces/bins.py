"""Reading load known as bins: a CSV of start (s), requests per second and inter-arrival CV, with or without a header.

Further columns are not read (ServeGen's files, alibaba/ServeGen, carry a fitted family behind). A bin lasts until the
next one starts, the last as long as the one before it. An empty bin may leave out its CV or give 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from sim.errors import InputError
from sim.world.traces.lines import Lines, records
from sim.world.traces.sources import missing

COLUMNS = ("start", "rate", "cv")
ACCEPTED = (
    "seconds that grow from row to row",
    "requests a second, 0 or more",
    "a coefficient of variation, 0 or more",
)


@dataclass(frozen=True, slots=True)
class Bin:
    """A stretch of the file's time with its load."""

    starts_at: float
    ends_at: float
    rate_per_s: float
    cv: float


def read_bins(path: str) -> list[Bin]:
    """Every bin in order; raises `InputError` naming row and column."""
    if not Path(path).is_file():
        raise InputError(path, None, None, missing(path))
    rows: list[tuple[float, float, float]] = []
    with Lines(path) as lines:
        for cells in records(lines):
            if not cells or (lines.number == 1 and _is_header(cells)):
                continue
            start, rate, cv = (_value(path, lines.number, cells, column) for column in range(3))
            if rows and not start > rows[-1][0]:
                raise _refused(path, lines.number, cells, 0)
            rows.append((start, rate, cv))
    if len(rows) < 2:
        raise InputError(path, None, None, f"{len(rows)} bins; two or more are needed (start s, requests/s, CV a row)")
    starts = [start for start, _, _ in rows]
    ends = [*starts[1:], 2.0 * starts[-1] - starts[-2]]
    return [Bin(start, end, rate, cv) for (start, rate, cv), end in zip(rows, ends, strict=True)]


def _is_header(cells: list[str]) -> bool:
    try:
        float(cells[0])
    except ValueError:
        return True
    return False


def _value(path: str, number: int, cells: list[str], column: int) -> float:
    try:
        value = float(cells[column])
    except (ValueError, IndexError):
        raise _refused(path, number, cells, column) from None
    if not math.isfinite(value) or (column > 0 and value < 0.0):
        raise _refused(path, number, cells, column)
    return value


def _refused(path: str, number: int, cells: list[str], column: int) -> InputError:
    text = cells[column] if column < len(cells) else ""
    return InputError(path, number, COLUMNS[column], f"{text!r} is not accepted; accepted is {ACCEPTED[column]}")

"""A request trace from any CSV, row by row: instants, and where present tokens, durations, types and keys.

Rows are streamed; `Place` brings a reader back to a row, so that a block is read again without reading what lies before
it. A row that cannot be read raises `InputError` with file, row (the header is row 1), column and what is accepted. So
does an instant before the one above it: requests are served in the order of arrival, and a file that is not in this
order was sorted by something else or lost rows; sort it by time first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from sim.errors import InputError
from sim.world.params import ColumnParams
from sim.world.traces import header, instants
from sim.world.traces.lines import Lines, records
from sim.world.traces.sources import EXAMPLE, missing

TOKENS_DIGITS_MAX = 9  # a count of tokens fits into 32 bits
BACKWARD = "an instant not before that of the row above (sort the file by time)"


class TraceRow(NamedTuple):
    """One request: its line, seconds since the first row, and what the trace's columns say (zero where it has none)."""

    line: int
    at: float
    prompt_tokens: int = 0
    output_tokens: int = 0
    service_s: float = 0.0
    type: str = ""
    key: int = 0


class Place(NamedTuple):
    """Where a row begins: byte offset and the number of lines before it."""

    offset: int
    line: int


class TraceReader:
    """Opens the file and understands its header and its first row; `rows` and `scan` stream.

    `names` are the columns, `columns` maps a field to its index, `time_unit` is the unit found.
    """

    def __init__(self, path: str, columns: ColumnParams, time_unit: str = "auto") -> None:
        if not Path(path).is_file():
            raise InputError(path, None, None, missing(path), EXAMPLE)
        self.path = path
        with Lines(path) as lines:
            first = next(lines, "")
            self._delimiter, self.names = header.delimiter_of(first), header.split(path, first)
            self._start = Place(lines.offset, lines.number)
            cells = next((cells for cells in records(lines, self._delimiter) if cells), None)
            if not any(self.names) or cells is None:
                problem = "no requests; accepted is a CSV with a header and one row a request"
                raise InputError(path, None, None, problem, EXAMPLE)
            self.columns = header.find(path, self.names, columns)
            text = self._cell(cells, "time", lines.number)
            try:
                self.time_unit = instants.unit_of(text, time_unit)
            except ValueError:
                raise self.refused(lines.number, "time", text, instants.ACCEPTED) from None
        others = [field for field in TraceRow._fields[2:] if field in self.columns]
        self._parsers: list[tuple[str, int, Callable[[str], Any], str]] = [
            (field, self.columns[field], *PARSERS[field]) for field in others
        ]
        self.origin = 0
        self.origin = self.parse(cells, lines.number)[0]

    def understood(self) -> dict[str, str]:
        """Field -> the name of the column that holds it."""
        return {field: self.names[index] for field, index in self.columns.items()}

    def records(self, place: Place | None = None) -> Iterator[tuple[Place, int, list[str]]]:
        """From `place` on: where a record begins, its line, its cells; blank lines are left out."""
        offset, number = place or self._start
        with Lines(self.path, offset, number) as lines:
            for cells in records(lines, self._delimiter):
                if cells:
                    yield Place(offset, number), lines.number, cells
                offset, number = lines.offset, lines.number

    def parse(self, cells: list[str], line: int) -> tuple[int, TraceRow]:
        """Picoseconds of the instant, and the row; raises `InputError`."""
        text = self._cell(cells, "time", line)
        try:
            ticks = instants.ticks(text, self.time_unit)
        except ValueError:
            raise self.refused(line, "time", text, f"{instants.ACCEPTED}, in {self.time_unit}") from None
        values: dict[str, Any] = {}
        for field, index, parse, accepted in self._parsers:
            try:
                values[field] = parse(cells[index].strip())
            except (ValueError, IndexError):
                raise self.refused(line, field, self._cell(cells, field, line), accepted) from None
        return ticks, TraceRow(line, (ticks - self.origin) / instants.TICKS_PER_S, **values)

    def scan(self) -> Iterator[tuple[Place, TraceRow]]:
        """Every row in order, with its place; raises `InputError` at the first that is broken or goes backward."""
        before = self.origin
        for place, line, cells in self.records():
            ticks, row = self.parse(cells, line)
            if ticks < before:
                raise self.refused(line, "time", self._cell(cells, "time", line), BACKWARD)
            before = ticks
            yield place, row

    def rows(self) -> Iterator[TraceRow]:
        """Every row in order."""
        for _, row in self.scan():
            yield row

    def rows_from(self, place: Place) -> Iterator[TraceRow]:
        """The rows from `place` on (which a scan has found good)."""
        for _, line, cells in self.records(place):
            yield self.parse(cells, line)[1]

    def refused(self, line: int, field: str, text: str, accepted: str) -> InputError:
        """The error of a cell."""
        column = self.names[self.columns[field]]
        return InputError(self.path, line, column, f"{text!r} is not accepted; accepted is {accepted}")

    def _cell(self, cells: list[str], field: str, line: int) -> str:
        index = self.columns[field]
        if index >= len(cells):
            problem = f"the row has {len(cells)} of {len(self.names)} columns"
            raise InputError(self.path, line, self.names[index], problem)
        return cells[index].strip()


def _tokens(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= TOKENS_DIGITS_MAX):
        raise ValueError
    return int(text) or 1  # a request holds at least one token each way


def _seconds(text: str) -> float:
    value = float(text)
    if not 0.0 <= value < float("inf"):
        raise ValueError
    return value


def _word(text: str) -> str:
    if not text:
        raise ValueError
    return text


def key_of(text: str) -> int:
    """An affinity key from text, the same in every process, below 2**62."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little") & (2**62 - 1)


PARSERS: dict[str, tuple[Callable[[str], Any], str]] = {
    "prompt_tokens": (_tokens, f"a count of tokens, 0 or more, of at most {TOKENS_DIGITS_MAX} digits"),
    "output_tokens": (_tokens, f"a count of tokens, 0 or more, of at most {TOKENS_DIGITS_MAX} digits"),
    "service_s": (_seconds, "seconds, 0 or more"),
    "type": (_word, "the name of an agent type"),
    "key": (key_of, "any text"),
}

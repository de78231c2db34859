"""What recorded load is written in, and a plain CSV of whatever it is: access logs, Parquet, anything gzip-compressed.

A trace is read in blocks, again and again from places in the middle, so that what is no plain CSV is turned into one
once, streaming, under a name that holds what it was made from (its bytes and the columns asked for). Lines of an access
log and rows of Parquet that cannot be read are left out, counted, and the first of them named; where they are more than
`REJECTED_SHARE_MAX` of all, the file is refused. A compressed CSV is unpacked as it is: a broken row is an error later.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import os
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, cast

from sim.errors import InputError
from sim.world.params import ColumnParams
from sim.world.traces import access_log, parquet
from sim.world.traces.facts import REJECTED_KEPT_MAX, Rejected
from sim.world.traces.lines import LINE_MAX
from sim.world.traces.sources import EXAMPLE, missing

GZIP, PARQUET = b"\x1f\x8b", b"PAR1"
CSV, LOG, TABLE = "CSV", "access log", "Parquet"
LOOKED_AT = 20  # lines, to tell an access log from a CSV
REJECTED_SHARE_MAX = 0.1
UNPACKED_BYTES_MAX = 200 * 10**9
VERSION = 1  # of what a copy holds
BLOCK = 1 << 20


@dataclass(slots=True)
class Plain:
    """A CSV to read, and what it was: `rejected` are the first lines (rows) that were left out."""

    path: str
    kind: str = CSV
    compressed: bool = False
    rows: int = 0
    rejected: list[Rejected] = field(default_factory=list)
    rejected_count: int = 0
    notes: list[str] = field(default_factory=list)

    def reject(self, line: int, reason: str) -> None:
        """A line is left out."""
        self.rejected_count += 1
        if len(self.rejected) < REJECTED_KEPT_MAX:
            self.rejected.append(Rejected(line, reason))

    @property
    def told(self) -> str:
        """The format in words."""
        return f"{self.kind}, gzip" if self.compressed else self.kind


def kind_of(path: str) -> tuple[str, bool]:
    """What a file is, and whether it is compressed; raises `InputError` for one that is not there or broken."""
    if not Path(path).is_file():
        raise InputError(path, None, None, missing(path), EXAMPLE)
    with open(path, "rb") as file:
        compressed = file.read(2) == GZIP
    with _opened(path, compressed) as file:
        try:
            head = file.read(4)
            lines = [head + file.readline(LINE_MAX), *(file.readline(LINE_MAX) for _ in range(LOOKED_AT))]
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise _broken(path, error) from None
    if head == PARQUET:
        return TABLE, compressed
    texts = [line.decode("utf-8", "replace") for line in lines if line.strip()]
    matched = sum(access_log.LINE(text.rstrip("\r\n")) is not None for text in texts)
    return (LOG if matched and 2 * matched >= len(texts) else CSV), compressed


def plain_copy(path: str, folder: Path, columns: ColumnParams) -> Plain:
    """A plain CSV: the file itself, or its copy in `folder`, made where it is not there yet.

    Raises `InputError` for a file that is not there, broken, or for the most part not understood; `ConfigError` for a
    named column that it has not, or where pyarrow is absent.
    """
    kind, compressed = kind_of(path)
    if kind == CSV and not compressed:
        return Plain(path)
    if kind == TABLE and compressed:
        raise InputError(path, None, None, "Parquet inside gzip; accepted is the unpacked file")
    target = folder / f"{Path(path).name[:60]}-{_digest(path, columns)}.csv"
    facts = target.with_suffix(".json")
    if not (target.is_file() and facts.is_file()):
        _make(Plain(path, kind, compressed), target, facts, columns)
    told = json.loads(facts.read_text(encoding="utf-8"))
    told["rejected"] = [Rejected(**one) for one in told["rejected"]]
    return Plain(**{**told, "path": str(target)})


def _make(plain: Plain, target: Path, facts: Path, columns: ColumnParams) -> None:
    """Both files whole or not at all; the facts come last, and without them the copy does not count."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_suffix(f".{os.getpid()}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as out:
            if plain.kind == CSV:
                _unpack(plain, out)
            else:
                writer = csv.writer(out, lineterminator="\n")
                lines = _log_rows(plain, columns) if plain.kind == LOG else _table_rows(plain, columns)
                for row in lines:
                    plain.rows += 1
                    writer.writerow(row)
                plain.rows -= 1  # the header
                _enough(plain)
        part.replace(target)
        part.write_text(json.dumps(asdict(plain)), encoding="utf-8")
        part.replace(facts)
    finally:
        part.unlink(missing_ok=True)


def _unpack(plain: Plain, out: io.TextIOBase) -> None:
    raw = cast("Any", out).buffer
    for block in _blocks(plain.path, _opened(plain.path, True)):
        raw.write(block)


def _blocks(path: str, file: BinaryIO) -> Iterator[bytes]:
    total = 0
    with file:
        try:
            while block := file.read(BLOCK):
                total += len(block)
                if total > UNPACKED_BYTES_MAX:
                    raise InputError(path, None, None, f"more than {UNPACKED_BYTES_MAX:,} bytes unpacked")
                yield block
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise _broken(path, error) from None


def _log_rows(plain: Plain, asked: ColumnParams) -> Iterator[list[str]]:
    entries = _entries(plain)
    first = next(entries, None)
    if first is None:
        raise InputError(plain.path, None, None, f"no requests; accepted is {access_log.ACCEPTED}", EXAMPLE)
    columns = access_log.columns_of(first[1], asked)
    if columns.automatic:
        plain.notes.append(f"service_s is {columns.automatic}: the time to answer, the server's own queueing included")
    plain.notes.append("instants have whole seconds; the requests of one are spread evenly over it")
    yield columns.names

    def rows() -> Iterator[access_log.Row]:
        for line, entry in chain([first], entries):
            yield from _row(plain, line, entry, columns)

    late: list[int] = []
    for cells in access_log.spread(access_log.ordered(rows(), late)):
        yield cells
        while late:
            plain.reject(late.pop(), f"more than {access_log.REORDER_MAX:,} lines out of order")
    for line in late:
        plain.reject(line, f"more than {access_log.REORDER_MAX:,} lines out of order")


def _row(plain: Plain, line: int, entry: access_log.Entry, columns: access_log.LogColumns) -> Iterator[access_log.Row]:
    try:
        yield entry.second, line, access_log.cells_of(entry, columns)
    except access_log.BadLine as error:
        plain.reject(line, str(error))


def _entries(plain: Plain) -> Iterator[tuple[int, access_log.Entry]]:
    """Lines that are understood, with their number."""
    number, rest = 0, b""
    for block in _blocks(plain.path, _opened(plain.path, plain.compressed)):
        *lines, rest = (rest + block).split(b"\n")
        for line in lines:
            number += 1
            yield from _entry(plain, number, line)
        if len(rest) > LINE_MAX:
            raise InputError(plain.path, number + 1, None, f"a line of more than {LINE_MAX} bytes")
    yield from _entry(plain, number + 1, rest)


def _entry(plain: Plain, number: int, line: bytes) -> Iterator[tuple[int, access_log.Entry]]:
    if line.strip():
        try:
            yield number, access_log.parse(line.decode("utf-8", "replace"))
        except access_log.BadLine as error:
            plain.reject(number, str(error))


def _table_rows(plain: Plain, columns: ColumnParams) -> Iterator[list[Any]]:
    names, rows = parquet.table(plain.path, columns)
    yield list(names)
    for number, row in enumerate(rows, 1):
        if None in row:
            plain.reject(number, f"no {names[row.index(None)]}")
        else:
            yield row


def _enough(plain: Plain) -> None:
    total = plain.rows + plain.rejected_count
    if plain.rows < 1 or plain.rejected_count > REJECTED_SHARE_MAX * total:
        first = plain.rejected[0] if plain.rejected else None
        why = "" if first is None else f"; the first is {first.line}: {first.reason}"
        problem = f"{plain.rejected_count:,} of {total:,} lines cannot be read, at most a tenth may be left out{why}"
        row = None if first is None else first.line
        raise InputError(plain.path, row, None, problem if total else "no requests", EXAMPLE)


def _opened(path: str, compressed: bool) -> BinaryIO:
    return cast("BinaryIO", gzip.open(path, "rb")) if compressed else open(path, "rb")


def _broken(path: str, error: Exception) -> InputError:
    return InputError(path, None, None, f"a gzip file that cannot be unpacked ({error or type(error).__name__})")


def _digest(path: str, columns: ColumnParams) -> str:
    state = hashlib.blake2b(f"{VERSION} {asdict(columns)}".encode(), digest_size=12)
    with open(path, "rb") as file:
        while block := file.read(BLOCK):
            state.update(block)
    return state.hexdigest()

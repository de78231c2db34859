"""Lines of a text file with their number and byte offset, so that a reader can come back to a place it has seen.

`csv.reader` takes no more lines than the record needs, so that after each record `offset` is where the next one
begins. Text is UTF-8; a line longer than LINE_MAX bytes is no CSV.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from types import TracebackType

from sim.errors import InputError

LINE_MAX = 100_000
MARK = b"\xef\xbb\xbf"  # a byte order mark, as spreadsheets write it


class Lines(Iterator[str]):
    """Iterates over the lines from (`offset`, `number` lines before it); a context manager."""

    def __init__(self, path: str, offset: int = 0, number: int = 0) -> None:
        self.path, self.offset, self.number = path, offset, number
        self._file = open(path, "rb")  # noqa: SIM115 (closed by __exit__)
        self._file.seek(offset)

    def __enter__(self) -> Lines:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def __next__(self) -> str:
        line = self._file.readline(LINE_MAX + 1)
        if not line:
            raise StopIteration
        self.number += 1
        if len(line) > LINE_MAX:
            raise InputError(self.path, self.number, None, f"a line of more than {LINE_MAX} bytes; accepted is a CSV")
        if self.offset == 0:
            line = line.removeprefix(MARK)
            self.offset = self._file.tell()
        else:
            self.offset += len(line)
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError:
            raise InputError(self.path, self.number, None, "not UTF-8 text") from None
        if "\0" in text:
            raise InputError(self.path, self.number, None, "a zero byte; accepted is a CSV in UTF-8")
        return text


def records(lines: Lines, delimiter: str = ",") -> Iterator[list[str]]:
    """The cells of every record, blank lines included as []; raises `InputError` where the quoting is broken."""
    cells = csv.reader(lines, delimiter=delimiter)
    while True:
        try:
            yield next(cells)
        except StopIteration:
            return
        except csv.Error as error:
            raise InputError(lines.path, lines.number, None, f"{error}; accepted is a CSV") from None

"""A journal on disk: one line a record, `checksum number json`, each on the disk before `append` returns.

The checksum (blake2b, 16 hex digits) covers number and text, so that no line passes for another. A write that was cut
short can only harm the tail: bad lines after the last good one are cut off and counted when the file is opened. A bad
line before a good one is damage that no crash explains, and is refused (`InputError`). A rewrite goes to a new file,
which is synced, takes the name, and has its folder synced. What fails is raised, and the journal takes nothing more.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sim.errors import FleetError, InputError
from sim.scalability.manager.assignment import Record
from sim.scalability.manager.journal import RECORDS_MAX, text_of


class FileJournal:
    """A `JournalSink` in a file, made if it is not there. Raises `InputError` for a file that is corrupt."""

    def __init__(self, path: Path, records_max: int = RECORDS_MAX) -> None:
        self.path, self.records_max = path, records_max
        self.cut_records = 0  # of the tail, when the file was opened
        self.cut_bytes = 0
        self._failed = ""
        is_new = not path.exists()
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            if is_new:
                _sync_folder(path.parent)
            self._count = len(self._recover())
        except BaseException:
            os.close(self._file)
            raise

    def append(self, record: Record) -> None:
        """One more record, synced; raises TypeError or ValueError if it is not JSON, `FleetError` after a failure."""
        self.extend((record,))

    def extend(self, records: Iterable[Record]) -> None:
        """More records with one sync for all of them; raises as `append`, and then keeps none."""
        lines = [_line(self._count + number, text_of(record)) for number, record in enumerate(records)]
        self._check()
        try:
            _write(self._file, b"".join(lines))
            os.fsync(self._file)
        except OSError as error:
            self._fail(error)
        self._count += len(lines)

    def rewrite(self, records: Iterable[Record]) -> None:
        """These records instead of all: the old file stays whole until the new one is."""
        lines = [_line(number, text_of(record)) for number, record in enumerate(records)]
        self._check()
        fresh = self.path.with_name(self.path.name + ".new")
        try:
            file = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
            try:
                _write(file, b"".join(lines))
                os.fsync(file)
                fresh.replace(self.path)
            except OSError:
                os.close(file)
                raise
            os.close(self._file)
            self._file = file
            _sync_folder(self.path.parent)
        except OSError as error:
            self._fail(error)
        self._count = len(lines)

    def records(self) -> list[dict[str, Any]]:
        """All records, oldest first."""
        return self._recover()

    def close(self) -> None:
        """Nothing can be written any more."""
        if self._file >= 0:
            os.close(self._file)
            self._file, self._failed = -1, "it is closed"

    def __len__(self) -> int:
        return self._count

    def _recover(self) -> list[dict[str, Any]]:
        """Read all, cut a bad tail off; raises `InputError` for a bad line before a good one."""
        lines = self.path.read_bytes().split(b"\n")
        found: list[dict[str, Any]] = []
        bad_at: int | None = None
        good_bytes = 0
        for index, line in enumerate(lines[:-1]):
            parsed = _parse(line)
            if parsed is None:
                bad_at = index if bad_at is None else bad_at
                continue
            number, record = parsed
            if bad_at is not None or number != len(found):
                row = index + 1 if bad_at is None else bad_at + 1
                raise InputError(str(self.path), row, None, "a corrupt or missing record in the middle of the journal")
            found.append(record)
            good_bytes += len(line) + 1
        rest = sum(len(line) + 1 for line in lines) - 1 - good_bytes
        if rest:
            self.cut_records += len(lines) - len(found) - (not lines[-1])
            self.cut_bytes += rest
            os.ftruncate(self._file, good_bytes)
            os.fsync(self._file)
        return found

    def _check(self) -> None:
        if self._failed:
            raise FleetError(f"journal {self.path.name}: {self._failed}")

    def _fail(self, error: OSError) -> None:
        self._failed = f"takes nothing since a write failed: {error.strerror or error}"
        raise FleetError(f"journal {self.path.name}: {self._failed}") from error


def _line(number: int, text: str) -> bytes:
    body = f"{number} {text}".encode()
    return hashlib.blake2b(body, digest_size=8).hexdigest().encode() + b" " + body + b"\n"


def _parse(line: bytes) -> tuple[int, dict[str, Any]] | None:
    """Number and record of a good line."""
    checksum, _, body = line.partition(b" ")
    if hashlib.blake2b(body, digest_size=8).hexdigest().encode() != checksum:
        return None
    number, _, text = body.partition(b" ")
    return int(number), json.loads(text)


def _write(file: int, data: bytes) -> None:
    """All of it: a write may take only a part."""
    while data:
        data = data[os.write(file, data) :]


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

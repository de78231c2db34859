"""The journal of assignments: every change is on record before anybody outside can have seen it.

A sink keeps the records (a list here; `journal_file` for a process that may die). `Journal` adds them up on the side,
so that a long history can be replaced by one snapshot at any moment: a sink never holds more than `records_max`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from sim.scalability.manager.assignment import Assignment, Record

RECORDS_MAX = 100_000  # after which a history is replaced by a snapshot
_encode = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode


class JournalSink(Protocol):
    """Keeps records in order. What `append` and `rewrite` returned from survives."""

    records_max: int

    def append(self, record: Record) -> None:
        """One more record; raises TypeError or ValueError, and keeps nothing, if it is not JSON."""

    def rewrite(self, records: Iterable[Record]) -> None:
        """These records instead of all."""

    def records(self) -> list[dict[str, Any]]:
        """All records, oldest first, as copies."""

    def __len__(self) -> int: ...


class MemoryJournal:
    """A `JournalSink` that lives as long as this process; records are kept as JSON, so that none shares an object."""

    def __init__(self, records_max: int = RECORDS_MAX) -> None:
        self.records_max = records_max
        self._texts: list[str] = []

    def append(self, record: Record) -> None:
        """One more record; raises TypeError or ValueError if it is not JSON."""
        self._texts.append(text_of(record))

    def rewrite(self, records: Iterable[Record]) -> None:
        """These records instead of all."""
        self._texts = [text_of(record) for record in records]

    def records(self) -> list[dict[str, Any]]:
        """All records, oldest first."""
        found: list[dict[str, Any]] = json.loads(f"[{','.join(self._texts)}]")
        return found

    def copied(self) -> MemoryJournal:
        """A journal of the same records that goes its own way from here on."""
        other = MemoryJournal(self.records_max)
        other._texts = self._texts[:]
        return other

    def __len__(self) -> int:
        return len(self._texts)


class Journal:
    """Writes to a sink and knows what its records add up to; `book` is what a history before it added up to."""

    def __init__(self, sink: JournalSink, book: Assignment | None = None) -> None:
        self.sink = sink
        self.book = Assignment() if book is None else book
        if book is not None:
            self.compact()

    def note(self, record: Mapping[str, Any]) -> None:
        """One change; raises TypeError or ValueError, and keeps nothing, if it is not JSON."""
        self.sink.append(record)
        self.book.apply(record)
        if len(self.sink) > self.sink.records_max:
            self.compact()

    def compact(self) -> None:
        """One snapshot instead of the history."""
        self.sink.rewrite([self.book.as_record()])


def text_of(record: Record) -> str:
    """A record on one line; raises TypeError or ValueError if it is not JSON."""
    return _encode(dict(record))

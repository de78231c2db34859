"""The event log: rare control events with their reason, in order, and a digest over all of them.

The digest is blake2b over a canonical text (floats as hex, fields sorted by name), so that the same seed gives the
same digest in another process and under another hash seed. At most `rows_max` rows are kept; the digest covers all.
"""

from __future__ import annotations

import hashlib
from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One control event; `at` in seconds of the runtime's clock."""

    at: float
    kind: str
    subject: str
    fields: tuple[tuple[str, object], ...]


def canonical(value: object) -> str:
    """A text that is the same in every process."""
    if isinstance(value, float):
        return value.hex()
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{canonical(value[key])}" for key in sorted(value)) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(canonical(item) for item in value) + "]"
    if isinstance(value, set | frozenset):
        return "[" + ",".join(sorted(canonical(item) for item in value)) + "]"
    return f"{type(value).__name__}:{value}"


class EventLog:
    """Implements `sim.contracts.EventSink`."""

    def __init__(self, rows_max: int = 100_000) -> None:
        self.rows: deque[Row] = deque(maxlen=rows_max)
        self.count = 0
        self._state = hashlib.blake2b(digest_size=16)

    def write(self, at: float, kind: str, subject: str, **fields: object) -> None:
        """Append one event."""
        row = Row(at, kind, subject, tuple(sorted(fields.items())))
        self.rows.append(row)
        self.count += 1
        text = "|".join([at.hex(), kind, subject, *(f"{key}={canonical(value)}" for key, value in row.fields)])
        self._state.update(text.encode() + b"\n")

    def digest(self) -> str:
        """Hex digest of everything written so far."""
        return self._state.hexdigest()

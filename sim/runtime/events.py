"""The event log: rare control events with their reason, in order, and a digest over all of them.

The digest is blake2b over a canonical text: floats as hex, names sorted, every text with its length, so that two
different logs never read the same, and the same seed gives the same digest in another process and under another
hash seed. A value whose text could differ between processes (an object that prints its address) is refused.
At most `rows_max` rows are kept, the newest; the digest and `count` cover all.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable
from enum import Enum
from typing import Any, NamedTuple

import numpy as np


class Row(NamedTuple):
    """One control event; `at` in seconds of the runtime's clock, `fields` sorted by name."""

    at: float
    kind: str
    subject: str
    fields: tuple[tuple[str, Any], ...]


def canonical(value: object) -> str:
    """A text that is the same in every process and differs for different values.

    Takes None, bool, int, float, str, enums, numpy scalars, and lists, tuples, sets and dicts of these; a list and a
    tuple of the same items read the same. Raises TypeError, naming the type, for anything else.
    """
    kind = type(value)
    if kind is str:  # most values by far, and every name
        return f"s{len(value)}:{value}"  # type: ignore[arg-type]
    if kind is float:
        return f"f{value.hex()}"  # type: ignore[attr-defined]
    if kind is int:
        return f"i{value}"
    match value:
        case None | bool():
            return str(value)
        case Enum():
            return f"{type(value).__name__}.{value.name}"
        case np.generic():
            return canonical(value.item())
        case int():
            return f"i{int(value)}"
        case float():
            return f"f{float(value).hex()}"
        case str():
            return f"s{len(value)}:{value}"
        case list() | tuple():
            return "[" + ",".join([canonical(item) for item in value]) + "]"
        case set() | frozenset():
            return "{" + ",".join(sorted([canonical(item) for item in value])) + "}"
        case dict():
            return "{" + ",".join(sorted([f"{canonical(key)}={canonical(item)}" for key, item in value.items()])) + "}"
    raise TypeError(f"an event cannot hold a {type(value).__qualname__}: its text may differ between processes")


class EventLog:
    """Implements `sim.contracts.EventSink`."""

    def __init__(self, rows_max: int = 100_000) -> None:
        self.rows: deque[Row] = deque(maxlen=rows_max)
        self.count = 0
        self.listeners: list[Callable[[Row], None]] = []  # hear of every event once it is written
        self._state = hashlib.blake2b(digest_size=16)

    def write(self, at: float, kind: str, subject: str, /, **fields: object) -> None:
        """Append one event at an instant of the runtime's clock; raises TypeError for a value that is not plain."""
        at = float(at)
        pairs = tuple(sorted(fields.items()))
        told = ",".join([f"[s{len(name)}:{name},{canonical(value)}]" for name, value in pairs])
        text = f"[f{at.hex()},{canonical(kind)},{canonical(subject)},[{told}]]\n"  # as a list of the four
        self._state.update(text.encode())
        row = Row(at, kind, subject, pairs)
        self.rows.append(row)
        self.count += 1
        for listener in self.listeners:
            listener(row)

    def digest(self) -> str:
        """Hex digest (32 digits) of everything written so far."""
        return self._state.hexdigest()

"""Two records of one run, compared bit by bit: every column of every table, every scalar, and where they part first.

What is compared is what the records hold: their fields are walked, so that a new column is compared without being
named here. Left out is what is not of the run itself: the engine's name, and the seconds it took.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from sim.types.records import RunRecord

NOT_COMPARED = ("engine", "wall_s", "events_count", "notes")


@dataclass(frozen=True, slots=True)
class Difference:
    """A column or scalar that differs: how often, the first row (None: a scalar), and what both sides hold there."""

    name: str
    rows_count: int
    row: int | None
    one: str
    other: str

    def __str__(self) -> str:
        where = "" if self.row is None else f" in {self.rows_count} rows, first in row {self.row}"
        return f"{self.name}{where}: {self.one} and {self.other}"


def differences(one: RunRecord, other: RunRecord) -> list[Difference]:
    """What two records of one run do not have in common; empty when they are equal bit by bit."""
    return list(_walk("", one, other))


def _walk(prefix: str, one: Any, other: Any) -> Iterator[Difference]:
    for field in dataclasses.fields(one):
        if not prefix and field.name in NOT_COMPARED:
            continue
        name, mine, its = prefix + field.name, getattr(one, field.name), getattr(other, field.name)
        if (mine is None) != (its is None):
            yield Difference(name, 1, None, _kept(mine), _kept(its))
        elif dataclasses.is_dataclass(mine):
            yield from _walk(f"{name}.", mine, its)
        elif isinstance(mine, np.ndarray):
            yield from _columns(name, mine, its)
        elif not _same(mine, its):
            yield Difference(name, 1, None, repr(mine), repr(its))


def _columns(name: str, mine: Any, its: Any) -> Iterator[Difference]:
    """Bits are compared, so that NaN equals NaN and -0.0 is not 0.0; an engine may choose a wider integer."""
    if len(mine) != len(its):
        yield Difference(name, abs(len(mine) - len(its)), None, f"{len(mine)} rows", f"{len(its)} rows")
        return
    its = its.astype(mine.dtype)
    bits = f"u{mine.dtype.itemsize}"
    rows = np.flatnonzero(np.ascontiguousarray(mine).view(bits) != np.ascontiguousarray(its).view(bits))
    if len(rows):
        row = int(rows[0])
        yield Difference(name, len(rows), row, repr(mine[row].item()), repr(its[row].item()))


def _same(mine: Any, its: Any) -> bool:
    return bool(mine == its) and repr(mine) == repr(its) if isinstance(mine, float) else bool(mine == its)


def _kept(value: Any) -> str:
    return "none" if value is None else "some"

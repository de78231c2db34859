"""Columns that lie side by side: field by field views of one array of records: an event touches few cache lines.

A record takes 32 bytes or a multiple of 64 and begins on a multiple of its size within the cache lines of 64 bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.kernel.arena import LINE_BYTES, blank, zeroed
from sim.kernel.fields import Fields

BLOCK_ROWS = 2048  # records that stay in the second cache while each of their columns is copied


def lay_records(
    obj: Fields, count: int, kinds: Mapping[str, Any], starts: Mapping[str, float] | None = None, cleared: bool = True
) -> None:
    """Give `obj` a column of `count` entries for each name of `kinds` (dtypes); all 0, or as `starts` says.

    With `cleared` False whatever stands there stays: for records that are filled whole when they are first used.
    """
    packed = np.dtype(list(kinds.items()), align=True)
    size = LINE_BYTES // 2 if packed.itemsize <= LINE_BYTES // 2 else -(-packed.itemsize // LINE_BYTES) * LINE_BYTES
    offsets = [packed.fields[name][1] for name in kinds]  # type: ignore[index]
    record = np.dtype({"names": list(kinds), "formats": list(kinds.values()), "offsets": offsets, "itemsize": size})
    table = (zeroed if cleared else blank)(count * size).view(record)
    for name in kinds:
        column = table[name]
        if starts and name in starts:
            column[:] = starts[name]
        setattr(obj, name, column)


def copied_records(old: Fields, new: Fields, kinds: Mapping[str, Any]) -> None:
    """The first entries of longer columns are those of shorter ones."""
    for name in kinds:
        column = getattr(old, name)
        getattr(new, name)[: len(column)] = column


def taken(obj: Fields, rows: NDArray[np.intp] | range, kinds: Mapping[str, Any]) -> dict[str, Any]:
    """The columns named, with the dtypes named, of these rows in their order: each record is fetched once."""
    count = len(rows)
    found = blank_columns(count, kinds)
    run = isinstance(rows, range) or is_run(rows)
    first = int(rows[0]) if run and count else 0
    for start in range(0, count, BLOCK_ROWS):
        end = min(start + BLOCK_ROWS, count)
        where: Any = slice(first + start, first + end) if run else rows[start:end]
        for name, column in found.items():
            column[start:end] = getattr(obj, name)[where]
    return found


def blank_columns(count: int, kinds: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    """New columns of `count` entries with whatever stands there, in one piece of memory, each from a cache line on."""
    sizes = {name: -(-count * np.dtype(kind).itemsize // LINE_BYTES) * LINE_BYTES for name, kind in kinds.items()}
    memory, first = blank(sum(sizes.values())), 0
    found = {}
    for name, kind in kinds.items():
        found[name] = memory[first : first + count * np.dtype(kind).itemsize].view(kind)
        first += sizes[name]
    return found


def is_run(rows: NDArray[np.intp]) -> bool:
    """Whether each row is the one after the last."""
    return len(rows) > 0 and int(rows[-1]) - int(rows[0]) == len(rows) - 1 and bool((rows[1:] > rows[:-1]).all())


def in_order(request: NDArray[np.int64], attempt: NDArray[np.int16]) -> bool:
    """Whether rows stand by (request, attempt) already, as they do where few are tried again."""
    count = len(request)
    blocks = (slice(start, min(start + BLOCK_ROWS + 1, count)) for start in range(0, max(count - 1, 1), BLOCK_ROWS))
    return all(_in_order(request[block], attempt[block]) for block in blocks)


def _in_order(request: NDArray[np.int64], attempt: NDArray[np.int16]) -> bool:
    later = request[1:] > request[:-1]
    return bool(later.all() or (later | ((request[1:] == request[:-1]) & (attempt[1:] > attempt[:-1]))).all())

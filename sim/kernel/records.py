"""Columns that lie side by side: field by field views of one array of records: an event touches few cache lines.

A record takes 32 bytes or a multiple of 64 and begins on a multiple of its size within the cache lines of 64 bytes.
"""

from __future__ import annotations

import mmap
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.kernel.fields import Fields

LINE_BYTES, HUGE_BYTES, HUGE_FROM_BYTES = 64, 1 << 21, 1 << 18
BLOCK_ROWS = 4096  # records that stay in the second cache while each of their columns is copied


def lay_records(obj: Fields, count: int, kinds: Mapping[str, Any], starts: Mapping[str, float] | None = None) -> None:
    """Give `obj` a column of `count` entries for each name of `kinds` (dtypes); all 0, or as `starts` says."""
    packed = np.dtype(list(kinds.items()), align=True)
    size = LINE_BYTES // 2 if packed.itemsize <= LINE_BYTES // 2 else -(-packed.itemsize // LINE_BYTES) * LINE_BYTES
    offsets = [packed.fields[name][1] for name in kinds]  # type: ignore[index]
    record = np.dtype({"names": list(kinds), "formats": list(kinds.values()), "offsets": offsets, "itemsize": size})
    table = zeroed(count * size).view(record)
    for name in kinds:
        column = table[name]
        if starts and name in starts:
            column[:] = starts[name]
        setattr(obj, name, column)


def zeroed(size: int) -> NDArray[np.uint8]:
    """So many bytes of 0 that begin on a cache line, in huge pages where they are many (fewer misses of the TLB)."""
    if size < HUGE_FROM_BYTES or not hasattr(mmap, "MADV_HUGEPAGE"):
        memory = np.zeros(size + LINE_BYTES, dtype=np.uint8)
        first = -memory.ctypes.data % LINE_BYTES
    else:
        pages = mmap.mmap(-1, size + HUGE_BYTES, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)  # shared ones stay small
        pages.madvise(mmap.MADV_HUGEPAGE)
        memory = np.frombuffer(pages, dtype=np.uint8)
        first = -memory.ctypes.data % HUGE_BYTES
    return memory[first : first + size]


def copied_records(old: Fields, new: Fields, kinds: Mapping[str, Any]) -> None:
    """The first entries of longer columns are those of shorter ones."""
    for name in kinds:
        column = getattr(old, name)
        getattr(new, name)[: len(column)] = column


def taken(obj: Fields, rows: NDArray[np.intp], kinds: Mapping[str, Any]) -> dict[str, Any]:
    """The columns named, with the dtypes named, of these rows in their order: each record is fetched once."""
    count = len(rows)
    found = {name: np.empty(count, dtype=dtype) for name, dtype in kinds.items()}
    first = int(rows[0]) if count else 0
    run = count > 0 and int(rows[-1]) - first == count - 1 and bool((rows[1:] > rows[:-1]).all())
    for start in range(0, count, BLOCK_ROWS):
        end = min(start + BLOCK_ROWS, count)
        where: Any = slice(first + start, first + end) if run else rows[start:end]
        for name, column in found.items():
            column[start:end] = getattr(obj, name)[where]
    return found


def in_order(request: NDArray[np.int64], attempt: NDArray[np.int16]) -> bool:
    """Whether rows stand by (request, attempt) already, as they do where few are tried again."""
    later = request[1:] > request[:-1]
    return bool(later.all() or (later | ((request[1:] == request[:-1]) & (attempt[1:] > attempt[:-1]))).all())

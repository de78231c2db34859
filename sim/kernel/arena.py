"""Memory of large columns: huge pages, kept for the next run of the process once a run has given them back.

A page that is touched first must be found and cleared: .2 ms a MB, and ten times as much where a hypervisor has taken
the guest's free pages back meanwhile, which is more than a request's way through the kernel costs (128 bytes of rows a
request). So what a run gives back stays here, up to `KEPT_MAX_BYTES`, the oldest goes first; who asks gets the smallest
that is large enough and not `FIT_MAX` times as large (best fit; Knuth 1968, 2.5). Huge pages: fewer misses of the TLB.
"""

from __future__ import annotations

import mmap
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

LINE_BYTES, HUGE_BYTES, HUGE_FROM_BYTES = 64, 1 << 21, 1 << 18
KEPT_MAX_BYTES = 1 << 29
FIT_MAX = 2

_kept: list[mmap.mmap] = []  # oldest first


class Arena:
    """So many bytes from a multiple of `HUGE_BYTES` on, given back once no array looks at them any more."""

    __slots__ = ("_keep", "_pages", "first", "is_used", "size")

    def __init__(self, size: int) -> None:
        self.size, self._keep = size, keep  # at the end of the process names of modules go first
        found = find_kept(size)
        self.is_used = found is not None
        self._pages = new_pages(size) if found is None else found
        start = np.frombuffer(self._pages, dtype=np.uint8, count=1).ctypes.data
        self.first = start + -start % HUGE_BYTES

    @property
    def __array_interface__(self) -> dict[str, Any]:
        """How numpy knows it: bytes that may be written."""
        return {"data": (self.first, False), "shape": (self.size,), "typestr": "|u1", "version": 3}

    def __del__(self) -> None:
        self._keep(self._pages)


def new_pages(size: int) -> mmap.mmap:
    """Pages that nobody has touched, with room to begin on a huge one; all 0."""
    pages = mmap.mmap(-1, size + HUGE_BYTES, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)  # shared ones stay small
    pages.madvise(mmap.MADV_HUGEPAGE)
    return pages


def find_kept(size: int) -> mmap.mmap | None:
    """The smallest of the kept pages that fit, which are kept no more."""
    wanted = size + HUGE_BYTES
    fitting = [pages for pages in list(_kept) if wanted <= len(pages) <= FIT_MAX * wanted]
    found = min(fitting, key=len, default=None)
    if found is not None:
        try:
            _kept.remove(found)  # by what it is: meanwhile others may have come and gone (threads, the collector)
        except ValueError:
            return None
    return found


def keep(pages: mmap.mmap) -> None:
    """For a later run; the oldest go back to the system when there are too many."""
    _kept.append(pages)
    while kept_bytes() > KEPT_MAX_BYTES:
        with suppress(IndexError):
            _kept.pop(0)


def kept_bytes() -> int:
    """How much is kept and not in use."""
    return sum(len(pages) for pages in list(_kept))


def blank(size: int) -> NDArray[np.uint8]:
    """So many bytes that begin on a cache line, with whatever stands there."""
    if size < HUGE_FROM_BYTES or not hasattr(mmap, "MADV_HUGEPAGE"):
        memory = np.empty(size + LINE_BYTES, dtype=np.uint8)
        first = -memory.ctypes.data % LINE_BYTES
        return memory[first : first + size]
    return np.asarray(Arena(size))


def zeroed(size: int) -> NDArray[np.uint8]:
    """The same, all 0."""
    memory = blank(size)
    if not isinstance(memory.base, Arena) or memory.base.is_used:  # pages of the system are blank
        memory[:] = 0
    return memory

"""Memory of large columns: aligned, blank where it must be, kept for who asks next up to a bound."""

from __future__ import annotations

import mmap

import numpy as np
import pytest

from sim.kernel import arena
from sim.kernel.arena import HUGE_BYTES, LINE_BYTES, Arena, blank, kept_bytes, zeroed

LARGE = 3 * HUGE_BYTES


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arena, "_kept", [])


@pytest.mark.parametrize("size", [LINE_BYTES, HUGE_BYTES, HUGE_BYTES + LINE_BYTES])
def test_memory_is_blank_and_aligned_whether_large_or_small(size: int) -> None:
    memory = zeroed(size)
    assert len(memory) == size
    assert memory.ctypes.data % (LINE_BYTES if size < HUGE_BYTES else HUGE_BYTES) == 0
    assert not memory.any()
    memory[-1] = 3
    assert memory[-1] == 3


def test_what_was_given_back_serves_the_next_who_asks_and_is_blank_again() -> None:
    memory = zeroed(LARGE)
    memory[:] = 7
    where = memory.ctypes.data
    assert kept_bytes() == 0
    del memory
    assert kept_bytes() == LARGE + HUGE_BYTES
    again = blank(LARGE)
    assert (again.ctypes.data, int(again[-1])) == (where, 7)
    assert kept_bytes() == 0
    del again
    cleared = zeroed(LARGE - LINE_BYTES)
    assert cleared.ctypes.data == where
    assert not cleared.any()


def test_a_view_of_a_view_holds_the_memory() -> None:
    memory = zeroed(LARGE).view(np.float64)
    column = memory[8:16]
    del memory
    assert kept_bytes() == 0
    other = zeroed(LARGE)
    other[:] = 1
    assert column.tolist() == [0.0] * 8
    del column
    assert kept_bytes() == LARGE + HUGE_BYTES


def test_the_smallest_that_fits_is_taken_and_none_that_is_twice_as_large() -> None:
    sizes = [8 * HUGE_BYTES, 4 * HUGE_BYTES, 5 * HUGE_BYTES]
    held = [zeroed(size) for size in sizes]
    places = {size: memory.ctypes.data for size, memory in zip(sizes, held, strict=True)}
    held.clear()
    assert blank(4 * HUGE_BYTES - LINE_BYTES).ctypes.data == places[4 * HUGE_BYTES]
    before = kept_bytes()
    small = blank(HUGE_BYTES)
    assert small.ctypes.data not in places.values()
    assert kept_bytes() == before


def test_no_more_is_kept_than_the_bound_and_the_oldest_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arena, "KEPT_MAX_BYTES", 2 * (LARGE + HUGE_BYTES))
    held = [zeroed(LARGE) for _ in range(3)]
    places = [memory.ctypes.data for memory in held]
    while held:
        del held[0]
        assert kept_bytes() <= 2 * (LARGE + HUGE_BYTES)
    one, other = blank(LARGE), blank(LARGE)
    assert {one.ctypes.data, other.ctypes.data} == set(places[1:])


def test_pages_that_another_takes_meanwhile_are_not_taken_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    class Raced(list[mmap.mmap]):
        def remove(self, pages: mmap.mmap) -> None:
            self.clear()  # another thread was faster
            super().remove(pages)

    raced = Raced()
    monkeypatch.setattr(arena, "_kept", raced)
    memory = zeroed(LARGE)
    del memory
    assert len(raced) == 1
    again = zeroed(LARGE)
    assert isinstance(again.base, Arena)
    assert not again.base.is_used
    assert not raced

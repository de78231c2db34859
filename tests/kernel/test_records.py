"""Columns that lie side by side in records, and tables that are taken from them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from sim.kernel.arena import LINE_BYTES
from sim.kernel.fields import Fields
from sim.kernel.records import copied_records, in_order, lay_records, taken

SMALL = {"at": np.float64, "node": np.int32}
WIDE = {**dict.fromkeys("abcdefgh", np.float64), "last": np.int8}


class Board(Fields):
    __slots__ = (*WIDE, "at", "node")


def laid(count: int, kinds: Mapping[str, type]) -> Board:
    board = Board()
    lay_records(board, count, kinds)
    return board


@pytest.mark.parametrize(("kinds", "size"), [(SMALL, LINE_BYTES // 2), (WIDE, 2 * LINE_BYTES)])
def test_a_record_begins_on_a_line_and_fills_half_of_one_or_whole_ones(kinds: Mapping[str, type], size: int) -> None:
    board = laid(5, kinds)
    first = next(iter(kinds))
    start = getattr(board, first).ctypes.data
    assert start % LINE_BYTES == 0
    for name, kind in kinds.items():
        column = getattr(board, name)
        assert column.dtype == kind
        assert column.strides == (size,)
        assert 0 <= column.ctypes.data - start < size
        assert not column.any()


def test_columns_begin_as_they_are_told_and_do_not_overlap() -> None:
    board = Board()
    lay_records(board, 4, SMALL, {"node": -1})
    board.at[:] = [1.0, 2.0, 3.0, 4.0]
    assert board.node.tolist() == [-1] * 4
    board.node[2] = 7
    assert board.at.tolist() == [1.0, 2.0, 3.0, 4.0]


def test_longer_columns_begin_like_shorter_ones() -> None:
    short, long = laid(3, SMALL), laid(6, SMALL)
    short.node[:] = [4, 5, 6]
    copied_records(short, long, SMALL)
    assert long.node.tolist() == [4, 5, 6, 0, 0, 0]


@pytest.mark.parametrize("rows", [[], [2], [1, 2, 3, 4, 5, 6, 7], [0, 2, 1, 3], [6, 7, 0, 1, 2], [1, 1, 3]])
def test_what_is_taken_is_a_copy_of_the_rows_named_whatever_the_blocks(
    rows: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sim.kernel.records.BLOCK_ROWS", 3)
    board = laid(8, SMALL)
    board.at[:], board.node[:] = np.arange(8) / 4.0, np.arange(8) * 10
    found = taken(board, np.array(rows, dtype=np.intp), {"at": np.float64, "node": np.int64})
    board.at[:] = board.node[:] = 0
    assert found["at"].tolist() == [row / 4.0 for row in rows]
    assert found["node"].tolist() == [row * 10 for row in rows]
    assert (found["at"].dtype, found["node"].dtype) == (np.float64, np.int64)
    assert all(column.flags.c_contiguous for column in found.values())
    assert not rows or all(column.ctypes.data % LINE_BYTES == 0 for column in found.values())


def test_a_range_of_rows_is_taken_like_its_numbers() -> None:
    board = laid(8, SMALL)
    board.node[:] = np.arange(8)
    assert taken(board, range(2, 7), SMALL)["node"].tolist() == [2, 3, 4, 5, 6]
    assert taken(board, range(0), SMALL)["node"].tolist() == []


@pytest.mark.parametrize(
    ("rows", "sorted_already"),
    [
        ([], True),
        ([(4, 0)], True),
        ([(4, 0), (5, 0), (1 << 60, 0)], True),
        ([(4, 0), (4, 1), (5, 0)], True),
        ([(4, 0), (5, 0), (4, 1)], False),
        ([(4, 1), (4, 0)], False),
        ([(4, 0), (4, 0)], False),
    ],
)
def test_order_is_by_request_then_attempt(
    rows: list[tuple[int, int]], sorted_already: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sim.kernel.records.BLOCK_ROWS", 1)
    request = np.array([row[0] for row in rows], dtype=np.int64)
    attempt = np.array([row[1] for row in rows], dtype=np.int16)
    assert in_order(request, attempt) is sorted_already

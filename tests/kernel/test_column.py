"""Columns in compiled code: any width and stride, every index from 0 on, whole numbers as 64 bits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numba import types

from sim.kernel.column import ColumnType, is_column
from sim.kernel.fields import Fields
from sim.kernel.lower import entry
from sim.kernel.records import lay_records
from sim.kernel.structs import Structs, type_of

KINDS = {"at": np.float64, "large": np.int64, "middle": np.int32, "small": np.int16, "tiny": np.int8}


class Board(Fields):
    __slots__ = ("alone", *KINDS)


def shift(board: Any, row: int) -> int:
    """Every column of a row goes into the next row, made larger; gives what 32 bits do not hold."""
    board.at[row + 1] = board.at[row] + 0.5
    board.large[row + 1] = board.large[row] + 1
    board.middle[row + 1] = board.middle[row] - 1
    board.small[row + 1] = -board.small[row]
    board.tiny[row + 1] = board.tiny[row] + 3
    board.alone[row] = len(board.tiny) + len(board.alone)
    total: int = board.middle[row] + board.middle[row] + board.tiny[row]
    return total


@pytest.fixture
def board() -> Board:
    found = Board()
    lay_records(found, 4, KINDS)
    found.alone = np.zeros(9)
    found.at[1], found.large[1], found.middle[1], found.small[1], found.tiny[1] = 1.25, 1 << 40, 2**31 - 1, 300, -5
    return found


def state_of(board: Board) -> dict[str, list[float]]:
    return {name: getattr(board, name).tolist() for name in Board.__slots__}


def test_compiled_code_reads_and_writes_what_python_does(board: Board) -> None:
    run, structs = entry(shift, type_of(board), types.int64, (types.int64,)), Structs()
    total = run(structs.of(board).address, 1)
    compiled = state_of(board)
    assert compiled["at"] == [0.0, 1.25, 1.75, 0.0]
    assert compiled["middle"] == [0, 2**31 - 1, 2**31 - 2, 0]
    assert compiled["large"] == [0, 1 << 40, (1 << 40) + 1, 0]
    assert compiled["small"] == [0, 300, -300, 0]
    assert compiled["tiny"] == [0, -5, -2, 0]
    assert total == 2 * (2**31 - 1) - 5  # more than 32 bits hold
    assert compiled["alone"][1] == 13.0


def test_a_column_of_another_stride_is_another_type(board: Board) -> None:
    packed = Board()
    for name, kind in KINDS.items():
        setattr(packed, name, np.zeros(4, dtype=kind))
    packed.alone = np.zeros(9)
    assert type_of(packed) != type_of(board)
    twin = Board()
    lay_records(twin, 64, KINDS)
    twin.alone = np.zeros(1)
    assert type_of(twin) == type_of(board)  # lengths are no part of it


@pytest.mark.parametrize(
    ("value", "fits"),
    [
        (np.zeros(3), True),
        (np.zeros(6)[::2], True),
        (np.zeros(3, dtype=np.int16), True),
        (np.zeros(3, dtype=np.float32), False),
        (np.zeros(3, dtype=np.uint64), False),
        (np.zeros((3, 3)), False),
        ([1.0], False),
    ],
)
def test_what_can_be_a_column(value: Any, fits: bool) -> None:
    assert is_column(value) is fits


class Books:
    """Of another room: it says itself that its fields are set once."""

    __slots__ = ("bins", "scale")
    steady = True

    def __init__(self) -> None:
        self.bins, self.scale = np.zeros(3, dtype=np.int64), 2.0


def test_steady_books_of_another_room_are_columns_over_their_own_memory() -> None:
    def count(books: Any, row: int) -> float:
        books.bins[row] += 5
        scale: float = books.scale
        return scale * books.bins[row]

    books, structs = Books(), Structs()
    kind = type_of(books)
    assert kind.steady
    assert isinstance(kind.of["bins"], ColumnType)
    assert entry(count, kind, types.float64, (types.int64,))(structs.of(books).address, 1) == 10.0
    assert books.bins.tolist() == [0, 5, 0]

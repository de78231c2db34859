"""The books of a run while it runs: rows come blank, keep what is written, and leave in the order asked for."""

from __future__ import annotations

import numpy as np

from sim.types.records import OK, TRUNCATED
from sim.world.columns import Columns


def grown(*, tokens: bool) -> Columns:
    columns = Columns(tokens=tokens)
    columns.extend([10, 11], [0.5, 1.5])
    columns.extend([(7 << 32) + 1], [float("nan")])
    columns.work_s.extend([1.0, 2.0, 3.0])
    if tokens:
        columns.prompt_tokens.extend([5, 6, 7])
        columns.output_tokens.extend([1, 2, 3])
    return columns


def test_rows_come_blank() -> None:
    columns = grown(tokens=False)
    assert len(columns) == 3
    table = columns.table(np.arange(3))
    assert table.request.tolist() == [10, 11, (7 << 32) + 1]
    assert table.arrived_at[:2].tolist() == [0.5, 1.5]
    assert np.isnan(table.arrived_at[2])
    assert np.isnan(table.started_at).all()
    assert np.isnan(table.finished_at).all()
    assert table.node.tolist() == [-1] * 3
    assert table.status.tolist() == [TRUNCATED] * 3
    assert table.attempt.tolist() == [0] * 3
    assert table.work_s.tolist() == [1.0, 2.0, 3.0]
    assert table.first_token_at is None
    assert table.prompt_tokens is None
    assert table.output_tokens is None


def test_a_table_is_a_copy_of_the_rows_named() -> None:
    columns = grown(tokens=True)
    columns.status[1], columns.finished_at[1], columns.first_token_at[1] = OK, 4.0, 3.0
    table = columns.table(np.array([2, 1]))
    columns.status[1] = TRUNCATED
    assert table.request.tolist() == [(7 << 32) + 1, 11]
    assert table.status.tolist() == [TRUNCATED, OK]
    assert table.finished_at[1] == 4.0
    assert table.first_token_at is not None
    assert table.first_token_at[1] == 3.0
    assert table.prompt_tokens is not None
    assert table.prompt_tokens.tolist() == [7, 6]
    assert table.output_tokens is not None
    assert table.output_tokens.tolist() == [3, 2]
    columns.extend([12], [9.0])  # an array that a view still holds could not grow
    assert len(columns) == 4


def test_types_of_the_columns_do_not_depend_on_the_run() -> None:
    for tokens in (False, True):
        table = grown(tokens=tokens).table(np.array([], dtype=np.intp))
        assert len(table) == 0
        assert [str(column.dtype) for column in (table.request, table.attempt, table.node, table.status)] == [
            "int64",
            "int16",
            "int32",
            "int8",
        ]
        assert {str(getattr(table, name).dtype) for name in ("arrived_at", "started_at", "finished_at", "work_s")} == {
            "float64"
        }


def test_priorities_are_told_of_rows_that_are_told() -> None:
    """What was drawn ahead and never arrived, or was counted and not kept, gives a table no priorities."""
    columns = Columns(tokens=False, several=True)
    columns.extend([10, 11], [0.5, float("nan")])
    columns.work_s.extend([1.0, 1.0])
    columns.priority.extend([0, 1])
    assert columns.table(np.array([0])).priority is None
    assert columns.table(np.array([], dtype=np.intp)).priority is None
    found = columns.table(np.array([0, 1])).priority
    assert found is not None
    assert found.tolist() == [0, 1]

"""A run under fire is stored bit for bit; a plain one leaves no column of what it does not have."""

from __future__ import annotations

import gc
import json
import sys
import zipfile
from dataclasses import fields

import numpy as np
import pytest

from sim.bench.record_files import columns_of, decode, encode, npz_bytes
from sim.types.records import AgentSteps, EpisodeTable, OutageTable, RunRecord, ScaleSteps, SeriesTable
from tests.measure.toy import NAN, attempts, nodes


def plain() -> RunRecord:
    """Two attempts on one node."""
    return RunRecord(attempts(arrived_at=[0.0, 1.0], finished_at=[1.0, NAN]), nodes(1), 5.0, 6.0, 2)


def under_fire() -> RunRecord:
    """The same with everything that a run may have."""
    record = plain()
    table, books = record.attempts, record.nodes
    table.placed_at, table.left_at = np.array([0.0, NAN]), np.array([-0.0, NAN])
    table.priority = np.array([0, 3], dtype=np.int8)
    books.dropped, books.area_work_s = np.array([4]), np.array([0.1 + 0.2])
    record.episodes = EpisodeTable(
        ["crash", "pause"], np.array([0, -1], dtype=np.int32), np.array([1.0, 2.0]), np.array([NAN, 3.0]),
        np.array([1.5, NAN]), np.array([NAN, NAN]),
    )  # fmt: skip
    record.outages = OutageTable(
        np.array([], dtype=np.int32), [], np.array([]), np.array([]), np.array([], dtype=np.int8)
    )
    counts = [np.array([n, -1], dtype=np.int32) for n in range(8)]
    record.series = SeriesTable(np.array([0.0, 1.0]), *counts)
    record.agent_steps = AgentSteps(np.array([0, 0]), np.array([0.0, 2.0]), np.array([1, -1], dtype=np.int32))
    record.scale_steps = ScaleSteps(np.array([0.0, 1.5]), np.array([2, 3], dtype=np.int32))
    record.counts = {"retries_denied": 7}
    return record


def test_a_run_under_fire_comes_back_bit_for_bit() -> None:
    record = under_fire()
    data, text = encode(record)
    again = decode(data, json.loads(text))
    ours, theirs = columns_of(record), columns_of(again)
    assert ours[1] == theirs[1]
    assert list(ours[0]) == list(theirs[0])
    assert {name.partition(".")[0] for name in ours[0]} == {
        "attempts", "nodes", "episodes", "outages", "series", "agent_steps", "scale_steps",
    }  # fmt: skip
    for name, column in ours[0].items():
        assert (column.dtype, column.tobytes()) == (theirs[0][name].dtype, theirs[0][name].tobytes()), name
    assert again.counts == {"retries_denied": 7}
    assert again.episodes is not None
    assert again.episodes.kind == ["crash", "pause"]
    assert again.outages is not None
    assert (again.outages.cause, len(again.outages.node)) == ([], 0)


def test_a_plain_run_has_no_column_of_what_it_does_not_have() -> None:
    data, text = encode(plain())
    again = decode(data, json.loads(text))
    new = {"attempts.placed_at", "attempts.left_at", "attempts.priority", "nodes.dropped", "nodes.area_work_s"}
    names = set(columns_of(again)[0])
    assert not new & names
    assert {name.partition(".")[0] for name in names} == {"attempts", "nodes"}
    for field in fields(again):
        if field.name in ("episodes", "outages", "series", "agent_steps"):
            assert getattr(again, field.name) is None
    assert again.attempts.placed_at is None
    assert again.nodes.dropped is None


def test_ctrl_c_while_columns_are_packed_stays_ctrl_c(monkeypatch: pytest.MonkeyPatch) -> None:
    """The archive's own end in the middle of an entry hid it: the replication failed, and the sweep went on."""

    def interrupted(self: object, *_: object) -> None:
        raise KeyboardInterrupt

    unraisable: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", unraisable.append)
    monkeypatch.setattr(zipfile._ZipWriteFile, "__init__", interrupted)  # an entry is begun by then
    with pytest.raises(KeyboardInterrupt):
        npz_bytes({"arrived_at": np.arange(3.0)})
    gc.collect()
    assert unraisable == []

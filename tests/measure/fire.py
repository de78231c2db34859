"""A run under fire that can be worked out by hand: 7 requests, 11 attempts, two nodes, no network delay.

node-0 (1 agent, speed 1) crashes at 7, is back at 8.5, pauses from 10.5 to 11.5; node-1 has 2 agents of speed 2.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from sim.types.records import (
    FAILED,
    OK,
    REJECTED,
    SHED,
    TIMED_OUT,
    TRUNCATED,
    AgentSteps,
    EpisodeTable,
    OutageTable,
    RunRecord,
    SeriesTable,
)
from tests.measure.toy import NAN, attempts, nodes

# request attempt arrived placed started left finished node status work
ROWS = [
    (0, 0, 0.0, 0.0, 0.0, 2.0, 2.0, 0, OK, 2.0),
    (1, 0, 1.0, 1.0, 2.0, 5.0, 3.0, 0, TIMED_OUT, 3.0),  # the node serves on and answers nobody
    (1, 1, 3.5, 3.5, 3.5, 4.5, 4.5, 1, OK, 2.0),
    (2, 0, 4.0, 4.0, 5.0, 7.0, 7.0, 0, FAILED, 4.0),  # lost in the crash, 2 of 4 s done
    (2, 1, 7.5, NAN, NAN, NAN, 7.5, 1, REJECTED, 4.0),
    (2, 2, 8.0, 9.0, 9.0, 10.0, 10.0, 1, OK, 2.0),  # waits at the balancer from 8 to 9
    (4, 0, 6.0, 6.0, 6.0, 6.8, NAN, 1, TRUNCATED, 10.0),  # its hedge wins, it is cancelled
    (4, 1, 6.3, 6.3, 6.3, 6.8, 6.8, 1, OK, 1.0),
    (3, 0, 8.5, NAN, NAN, NAN, 9.5, -1, TIMED_OUT, 1.0),  # waits at the balancer in vain
    (5, 0, 9.0, 9.0, 9.0, NAN, NAN, 0, TRUNCATED, 20.0),  # there at the end, 2 s done and 1 s paused
    (6, 0, 9.9, NAN, NAN, NAN, 9.9, -1, SHED, 1.0),
]
COLUMNS = (
    "request", "attempt", "arrived_at", "placed_at", "started_at", "left_at", "finished_at", "node", "status", "work_s",
)  # fmt: skip


def fire_run(**columns: Any) -> RunRecord:
    """The run; `columns` of the node table replace its books."""
    rows = sorted(ROWS)
    books: dict[str, Any] = {
        "agents": np.array([1, 2]), "speed": np.array([1.0, 2.0]), "area_present_s": np.array([12.0, 3.3]),
        "area_busy_s": np.array([10.0, 3.3]), "work_done_s": np.array([5.0, 5.0]),
        "truncated_work_s": np.array([4.0, 1.6]), "area_work_s": np.array([9.0, 6.6]), "arrived": np.array([4, 5]),
        "answered": np.array([2, 3]), "refused": np.array([0, 1]), "dropped": np.array([1, 1]),
        "truncated": np.array([1, 0]),
    }  # fmt: skip
    return RunRecord(
        attempts(**{name: [row[i] for row in rows] for i, name in enumerate(COLUMNS)}),
        nodes(2, **{**books, **columns}),
        horizon_s=10.0,
        ended_at=12.0,
        arrivals_count=7,
        central_area_s=2.0,
        episodes=EpisodeTable(
            kind=["crash", "slow", "pause"], node=np.array([0, 1, 0], dtype=np.int32),
            began_at=np.array([7.0, 7.5, 10.5]), ended_at=np.array([8.5, 8.0, 11.5]),
            detected_at=np.array([7.4, NAN, NAN]), failed_over_at=np.array([8.2, NAN, NAN]),
        ),
        outages=OutageTable(
            node=np.array([0, 1], dtype=np.int32), cause=["health", "breaker"], began_at=np.array([7.4, 2.0]),
            ended_at=np.array([9.0, 3.0]), founded=np.array([1, 0], dtype=np.int8),
        ),
        series=series([0.0, 2.0, 4.0, 6.0, 8.0, 10.0]),
        agent_steps=AgentSteps(
            np.array([0, 1, 0, 0]), np.array([0.0, 0.0, 7.0, 8.5]), np.array([1, 2, -1, 1], dtype=np.int32)
        ),
        counts={
            "requests_ok": 4, "requests_failed": 0, "requests_rejected": 0, "requests_timed_out": 1,
            "requests_shed": 1, "requests_truncated": 1, "states_lost": 3,
        },
    )  # fmt: skip


def series(at: list[float], **columns: list[int]) -> SeriesTable:
    """Samples at these instants; two nodes of three agents unless given."""
    count = len(at)
    values: dict[str, Any] = {
        "nodes_ready": [2] * count, "nodes_starting": [0] * count, "nodes_draining": [0] * count,
        "agents_ready": [3] * count, "agents_pending": [0] * count, "in_flight": [1] * count, "waiting": [0] * count,
        "desired_nodes": [-1] * count, **columns,
    }  # fmt: skip
    return SeriesTable(np.array(at), **{name: np.array(column, dtype=np.int32) for name, column in values.items()})


def row_of(record: RunRecord, request: int, attempt: int) -> int:
    """The row of an attempt."""
    table = record.attempts
    return int(np.flatnonzero((table.request == request) & (table.attempt == attempt))[0])


def changed(record: RunRecord, request: int, attempt: int, /, **cells: float) -> RunRecord:
    """The same run with cells of one attempt changed."""
    table, row = record.attempts, row_of(record, request, attempt)
    columns = {name: getattr(table, name).copy() for name in cells}
    for name, value in cells.items():
        columns[name][row] = value
    return replace(record, attempts=replace(table, **columns))


def shifted(record: RunRecord, delay_s: float) -> RunRecord:
    """The same run with all answers of the nodes seen `delay_s` later by their clients."""
    table = record.attempts
    late = np.where(table.status == OK, delay_s, 0.0)
    return replace(record, ended_at=record.ended_at, attempts=replace(table, finished_at=table.finished_at + late))

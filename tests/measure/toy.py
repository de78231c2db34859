"""Toy runs to measure: a naive event loop that keeps its own kind of books, and a vectorized one for large tables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.types.records import OK, REJECTED, TRUNCATED, AttemptTable, NodeTable, RunRecord
from tests.measure.chance import generator

NAN = math.nan


def attempts(**columns: Any) -> AttemptTable:
    """A table from plain lists; `request` numbers, `attempt` 0, `node` 0, status ok and no work unless given."""
    count = len(columns["arrived_at"])
    defaults = {
        "request": range(count),
        "attempt": [0] * count,
        "started_at": columns["arrived_at"],
        "node": [0] * count,
        "status": [OK] * count,
        "work_s": [0.0] * count,
    }
    types = {
        "request": np.int64, "attempt": np.int16, "node": np.int32, "status": np.int8, "prompt_tokens": np.int32,
        "output_tokens": np.int32,
    }  # fmt: skip
    return AttemptTable(
        **{name: np.array(list(v), dtype=types.get(name, np.float64)) for name, v in {**defaults, **columns}.items()}
    )


def nodes(count: int, agents: int = 1, speed: float = 1.0, **columns: Any) -> NodeTable:
    """A node table of equal nodes that are there all the time, with empty books unless given."""
    values: dict[str, Any] = {
        "node_id": [f"node-{i}" for i in range(count)],
        "zone": ["zone-1"] * count,
        "speed": np.full(count, speed),
        "agents": np.full(count, agents, dtype=np.int64),
        "born_at": np.zeros(count),
        "gone_at": np.full(count, NAN),
    }
    for name in ("area_present_s", "area_busy_s", "work_done_s", "truncated_work_s"):
        values[name] = np.zeros(count)
    for name in ("arrived", "answered", "refused", "truncated"):
        values[name] = np.zeros(count, dtype=np.int64)
    return NodeTable(**{**values, **columns})


def fleet_run(
    arrived_at: Sequence[float],
    work_s: Sequence[float],
    node: Sequence[int],
    *,
    agents: int = 1,
    speed: float = 1.0,
    queue_max: int = 10**9,
    sharing: bool = False,
    horizon_s: float = 100.0,
    drain_s: float = 1e9,
) -> RunRecord:
    """Queues (or processor sharing) fed by a fixed split; the books are integrated from event to event."""
    count, size = sum(at <= horizon_s for at in arrived_at), max(node) + 1
    arrived_at, work_s, node = arrived_at[:count], work_s[:count], node[:count]
    started, finished = [NAN] * count, [NAN] * count
    status = [TRUNCATED] * count
    books = np.zeros((8, size))  # present, busy, work, unfinished work, arrived, answered, refused, truncated
    ended_at = 0.0
    for place in range(size):
        rows = [row for row in range(count) if node[row] == place]
        present: dict[int, float] = {}  # row -> work left, in the order of arrival
        now = 0.0
        while True:
            serving = list(present)[: len(present) if sharing else agents]
            busy = min(len(present), agents)
            rate = speed * (busy / len(present) if sharing and present else 1.0)
            for row in serving:
                started[row] = now if math.isnan(started[row]) else started[row]
            leave = min(serving, key=lambda row: (present[row], row), default=-1)
            leave_at = now + present[leave] / rate if serving else math.inf
            come_at = arrived_at[rows[0]] if rows else math.inf
            until = min(leave_at, come_at, horizon_s + drain_s)
            if until == math.inf or (not serving and not rows):
                break
            books[0, place] += len(present) * (until - now)
            books[1, place] += busy * (until - now)
            for row in serving:
                present[row] -= rate * (until - now)
            now = until
            if until == horizon_s + drain_s:
                break
            if leave_at <= come_at:
                finished[leave], status[leave] = now, OK
                books[2, place] += work_s[leave]
                books[5, place] += 1
                del present[leave]
            else:
                row = rows.pop(0)
                books[4, place] += 1
                if len(present) >= agents + queue_max:
                    finished[row], status[row] = now, REJECTED
                    books[6, place] += 1
                else:
                    present[row] = work_s[row]
        books[3, place] = math.fsum(work_s[row] - left for row, left in present.items())
        books[7, place] = len(present)
        ended_at = max(ended_at, now)
    ended_at = max(ended_at, horizon_s)
    names = ("area_present_s", "area_busy_s", "work_done_s", "truncated_work_s")
    counters = ("arrived", "answered", "refused", "truncated")
    return RunRecord(
        attempts=attempts(
            arrived_at=arrived_at, started_at=started, finished_at=finished, node=node, status=status, work_s=work_s
        ),
        nodes=nodes(
            size, agents, speed,
            **{name: books[i] for i, name in enumerate(names)},
            **{name: books[4 + i].astype(np.int64) for i, name in enumerate(counters)},
        ),
        horizon_s=horizon_s,
        ended_at=ended_at,
        arrivals_count=count,
        processor_sharing=sharing,
    )  # fmt: skip


def single_server_run(gaps: NDArray[np.float64], work_s: NDArray[np.float64], speed: float = 1.0) -> RunRecord:
    """One node of one agent by Lindley's recursion, drained; shapes (n,)."""
    service = work_s / speed
    arrived = np.cumsum(gaps)
    steps = np.concatenate(([0.0], np.cumsum(service[:-1] - gaps[1:])))
    wait = steps - np.minimum.accumulate(steps)
    started = arrived + wait
    finished = started + service
    count = len(gaps)
    table = AttemptTable(
        request=np.arange(count, dtype=np.int64), attempt=np.zeros(count, dtype=np.int16), arrived_at=arrived,
        started_at=started, finished_at=finished, node=np.zeros(count, dtype=np.int32),
        status=np.full(count, OK, dtype=np.int8), work_s=work_s,
    )  # fmt: skip
    ones = np.array([count])
    books = nodes(
        1, 1, speed, area_present_s=np.array([math.fsum((finished - arrived).tolist())]),
        area_busy_s=np.array([math.fsum((finished - started).tolist())]),
        work_done_s=np.array([math.fsum(work_s.tolist())]), arrived=ones, answered=ones,
    )  # fmt: skip
    return RunRecord(table, books, float(arrived[-1]), float(finished[-1]), count)


def mm1_run(seed: int, rho: float, count: int, speed: float = 1.0) -> RunRecord:
    """M/M/1, mean demand 1 s, `count` requests; the same seed gives the same requests at any speed."""
    rng = generator(seed)
    return single_server_run(rng.exponential(1.0 / rho, count), rng.exponential(1.0, count), speed)


def random_run(seed: int, **options: Any) -> RunRecord:
    """About 200 requests over 3 nodes at high load, through `fleet_run`."""
    rng = generator(seed)
    arrived = np.cumsum(rng.exponential(0.5, 200))
    work = rng.exponential(1.4, 200)
    return fleet_run(arrived.tolist(), work.tolist(), rng.integers(0, 3, 200).tolist(), **options)


def altered(record: RunRecord, column: str, row: int, value: float) -> RunRecord:
    """The same run with one cell of its attempt table changed."""
    values = getattr(record.attempts, column).copy()
    values[row] = value
    return replace(record, attempts=replace(record.attempts, **{column: values}))

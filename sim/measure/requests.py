"""From attempts to requests: one row a request, with the attempt that answered it.

A request arrives with its first attempt and is answered by its earliest finished `ok` attempt; without one it is
truncated where any attempt is, else it ends as its last attempt (by number) did. All instants in virtual seconds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.measure.summary import Floats
from sim.types.records import OK, TRUNCATED, AttemptTable


@dataclass(frozen=True, slots=True)
class Requests:
    """Arrays of shape (requests,), in the order of arrival."""

    arrived_at: Floats  # first try
    finished_at: Floats  # of the answer; NaN where there is none
    answer: NDArray[np.intp]  # row of the attempt that answered, -1 where there is none
    status: NDArray[np.int8]
    attempts_count: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.arrived_at)

    @property
    def ok(self) -> NDArray[np.bool_]:
        """Whether it was answered."""
        return np.equal(self.status, OK)


def requests_of(table: AttemptTable) -> Requests:
    """Group the attempts by request."""
    if len(table) == 0 or int(table.attempt.max()) == 0:
        return _of_single_attempts(table)
    return _of_retried(table)


def _in_arrival_order(arrived_at: Floats) -> NDArray[np.intp]:
    if bool(np.all(arrived_at[1:] >= arrived_at[:-1])):
        return np.arange(len(arrived_at), dtype=np.intp)
    return np.argsort(arrived_at, kind="stable")


def _of_single_attempts(table: AttemptTable) -> Requests:
    order = _in_arrival_order(table.arrived_at)
    status = table.status[order]
    ok = status == OK
    return Requests(
        arrived_at=table.arrived_at[order],
        finished_at=np.where(ok, table.finished_at[order], np.nan),
        answer=np.where(ok, order, -1),
        status=status,
        attempts_count=np.ones(len(order), dtype=np.int64),
    )


def _of_retried(table: AttemptTable) -> Requests:
    rows = np.lexsort((table.attempt, table.request))
    request = table.request[rows]
    starts = np.flatnonzero(np.concatenate(([True], request[1:] != request[:-1])))
    counts = np.diff(np.append(starts, len(rows)))
    arrived_at = table.arrived_at[rows[starts]]
    status = table.status[rows[starts + counts - 1]].copy()
    status[np.logical_or.reduceat(table.status[rows] == TRUNCATED, starts)] = TRUNCATED
    answer = np.full(len(starts), -1, dtype=np.intp)
    answered = np.flatnonzero(table.status == OK)
    answered = answered[np.lexsort((table.finished_at[answered], table.request[answered]))]
    ids, first = np.unique(table.request[answered], return_index=True)
    group = np.searchsorted(request[starts], ids)
    answer[group] = answered[first]
    status[group] = OK
    finished_at = np.full(len(starts), np.nan)
    finished_at[group] = table.finished_at[answered[first]]
    order = _in_arrival_order(arrived_at)
    return Requests(arrived_at[order], finished_at[order], answer[order], status[order], counts[order])

"""Sums over attempts held against the books that nodes kept: what every audit is made of.

Sums by `math.fsum`; the books are kept event by event, so they must agree within 1e-9 relative.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sim.measure.summary import Floats
from sim.types.records import AttemptTable, RunRecord

TOLERANCE = 1e-9
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class AuditResult:
    """One law: whether it held, and where it did not."""

    name: str
    passed: bool
    detail: str = ""


def result_of(name: str, problem: str | None) -> AuditResult:
    """The result of a law: passed where there is no problem."""
    return AuditResult(name, problem is None, problem or "")


def apart(table: AttemptTable) -> bool:
    """Whether client and node may see an attempt differently (deadlines, retries, faults)."""
    return table.placed_at is not None and table.left_at is not None


def is_tokens(table: AttemptTable) -> bool:
    """Whether requests are sized in tokens, which are no seconds of work."""
    return table.first_token_at is not None


def node_ends(record: RunRecord) -> Floats:
    """When each attempt left its node, the end of the run where it did not, shape (attempts,)."""
    table = record.attempts
    left_at = table.finished_at if table.left_at is None else table.left_at
    return np.where(np.isnan(left_at), record.ended_at, left_at)


def close(kept: float, counted: float, slack_s: float = 0.0) -> bool:
    """Equal but for rounding."""
    return abs(kept - counted) <= max(TOLERANCE * max(abs(kept), abs(counted)), slack_s)


def instants_slack_s(record: RunRecord) -> Floats:
    """What rounding of instants may cost a sum over a node's attempts (s), shape (nodes,).

    An instant is off by half the spacing of numbers at the end of the run, an interval by the whole. It matters where a
    node served for less than some ten-millionth of the run's length, as one does that comes for a single request.
    """
    node, count = record.attempts.node, len(record.nodes.node_id)
    attempts = np.bincount(node[node >= 0], minlength=count)[:count]
    return np.asarray(1 + attempts, dtype=np.float64) * math.ulp(record.ended_at)


def within(low: float, kept: float, high: float) -> bool:
    """Between two bounds but for rounding."""
    return (low <= kept or close(low, kept)) and (kept <= high or close(kept, high))


def sum_of(seconds: Floats, mask: Flags) -> float:
    """Exact sum over the rows of `mask`."""
    return math.fsum(seconds[mask].tolist())


def by_node(record: RunRecord, seconds: Floats, mask: Flags) -> list[float]:
    """Exact sum of `seconds` by node over the rows of `mask`."""
    rows = np.flatnonzero(mask & (record.attempts.node >= 0))
    node = record.attempts.node[rows]
    order = np.argsort(node, kind="stable")
    bounds = np.searchsorted(node[order], np.arange(len(record.nodes.node_id) + 1))
    values = seconds[rows[order]].tolist()
    return [math.fsum(values[a:b]) for a, b in pairwise(bounds.tolist())]


def compare(name: str, record: RunRecord, kept: list[float], counted: list[float], what: str) -> AuditResult:
    """A law that holds node by node: the book equals what was counted."""
    slack_s = instants_slack_s(record).tolist()
    for node_id, book, value, slack in zip(record.nodes.node_id, kept, counted, slack_s, strict=True):
        if not close(book, value, slack):
            return result_of(name, f"{node_id}: {what} {book!r} s, counted {value!r} s")
    return result_of(name, None)


def differs(name: str, kept: NDArray[np.int64], counted: NDArray[np.int64], node_ids: list[str]) -> str | None:
    """The first node whose counter is not what was counted, None where all are."""
    off = np.flatnonzero(kept != counted)
    if not len(off):
        return None
    first = int(off[0])
    return f"{name} of {node_ids[first]} is {int(kept[first])}, counted {int(counted[first])} ({len(off)} nodes differ)"


def first_problem(table: AttemptTable, checks: dict[str, Flags]) -> str | None:
    """How many attempts the first broken check names, and the request of one of them; None where all hold."""
    for name, mask in checks.items():
        if count := int(np.count_nonzero(mask)):
            return f"{count} attempts {name}, first of request {int(table.request[int(np.argmax(mask))])}"
    return None

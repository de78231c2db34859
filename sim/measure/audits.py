"""Exact audits of a finished run: laws that hold on every sample path, so that a broken one is a fault of the run.

- conservation: every arrival is in the table once and has one status; a node's arrivals are answered, refused or still
  there, as its own counters say.
- order: arrived <= started <= finished within [0, ended_at], and what is finished has an instant.
- Little's law (1961): the time integral of attempts present, at nodes and at the balancer, is the sum of their times.
- utilization law: the integral of busy agents is the sum of service times (queues, batches), and speed times that
  integral is the work done on finished and unfinished attempts (queues, sharing; tokens are no seconds of work).
Sums by `math.fsum`; the books are kept event by event, so they must agree within 1e-9 relative.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sim.errors import InvalidRun
from sim.measure.summary import Floats
from sim.types.records import OK, REJECTED, SHED, STATUSES, TRUNCATED, AttemptTable, RunRecord

TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class AuditResult:
    """One law: whether it held, and where it did not."""

    name: str
    passed: bool
    detail: str = ""


def audit(record: RunRecord) -> list[AuditResult]:
    """Every audit on one run, in a fixed order."""
    return [
        _requests(record), _statuses(record), _node_counts(record), _order(record), _little(record), _busy(record),
        _work_books(record), _utilization(record),
    ]  # fmt: skip


def problems_of(results: list[AuditResult]) -> list[str]:
    """One line for each audit that failed."""
    return [f"{result.name}: {result.detail}" for result in results if not result.passed]


def require_valid(record: RunRecord, run: str) -> None:
    """Raises InvalidRun, naming `run` and every failed audit."""
    problems = problems_of(audit(record))
    if problems:
        raise InvalidRun(run, "; ".join(problems))


def _result(name: str, problem: str | None) -> AuditResult:
    return AuditResult(name, problem is None, problem or "")


def _requests(record: RunRecord) -> AuditResult:
    table = record.attempts
    firsts = table.request[table.attempt == 0]
    unique = _distinct(firsts)
    if not unique == len(firsts) == record.arrivals_count:
        problem = f"{record.arrivals_count} arrived, {len(firsts)} first attempts of {unique} requests in the table"
        return _result("every arrival is in the table once", problem)
    known = np.isin(table.request, firsts) if len(firsts) != len(table) else np.ones(len(table), dtype=np.bool_)
    stray = len(table) - int(np.count_nonzero(known))
    return _result("every arrival is in the table once", f"{stray} retries of no request" if stray else None)


def _distinct(values: NDArray[np.int64]) -> int:
    """How many different values; without a sort where they rise, as the requests of an open source do."""
    if not len(values):
        return 0
    steps = np.diff(values)
    if not bool(np.all(steps > 0)):
        steps = np.diff(np.sort(values))
    return 1 + int(np.count_nonzero(steps))


def _statuses(record: RunRecord) -> AuditResult:
    status = record.attempts.status
    bad = int(np.count_nonzero((status < 0) | (status >= len(STATUSES))))
    return _result("every attempt has a status", f"{bad} attempts have none that is known" if bad else None)


def _node_counts(record: RunRecord) -> AuditResult:
    """The nodes' own counters against the table, and against one another."""
    nodes, table = record.nodes, record.attempts
    size = len(nodes.node_id)
    placed = table.node >= 0
    if len(table) and int(table.node.max()) >= size:
        return _result("attempts of a node balance", f"a row names node {int(table.node.max())} of {size}")
    refused = (table.status == REJECTED) | (table.status == SHED)
    truncated = table.status == TRUNCATED
    masks = {
        "arrived": placed,
        "answered": placed & ~refused & ~truncated,
        "refused": placed & refused,
        "truncated": placed & truncated,
    }
    for name, mask in masks.items():
        counted = np.bincount(table.node[mask], minlength=size)
        if problem := _differs(name, getattr(nodes, name), counted, nodes.node_id):
            return _result("attempts of a node balance", problem)
    total = nodes.answered + nodes.refused + nodes.truncated
    problem = _differs("answered + refused + truncated", total, nodes.arrived, nodes.node_id)
    return _result("attempts of a node balance", problem)


def _differs(name: str, kept: NDArray[np.int64], counted: NDArray[np.int64], node_ids: list[str]) -> str | None:
    off = np.flatnonzero(kept != counted)
    if not len(off):
        return None
    first = int(off[0])
    return f"{name} of {node_ids[first]} is {int(kept[first])}, counted {int(counted[first])} ({len(off)} nodes differ)"


def _order(record: RunRecord) -> AuditResult:
    table = record.attempts
    arrived, started, finished = table.arrived_at, table.started_at, table.finished_at
    unstarted, unfinished = np.isnan(started), np.isnan(finished)
    truncated, answered = table.status == TRUNCATED, table.status == OK
    checks = {
        "arrived outside the run": ~((arrived >= 0.0) & (arrived <= record.ended_at)),
        "started outside the run": ~unstarted & ~((started >= arrived) & (started <= record.ended_at)),
        "finished before it came": ~unfinished & ~(finished >= np.where(unstarted, arrived, started)),
        "finished after the end": ~unfinished & ~(finished <= record.ended_at),
        "answered without service": answered & (unstarted | unfinished),
        "finished and truncated": truncated & ~unfinished,
        "neither finished nor truncated": ~truncated & unfinished,
    }
    if table.first_token_at is not None:
        first = table.first_token_at
        checks["first token outside its service"] = answered & ~((first >= started) & (first <= finished))
    for name, mask in checks.items():
        if count := int(np.count_nonzero(mask)):
            request = int(table.request[int(np.argmax(mask))])
            return _result("instants are in order", f"{count} attempts {name}, first of request {request}")
    return _result("instants are in order", None)


def _ends(record: RunRecord) -> Floats:
    finished_at = record.attempts.finished_at
    return np.where(np.isnan(finished_at), record.ended_at, finished_at)


def _close(kept: float, counted: float) -> bool:
    return abs(kept - counted) <= TOLERANCE * max(abs(kept), abs(counted))


def _little(record: RunRecord) -> AuditResult:
    kept = math.fsum((*record.nodes.area_present_s.tolist(), record.central_area_s))
    counted = math.fsum((_ends(record) - record.attempts.arrived_at).tolist())
    problem = None if _close(kept, counted) else f"integral {kept!r} s, sum of times {counted!r} s"
    return _result("Little's law", problem)


def _by_node(record: RunRecord, seconds: Floats, mask: NDArray[np.bool_]) -> list[float]:
    """Exact sum of `seconds` by node over the rows of `mask`."""
    rows = np.flatnonzero(mask & (record.attempts.node >= 0))
    node = record.attempts.node[rows]
    order = np.argsort(node, kind="stable")
    bounds = np.searchsorted(node[order], np.arange(len(record.nodes.node_id) + 1))
    values = seconds[rows[order]].tolist()
    return [math.fsum(values[a:b]) for a, b in pairwise(bounds.tolist())]


def _compare(name: str, record: RunRecord, kept: list[float], counted: list[float], what: str) -> AuditResult:
    for node_id, book, value in zip(record.nodes.node_id, kept, counted, strict=True):
        if not _close(book, value):
            return _result(name, f"{node_id}: {what} {book!r} s, counted {value!r} s")
    return _result(name, None)


def _is_tokens(table: AttemptTable) -> bool:
    return table.first_token_at is not None


def _busy(record: RunRecord) -> AuditResult:
    """Queues and batches: busy agents are attempts in service. Under sharing the next two audits hold instead."""
    name = "busy time is the sum of service times"
    table = record.attempts
    if record.processor_sharing and not _is_tokens(table):
        return _result(name, None)
    counted = _by_node(record, _ends(record) - table.started_at, ~np.isnan(table.started_at))
    return _compare(name, record, record.nodes.area_busy_s.tolist(), counted, "busy")


def _work_books(record: RunRecord) -> AuditResult:
    """The work a node booked is the demand of the attempts it finished."""
    table = record.attempts
    name = "work done is the demand of what is finished"
    if _is_tokens(table):
        return _result(name, None)
    counted = _by_node(record, table.work_s, (table.status == OK) & ~np.isnan(table.started_at))
    return _compare(name, record, record.nodes.work_done_s.tolist(), counted, "work")


def _utilization(record: RunRecord) -> AuditResult:
    """Speed x integral of busy agents = work done, finished or not: exact for queues and for sharing alike."""
    nodes, name = record.nodes, "utilization law"
    if _is_tokens(record.attempts):
        return _result(name, None)
    kept = (nodes.speed * nodes.area_busy_s).tolist()
    counted = (nodes.work_done_s + nodes.truncated_work_s).tolist()
    return _compare(name, record, kept, counted, "speed x busy")

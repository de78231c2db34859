"""Exact audits of a finished run: laws that hold on every sample path, so that a broken one is a fault of the run.

- conservation: every arrival is in the table once and has one status; a node's arrivals are answered, refused, dropped
  or still there, as its own counters say.
- one answer: at most one attempt of a request answers; numbered without gaps, none begins after the answer.
- order: arrived <= started <= finished within [0, ended_at], and what is finished has an instant.
- Little's law (1961): the time integral of attempts present, at nodes and at the balancer, is the sum of their times.
- utilization law: the integral of busy agents is the sum of service times (queues, batches), and speed times that
  integral is the work done on finished and unfinished attempts (queues, sharing; tokens are no seconds of work).
Where client and node may see an attempt differently, `sim.measure.audits_apart` has the finer form of four of them.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sim.errors import InvalidRun
from sim.measure import audits_apart
from sim.measure.audits_streamed import COUNTED, ended_problem, streamed_audits
from sim.measure.books import (
    AuditResult,
    apart,
    by_node,
    close,
    compare,
    differs,
    first_problem,
    is_tokens,
    node_ends,
    result_of,
    within,
)
from sim.measure.requests import requests_of
from sim.types.records import OK, REJECTED, SHED, STATUSES, TRUNCATED, RunRecord


def audit(record: RunRecord) -> list[AuditResult]:
    """Every audit on one run, in a fixed order; those of `audits_streamed` where requests were not kept."""
    if record.stream is not None:
        return [*streamed_audits(record), _utilization(record)]
    two_sides = apart(record.attempts)
    return [
        result_of("every arrival is in the table once", _requests(record)),
        result_of("every attempt has a status", _statuses(record)),
        result_of("one answer per request", _answers(record)),
        result_of("attempts of a node balance", _node_counts(record)),
        result_of("instants are in order", audits_apart.order(record) if two_sides else _order(record)),
        result_of("Little's law", audits_apart.little(record) if two_sides else _little(record)),
        _busy(record),
        _work_books(record),
        _utilization(record),
    ]


def problems_of(results: list[AuditResult]) -> list[str]:
    """One line for each audit that failed."""
    return [f"{result.name}: {result.detail}" for result in results if not result.passed]


def require_valid(record: RunRecord, run: str) -> None:
    """Raises InvalidRun, naming `run` and every failed audit."""
    problems = problems_of(audit(record))
    if problems:
        raise InvalidRun(run, "; ".join(problems))


def _requests(record: RunRecord) -> str | None:
    table = record.attempts
    firsts = table.request[table.attempt == 0]
    unique = _distinct(firsts)
    if not unique == len(firsts) == record.arrivals_count:
        return f"{record.arrivals_count} arrived, {len(firsts)} first attempts of {unique} requests in the table"
    known = np.isin(table.request, firsts) if len(firsts) != len(table) else np.ones(len(table), dtype=np.bool_)
    stray = len(table) - int(np.count_nonzero(known))
    return f"{stray} retries of no request" if stray else None


def _distinct(values: NDArray[np.int64]) -> int:
    """How many different values; without a sort where they rise, as the requests of an open source do."""
    if not len(values):
        return 0
    steps = np.diff(values)
    if not bool(np.all(steps > 0)):
        steps = np.diff(np.sort(values))
    return 1 + int(np.count_nonzero(steps))


def _statuses(record: RunRecord) -> str | None:
    """Every row has a known status; requests by how they ended are as many as the engine counted, where it did."""
    status = record.attempts.status
    bad = int(np.count_nonzero((status < 0) | (status >= len(STATUSES))))
    if bad:
        return f"{bad} attempts have none that is known"
    if COUNTED + STATUSES[OK] not in record.counts:
        return None
    found = np.bincount(requests_of(record.attempts).status, minlength=len(STATUSES)).tolist()
    return ended_problem(record, found, "in the table")


def _answers(record: RunRecord) -> str | None:
    """Attempts of a request: 0, 1, 2, ... in time, none after the answer, of which there is at most one."""
    table = record.attempts
    if not len(table) or not int(table.attempt.max()):
        return None
    rows = np.lexsort((table.attempt, table.request))
    request, attempt, arrived_at = table.request[rows], table.attempt[rows], table.arrived_at[rows]
    first = np.concatenate(([True], request[1:] != request[:-1]))
    starts = np.flatnonzero(first)
    group = np.cumsum(first) - 1
    ok = table.status[rows] == OK
    answered_at = np.full(len(starts), np.inf)
    answered_at[group[ok]] = table.finished_at[rows[ok]]
    checks = {
        "out of number": attempt != np.arange(len(rows)) - starts[group],
        "before an earlier one": ~first & (arrived_at < np.concatenate(([0.0], arrived_at[:-1]))),
        "whose request has another answer": ok & (np.bincount(group[ok], minlength=len(starts))[group] > 1),
        "begun after the answer": arrived_at > answered_at[group],
    }
    back = np.argsort(rows, kind="stable")
    return first_problem(table, {name: mask[back] for name, mask in checks.items()})


def _node_counts(record: RunRecord) -> str | None:
    """The nodes' own counters against the table, and against one another."""
    nodes, table = record.nodes, record.attempts
    size = len(nodes.node_id)
    if len(table) and int(table.node.max()) >= size:
        return f"a row names node {int(table.node.max())} of {size}"
    problem = audits_apart.node_counts(record) if apart(table) else _counts_of_table(record)
    if problem:
        return problem
    dropped = np.zeros(size, dtype=np.int64) if nodes.dropped is None else nodes.dropped
    total = nodes.answered + nodes.refused + dropped + nodes.truncated
    what = "answered + refused + truncated" if nodes.dropped is None else "answered + refused + dropped + truncated"
    return differs(what, total, nodes.arrived, nodes.node_id)


def _counts_of_table(record: RunRecord) -> str | None:
    nodes, table = record.nodes, record.attempts
    placed = table.node >= 0
    refused = (table.status == REJECTED) | (table.status == SHED)
    truncated = table.status == TRUNCATED
    masks = {
        "arrived": placed,
        "answered": placed & ~refused & ~truncated,
        "refused": placed & refused,
        "truncated": placed & truncated,
    }
    for name, mask in masks.items():
        counted = np.bincount(table.node[mask], minlength=len(nodes.node_id))
        if problem := differs(name, getattr(nodes, name), counted, nodes.node_id):
            return problem
    return None


def _order(record: RunRecord) -> str | None:
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
    return first_problem(table, checks)


def _little(record: RunRecord) -> str | None:
    kept = math.fsum((*record.nodes.area_present_s.tolist(), record.central_area_s))
    counted = math.fsum((node_ends(record) - record.attempts.arrived_at).tolist())
    return None if close(kept, counted) else f"integral {kept!r} s, sum of times {counted!r} s"


def _busy(record: RunRecord) -> AuditResult:
    """Queues and batches: busy agents are attempts in service. Under sharing the next two audits hold instead."""
    name = "busy time is the sum of service times"
    table = record.attempts
    if record.processor_sharing and not is_tokens(table):
        return result_of(name, None)
    counted = by_node(record, node_ends(record) - table.started_at, ~np.isnan(table.started_at))
    return compare(name, record, record.nodes.area_busy_s.tolist(), counted, "busy")


def _work_books(record: RunRecord) -> AuditResult:
    """The work a node booked is the demand of the attempts it finished."""
    table = record.attempts
    name = "work done is the demand of what is finished"
    if is_tokens(table):
        return result_of(name, None)
    if apart(table):
        return result_of(name, audits_apart.work_books(record))
    counted = by_node(record, table.work_s, (table.status == OK) & ~np.isnan(table.started_at))
    return compare(name, record, record.nodes.work_done_s.tolist(), counted, "work")


def _utilization(record: RunRecord) -> AuditResult:
    """Speed x integral of busy agents = work done, finished or not: exact for queues and for sharing alike.

    Where speeds change or nodes pause, the integral that counts is of what busy agents delivered, at most the above.
    """
    nodes, name = record.nodes, "utilization law"
    if is_tokens(record.attempts):
        return result_of(name, None)
    highest = (nodes.speed * nodes.area_busy_s).tolist()
    if nodes.area_work_s is None:
        kept, what = highest, "speed x busy"
    else:
        kept, what = nodes.area_work_s.tolist(), "delivered"
        for node_id, delivered, limit in zip(nodes.node_id, kept, highest, strict=True):
            if not within(0.0, delivered, limit):
                return result_of(name, f"{node_id}: delivered {delivered!r} s, speed x busy is {limit!r} s")
    return compare(name, record, kept, (nodes.work_done_s + nodes.truncated_work_s).tolist(), what)

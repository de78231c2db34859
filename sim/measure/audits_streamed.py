"""Exact audits that hold without a request table, from a run's stream and the nodes' own books.

- conservation: the requests that ended, by status, are those that arrived; histograms hold every answer that they
  should, once; a node's arrivals are answered, refused, dropped or still there.
- where every request is one attempt that client and node see alike (no deadlines, retries, faults): the nodes' counters
  add up to the requests; Little's law: the integral of requests present, at nodes and at the balancer, is the sum of
  their times; busy time is the sum of service times (queues, batches); work done is the demand of what was answered.
What names a single request (order of its instants, one answer) needs the table: a streamed run has it checked by the
same config with `stats.keep_requests=true`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from sim.measure.books import AuditResult, apart, close, differs, is_tokens, result_of
from sim.measure.stream import BINS
from sim.measure.streamed import ended_by_status, sketches, table_of
from sim.types.records import OK, REJECTED, STATUSES, TRUNCATED, RunRecord

COUNTED = "requests_"  # an engine that counts requests by how they ended names its counters so, e.g. `requests_shed`


def ended_problem(record: RunRecord, found: Sequence[int], where: str) -> str | None:
    """Requests by how they ended are as many as the engine counted, where it did.

    Who still meant to try again at the end is truncated to the engine, and as its last attempt was in `found`.
    """
    kept = [record.counts.get(COUNTED + name) for name in STATUSES]
    if None in kept:
        return None
    told = ", ".join(f"{k} counted as {name}, {n} {where}" for name, k, n in zip(STATUSES, kept, found, strict=True))
    more = [k - n for k, n in zip(kept, found, strict=True) if k is not None]
    if more[OK] or sum(more) or any(extra > 0 for extra in more[:TRUNCATED]):
        return f"{told}; {record.arrivals_count} arrived"
    return None


def streamed_audits(record: RunRecord) -> list[AuditResult]:
    """Every audit of a streamed run but the utilization law, which needs no requests."""
    return [
        result_of("every arrival ended once", _conserved(record)),
        result_of("every answer is in the histograms once", _histograms(record)),
        result_of("attempts of a node balance", _node_counts(record)),
        result_of("Little's law", None if apart(record.attempts) else _little(record)),
        result_of("busy time is the sum of service times", _busy(record)),
        result_of("work done is the demand of what is finished", _work(record)),
    ]


def _conserved(record: RunRecord) -> str | None:
    ended = ended_by_status(table_of(record))
    if int(ended.sum()) != record.arrivals_count:
        return f"{record.arrivals_count} arrived, {int(ended.sum())} ended"
    return ended_problem(record, ended.tolist(), "in the stream")


def _histograms(record: RunRecord) -> str | None:
    stream = table_of(record)
    expected = int(ended_by_status(stream, 1)[OK])
    for name, sketch in sketches(stream, 0.0).items():
        few = name == "tpot_s" and stream.tpot_count is not None
        wanted = int(stream.tpot_count[1 : BINS + 1].sum()) if few else expected  # type: ignore[index]
        if len(sketch) != wanted:
            return f"{name} holds {len(sketch)} of {wanted}"
    answers = int(stream.answers.sum())
    given = int(ended_by_status(stream)[OK])
    return None if answers == given else f"{answers} answers at an instant, {given} by arrival"


def _node_counts(record: RunRecord) -> str | None:
    nodes = record.nodes
    dropped = np.zeros(len(nodes.node_id), dtype=np.int64) if nodes.dropped is None else nodes.dropped
    total = nodes.answered + nodes.refused + dropped + nodes.truncated
    problem = differs("answered + refused + dropped + truncated", total, nodes.arrived, nodes.node_id)
    if problem or apart(record.attempts):
        return problem
    ended = ended_by_status(table_of(record))
    if int(nodes.answered.sum()) != ended[OK]:
        return f"nodes answered {int(nodes.answered.sum())}, {ended[OK]} requests have an answer"
    if int(nodes.refused.sum()) > ended[REJECTED]:
        return f"nodes refused {int(nodes.refused.sum())}, {ended[REJECTED]} requests were"
    if int(nodes.truncated.sum()) > ended[TRUNCATED]:
        return f"nodes hold {int(nodes.truncated.sum())} at the end, {ended[TRUNCATED]} requests are open"
    return None


def _little(record: RunRecord) -> str | None:
    kept = math.fsum((*record.nodes.area_present_s.tolist(), record.central_area_s))
    counted = math.fsum(table_of(record).residence_s.tolist())
    return None if close(kept, counted) else f"integral {kept!r} s, sum of times {counted!r} s"


def _busy(record: RunRecord) -> str | None:
    """Not under sharing, where busy agents are fewer than the attempts in service, nor where attempts are cut short."""
    if apart(record.attempts) or (record.processor_sharing and not is_tokens(record.attempts)):
        return None
    kept = math.fsum(record.nodes.area_busy_s.tolist())
    counted = math.fsum(table_of(record).served_s.tolist())
    return None if close(kept, counted) else f"busy {kept!r} s, counted {counted!r} s"


def _work(record: RunRecord) -> str | None:
    if apart(record.attempts) or is_tokens(record.attempts):
        return None
    kept, counted = math.fsum(record.nodes.work_done_s.tolist()), math.fsum(table_of(record).work_s.tolist())
    return None if close(kept, counted) else f"work {kept!r} s, counted {counted!r} s"

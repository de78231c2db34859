"""Audits where client and node may see an attempt differently: deadlines, retries, hedges, network delay, faults.

The client sees arrived_at, finished_at and status; the node sees placed_at <= started_at <= left_at. TRUNCATED has no
end of its own (finished_at NaN): the run ended, or another attempt of the request answered first. A node that answers
a client which gave up still finished the attempt; what expired, was cancelled or lost in a crash is dropped.
- at a node: the integral of attempts present is the sum of left - placed (to the end of the run where they stayed).
- at the balancer: an attempt that never got a node waited from its arrival to its end, one that was placed until then,
  less what it spent on the way (nothing, where every answer is seen as it leaves the node).
- work: at least the demand of what was answered, at most that of all that was served and left; that where none dropped.
Which attempt of a node dropped is not in the table: counters bound the rest. Each gives None, or what is wrong.
"""

from __future__ import annotations

import numpy as np

from sim.measure.books import Flags, by_node, close, differs, first_problem, node_ends, sum_of, within
from sim.measure.summary import Floats
from sim.types.records import OK, REJECTED, TRUNCATED, AttemptTable, RunRecord

DELAYING = "packet_loss"  # the fault that lets requests travel for a while even where no answer does


def _sides(table: AttemptTable) -> tuple[Floats, Floats, Flags, Flags]:
    """placed_at, left_at, and which rows have them."""
    placed_at, left_at = table.placed_at, table.left_at
    assert placed_at is not None
    assert left_at is not None
    return placed_at, left_at, ~np.isnan(placed_at), ~np.isnan(left_at)


def node_counts(record: RunRecord) -> str | None:
    """A node took in what it did not refuse, and each of those left or is still there."""
    nodes, table = record.nodes, record.attempts
    _, _, placed, left = _sides(table)
    size = len(nodes.node_id)

    def counted(mask: Flags) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        return np.bincount(table.node[mask & (table.node >= 0)], minlength=size)

    dropped = 0 if nodes.dropped is None else nodes.dropped
    refused = counted(~placed & (table.status == REJECTED))
    answered = counted(placed & left & (table.status == OK))
    return (
        differs("arrived - refused", nodes.arrived - nodes.refused, counted(placed), nodes.node_id)
        or differs("truncated", nodes.truncated, counted(placed & ~left), nodes.node_id)
        or differs("answered + dropped", nodes.answered + dropped, counted(placed & left), nodes.node_id)
        or differs("answered at least", np.maximum(nodes.answered, answered), nodes.answered, nodes.node_id)
        or differs("refused at least", np.maximum(nodes.refused, refused), nodes.refused, nodes.node_id)
    )


def order(record: RunRecord) -> str | None:
    """Both sides of an attempt in order, each within the run."""
    table, end = record.attempts, record.ended_at
    placed_at, left_at, placed, left = _sides(table)
    arrived, started_at, finished = table.arrived_at, table.started_at, table.finished_at
    started, unfinished = ~np.isnan(started_at), np.isnan(finished)
    truncated, ok = table.status == TRUNCATED, table.status == OK
    served_at = np.where(started, started_at, placed_at)
    checks = {
        "arrived outside the run": ~((arrived >= 0.0) & (arrived <= end)),
        "placed before it came or after the end": placed & ~((placed_at >= arrived) & (placed_at <= end)),
        "placed on no node": placed & (table.node < 0),
        "started without being placed": started & ~placed,
        "started before it was placed or after the end": started & ~((started_at >= placed_at) & (started_at <= end)),
        "left without being placed": left & ~placed,
        "left before its service or after the end": left & ~((left_at >= served_at) & (left_at <= end)),
        "finished before it came or after the end": ~unfinished & ~((finished >= arrived) & (finished <= end)),
        "answered without service": ok & ~(started & left & ~unfinished),
        "answered before it left the node": ok & ~(left_at <= finished),
        "finished and truncated": truncated & ~unfinished,
        "neither finished nor truncated": ~truncated & unfinished,
    }
    if table.first_token_at is not None:
        first = table.first_token_at
        checks["first token outside its service"] = ok & ~((first >= started_at) & (first <= left_at))
    return first_problem(table, checks)


def little(record: RunRecord) -> str | None:
    """Little's law node by node, and at the balancer."""
    table = record.attempts
    placed_at, left_at, placed, _ = _sides(table)
    kept = record.nodes.area_present_s.tolist()
    counted = by_node(record, node_ends(record) - placed_at, placed)
    for node_id, book, value in zip(record.nodes.node_id, kept, counted, strict=True):
        if not close(book, value):
            return f"{node_id}: integral {book!r} s, sum of times {value!r} s"
    low, high = _central_bounds(record, placed_at, left_at, placed)
    if not within(low, record.central_area_s, high):
        return f"balancer: integral {record.central_area_s!r} s, sum of times {low!r} to {high!r} s"
    return None


def _central_bounds(record: RunRecord, placed_at: Floats, left_at: Floats, placed: Flags) -> tuple[float, float]:
    """The least and the most that attempts can have waited at the balancer, s."""
    table = record.attempts
    nowhere = table.node < 0
    unfinished = np.isnan(table.finished_at)
    end_at = np.where(unfinished, record.ended_at, table.finished_at)
    cut_at = np.where(unfinished, np.fmin(_answered_at(table), record.ended_at), table.finished_at)
    ok = table.status == OK
    no_way = bool(np.any(ok) and np.all(table.finished_at[ok] == left_at[ok]))  # no time between node and client
    if record.episodes is not None and DELAYING in record.episodes.kind:
        no_way = False
    on_way = sum_of(placed_at - table.arrived_at, placed)
    sent = sum_of(end_at - table.arrived_at, ~nowhere & ~placed)  # refused, or lost on the way
    low = sum_of(cut_at - table.arrived_at, nowhere) + (on_way if no_way else 0.0)
    return low, sum_of(end_at - table.arrived_at, nowhere) + on_way + sent


def _answered_at(table: AttemptTable) -> Floats:
    """When the request of each attempt was answered, NaN where it was not."""
    ok = np.flatnonzero(table.status == OK)
    requests, first = np.unique(table.request[ok], return_index=True)
    if not len(requests):
        return np.full(len(table), np.nan)
    place = np.minimum(np.searchsorted(requests, table.request), len(requests) - 1)
    found = requests[place] == table.request
    return np.where(found, table.finished_at[ok[first[place]]], np.nan)


def work_books(record: RunRecord) -> str | None:
    """The work a node booked as done lies between that of what was answered and that of all it served."""
    table, nodes = record.attempts, record.nodes
    _, _, _, left = _sides(table)
    started = ~np.isnan(table.started_at)
    lowest = by_node(record, table.work_s, table.status == OK)
    highest = by_node(record, table.work_s, started & left)
    dropped = np.zeros(len(highest)) if nodes.dropped is None else nodes.dropped
    books = zip(nodes.node_id, nodes.work_done_s.tolist(), lowest, highest, dropped.tolist(), strict=True)
    for node_id, kept, low, high, drops in books:
        if not within(low if drops else high, kept, high):
            return f"{node_id}: work {kept!r} s, counted {low if drops else high!r} to {high!r} s"
    return None

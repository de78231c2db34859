"""Metrics of a run whose requests were not kept, from its stream: the names and meanings of `sim.measure.metrics`.

The cut is an edge of the stream (`cut_of`), from there on counts, means, rates and the SLO are those that a table gives
(sums in another order, 1e-9); quantiles are within `histogram.RELATIVE_ERROR`. Utilization and imbalance are of the
nodes' own books, read at those edges. What looks at requests in windows of its own is left out: goodput_ratio_min,
recovery_s, recovered_ratio. Seconds.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.measure.books import apart
from sim.measure.histogram import BINS as HISTOGRAM_BINS
from sim.measure.histogram import RELATIVE_ERROR, Sketch
from sim.measure.incidents import LOST, control_metrics
from sim.measure.occupancy import NODES_MAX, ready_s
from sim.measure.stream import BINS, KINDS
from sim.measure.summary import Floats, HeatMap
from sim.measure.use import use_metrics
from sim.types.records import OK, STATUSES, RunRecord, StreamTable

NOT_STREAMED = ("goodput_ratio_min", "recovery_s", "recovered_ratio")
NOTE = (
    f"requests were counted, not kept (stats.requests_max): quantiles are within {RELATIVE_ERROR:.1%}, "
    "windows of goodput and recovery are not measured"
)


def table_of(record: RunRecord) -> StreamTable:
    """The stream of a run that has one."""
    assert record.stream is not None
    return record.stream


def cut_of(stream: StreamTable, cut_s: float) -> float:
    """The first edge at or after `cut_s` that histograms can be cut at; raises ValueError behind the last."""
    edges = stream.edges[stream.segment_bin]
    place = int(np.searchsorted(edges, cut_s))
    if place == len(edges):
        raise ValueError(f"cut_s={cut_s}: accepted is at most {edges[-1]}, the last edge of the stream")
    return float(edges[place])


def _first_bin(stream: StreamTable, cut_s: float) -> int:
    """The bin that begins at the cut."""
    place = int(np.searchsorted(stream.edges, cut_s))
    if place > BINS or stream.edges[place] != cut_s:
        raise ValueError(f"cut_s={cut_s}: accepted is an edge of the stream's bins")
    return place


def ended_by_status(stream: StreamTable, first: int = 0) -> NDArray[np.int64]:
    """Requests that arrived from bin `first` on, by how they ended, shape (statuses,)."""
    ended = stream.ended.reshape(-1, len(STATUSES))[first : BINS + 1]
    return np.asarray(ended.sum(axis=0), dtype=np.int64)


def sketches(stream: StreamTable, cut_s: float) -> dict[str, Sketch]:
    """Histograms of what arrived from `cut_s` on, by sample; raises ValueError for no edge of the stream.

    Nothing that arrived before a warm-up which the config states is in any.
    """
    first_bin = _first_bin(stream, cut_s)
    first = int(np.searchsorted(stream.segment_bin, first_bin))
    if first_bin and (first == len(stream.segment_bin) or stream.segment_bin[first] != first_bin):
        raise ValueError(f"cut_s={cut_s}: accepted is an edge of the stream's segments")
    result = {}
    for kind, name in enumerate(KINDS if stream.tokens is not None else KINDS[:2]):
        here = (stream.cell_kind == kind) & (stream.cell_segment >= first)
        counts = np.zeros(HISTOGRAM_BINS, dtype=np.int64)
        np.add.at(counts, stream.cell_bin[here], stream.cell_count[here])
        bins = np.flatnonzero(counts).astype(np.int64)
        result[name] = Sketch(bins, counts[bins])
    return result


def streamed_metrics(record: RunRecord, cut_s: float, price_per_node_hour: float) -> dict[str, float]:
    """Metrics of one replication by name, without quantiles; raises ValueError for no edge of the stream."""
    stream, horizon_s = table_of(record), record.horizon_s
    first = _first_bin(stream, cut_s)
    inside = slice(first, BINS + 1)
    result: dict[str, float] = {}

    def total(column: Any) -> Any:
        return math.fsum(column[inside].tolist()) if column.dtype == np.float64 else int(column[inside].sum())

    ended = ended_by_status(stream, first)
    answered, count = int(ended[OK]), int(ended.sum())
    if answered:
        result["sojourn_s_mean"] = total(stream.sojourn_s) / answered
        result["wait_s_mean"] = total(stream.wait_s) / answered
    window_s = horizon_s - cut_s
    result["throughput_per_s"] = total(stream.answers) / window_s
    result["goodput_per_s"] = total(stream.good) / window_s
    if stream.tokens is not None and stream.ttft_s is not None:
        assert stream.tpot_s is not None
        assert stream.tpot_count is not None
        result["tokens_per_s"] = total(stream.tokens) / window_s
        if answered:
            result["ttft_s_mean"] = total(stream.ttft_s) / answered
        if total(stream.tpot_count):
            result["tpot_s_mean"] = total(stream.tpot_s) / total(stream.tpot_count)
    if count:
        result["success_ratio"] = answered / count
        result["attempts_per_request"] = total(stream.attempts) / count
        if apart(record.attempts):
            result["lost_ratio"] = 1.0 - answered / count
            result |= {f"{STATUSES[status]}_ratio": int(ended[status]) / count for status in LOST}
    result |= _use(record, stream, cut_s, price_per_node_hour)
    return result | control_metrics(record, cut_s)


def _busy_s(stream: StreamTable) -> Floats:
    """Busy agent-seconds of each node until each instant of `busy_at`, shape (instants, nodes)."""
    return stream.busy_s.reshape(len(stream.busy_at), -1)


def _use(record: RunRecord, stream: StreamTable, cut_s: float, price_per_node_hour: float) -> dict[str, float]:
    read_s = _busy_s(stream)
    before_s = read_s[int(np.searchsorted(stream.busy_at, cut_s))] if cut_s else np.zeros(read_s.shape[1])
    return use_metrics(record, read_s[-1] - before_s, cut_s, price_per_node_hour)


def streamed_heat(record: RunRecord) -> HeatMap:
    """Utilization by node and time, between the instants at which the nodes were read."""
    stream = table_of(record)
    edges, ids = stream.busy_at, record.nodes.node_id
    busy = np.diff(_busy_s(stream), axis=0).T
    agent_s = np.stack([ready_s(record, a, b) for a, b in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)]).T
    rows = min(len(ids), NODES_MAX)
    bounds = np.arange(rows) * len(ids) // rows
    busy, agent_s = np.add.reduceat(busy, bounds), np.add.reduceat(agent_s, bounds)
    utilization = np.full_like(busy, np.nan)
    np.divide(busy, agent_s, out=utilization, where=agent_s > 0.0)
    ends = np.append(bounds[1:], len(ids)) - 1
    pairs = zip(bounds.tolist(), ends.tolist(), strict=True)
    return HeatMap(edges, [ids[a] if a == b else f"{ids[a]} to {ids[b]}" for a, b in pairs], utilization)

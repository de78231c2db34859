"""The fleet over time, of one replication: demand, size and goodput in equal bins, and the spans of what happened.

Samples of the fleet hold until the next one (the last to the horizon); a bin has their mean over its time, and NaN
where no sample covers any of it. Requests count in the bin of their arrival. At most `BINS_MAX` bins and `SPANS_MAX`
spans of a kind, the earliest. Seconds.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.measure.books import Flags
from sim.measure.incidents import counts_by_bin, shares_by_bin
from sim.measure.requests import Requests
from sim.measure.stream import BINS
from sim.measure.summary import EpisodeSpan, FleetTimeline, Floats, OutageSpan
from sim.types.records import STATUSES, RunRecord

BINS_MAX = 300
BINS_MIN = 30
REQUESTS_PER_BIN = 20  # fewer make a ratio jump
SPANS_MAX = 200
STREAM_BINS = 4  # of a stream make a bin of its timeline


def fleet_timeline(record: RunRecord, requests: Requests, good: Flags) -> FleetTimeline | None:
    """The timeline over [0, horizon], None where nothing was struck or changed; `good`: answered in time."""
    if _is_still(record):
        return None
    bins_count = min(max(len(requests) // REQUESTS_PER_BIN, BINS_MIN), BINS_MAX)
    edges = np.linspace(0.0, record.horizon_s, bins_count + 1)
    width_s = record.horizon_s / bins_count
    offered_per_s = counts_by_bin(requests.arrived_at, edges) / width_s
    return _timeline(record, edges, offered_per_s, shares_by_bin(requests, good, edges))


def streamed_timeline(record: RunRecord) -> FleetTimeline | None:
    """Likewise of a run whose requests were not kept, in 4 bins of its stream each."""
    stream = record.stream
    if stream is None or _is_still(record):
        return None
    first = 0 if stream.edges[1] > 0.0 else 1  # a stated warm-up is one bin
    starts = np.concatenate((np.arange(first, 1), np.arange(1, BINS + 1, STREAM_BINS)))
    edges = stream.edges[np.append(starts, BINS + 1)]
    offered = np.add.reduceat(stream.ended.reshape(-1, len(STATUSES)).sum(axis=1)[: BINS + 1], starts)
    shares = np.full(len(starts), np.nan)
    np.divide(np.add.reduceat(stream.good_arrived[: BINS + 1], starts), offered, out=shares, where=offered > 0)
    return _timeline(record, edges, offered / np.diff(edges), shares)


def _is_still(record: RunRecord) -> bool:
    return record.episodes is None and record.outages is None and record.series is None


def _timeline(record: RunRecord, edges: Floats, offered_per_s: Floats, goodput_ratio: Floats) -> FleetTimeline:
    unknown = np.full(len(edges) - 1, np.nan)
    series = record.series
    demand = agents = ready = starting = desired = unknown
    if series is not None:
        demand = held_mean(series.at, series.in_flight + series.waiting, edges)
        agents = held_mean(series.at, series.agents_ready, edges)
        ready = held_mean(series.at, series.nodes_ready, edges)
        starting = held_mean(series.at, series.nodes_starting, edges)
        wants = series.desired_nodes >= 0
        desired = held_mean(series.at[wants], series.desired_nodes[wants], edges)
    return FleetTimeline(
        times=edges,
        offered_per_s=offered_per_s,
        goodput_ratio=goodput_ratio,
        demand_agents=demand,
        nodes_ready=ready,
        nodes_starting=starting,
        desired_nodes=desired,
        episodes=_episodes(record),
        outages=_outages(record),
        agents_ready=None if series is None else agents,
        scale_at=None if record.scale_steps is None else record.scale_steps.at,
        scale_nodes=None if record.scale_steps is None else record.scale_steps.desired_nodes.astype(np.float64),
    )


def held_mean(at: Floats, values: NDArray[np.int32], edges: Floats) -> Floats:
    """Mean over each bin of a series that holds its value until the next sample, shape (bins,)."""
    if not len(at):
        return np.full(len(edges) - 1, np.nan)
    knots = np.append(at, max(float(edges[-1]), float(at[-1])))
    areas = np.concatenate(([0.0], np.cumsum(values * np.diff(knots))))
    covered_s = np.diff(np.clip(edges, knots[0], None))
    means = np.full(len(edges) - 1, np.nan)
    np.divide(np.diff(np.interp(edges, knots, areas)), covered_s, out=means, where=covered_s > 0.0)
    return means


def _name(record: RunRecord, node: int) -> str:
    return record.nodes.node_id[node] if node >= 0 else ""


def _episodes(record: RunRecord) -> list[EpisodeSpan]:
    table = record.episodes
    if table is None:
        return []
    rows = zip(table.kind, table.node.tolist(), table.began_at.tolist(), table.ended_at.tolist(), strict=True)
    return [EpisodeSpan(kind, _name(record, node), began, ended) for kind, node, began, ended in rows][:SPANS_MAX]


def _outages(record: RunRecord) -> list[OutageSpan]:
    table = record.outages
    if table is None:
        return []
    nodes = [_name(record, node) for node in table.node.tolist()]
    founded = table.founded.astype(np.bool_).tolist()
    rows = zip(nodes, table.cause, table.began_at.tolist(), table.ended_at.tolist(), founded, strict=True)
    return [OutageSpan(*row) for row in rows][:SPANS_MAX]

"""What faults did and what the control plane made of them, in the window [cut_s, horizon_s].

- detection: from the beginning of a fault that stops a node (`STOPPING`) until the control plane took the node out of
  service; failover: from there until the last of its agents answers elsewhere (or again). Means over those that were.
- false outages: a node was out of service and no fault explains it; per hour of the fleet.
- goodput over offered in windows of 5 s, by the arrival of the requests: the worst, and from the end of the last fault
  until it stays at .95 or above up to the horizon (recovery; left out where it never does, `recovered_ratio` 0).
- nodes in service, and reversals (changes of direction) of the size that the autoscaler wants.
A metric without an observation is left out. Seconds.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.measure.books import Flags, apart
from sim.measure.requests import Requests
from sim.measure.summary import Floats
from sim.types.records import FAILED, REJECTED, SHED, STATUSES, TIMED_OUT, EpisodeTable, OutageTable, RunRecord

SECONDS_PER_HOUR = 3600.0
STOPPING = frozenset({"crash", "pause", "partition", "zone_outage", "preemption"})
WINDOW_S = 5.0
RECOVERED_RATIO = 0.95
LOST = (REJECTED, TIMED_OUT, SHED, FAILED)
COUNTED = (
    "states_lost",
    "retries_denied",
    "ejections",
    "failovers",
)  # counters of the run that are metrics too, as `<name>_count`
INCIDENT_METRICS = (
    "lost_ratio", *(f"{STATUSES[status]}_ratio" for status in LOST), "detection_s", "failover_s", "detected_ratio",
    "false_outages_per_hour", "nodes_mean", "reversals_count", "goodput_ratio_min", "recovery_s", "recovered_ratio",
    *(f"{name}_count" for name in COUNTED),
)  # fmt: skip


def incident_metrics(record: RunRecord, requests: Requests, good: Flags, cut_s: float) -> dict[str, float]:
    """Metrics of one replication under fire; `good` (requests,) tells which requests were answered in time."""
    result: dict[str, float] = {}
    if apart(record.attempts):
        result |= _losses(record, requests, cut_s)
    if record.episodes is not None:
        result |= _recovery(record, record.episodes, requests, good, cut_s)
    return result | control_metrics(record, cut_s)


def control_metrics(record: RunRecord, cut_s: float) -> dict[str, float]:
    """What needs no requests: detection, outages, size of the fleet, counters of the run."""
    result: dict[str, float] = {}
    if record.episodes is not None:
        result |= _detection(record.episodes, cut_s, record.horizon_s)
    if record.outages is not None:
        result |= _false_outages(record.outages, cut_s, record.horizon_s)
    if record.series is not None:
        inside = (record.series.at >= cut_s) & (record.series.at <= record.horizon_s)
        if bool(np.any(inside)):
            result["nodes_mean"] = float(np.mean(record.series.nodes_ready[inside]))
    if record.scale_steps is not None:
        steps = record.scale_steps
        first = max(int(np.searchsorted(steps.at, cut_s, side="right")) - 1, 0)  # what was wanted at the cut
        last = int(np.searchsorted(steps.at, record.horizon_s, side="right"))
        result["reversals_count"] = float(reversals(steps.desired_nodes[first:last]))
    return result | {f"{name}_count": float(record.counts[name]) for name in COUNTED if name in record.counts}


def _losses(record: RunRecord, requests: Requests, cut_s: float) -> dict[str, float]:
    """Shares of the requests that arrived in the window, by how they ended."""
    inside = (requests.arrived_at >= cut_s) & (requests.arrived_at <= record.horizon_s)
    count = int(np.count_nonzero(inside))
    if not count:
        return {}
    ended = np.bincount(requests.status[inside], minlength=len(STATUSES))
    shares = {f"{STATUSES[status]}_ratio": int(ended[status]) / count for status in LOST}
    return {"lost_ratio": 1.0 - int(np.count_nonzero(requests.ok & inside)) / count} | shares


def _detection(episodes: EpisodeTable, cut_s: float, horizon_s: float) -> dict[str, float]:
    stopping = np.array([kind in STOPPING for kind in episodes.kind], dtype=np.bool_)
    chosen = stopping & (episodes.began_at >= cut_s) & (episodes.began_at <= horizon_s)
    count = int(np.count_nonzero(chosen))
    result: dict[str, float] = {}
    for name, ends in (("detection_s", episodes.detected_at), ("failover_s", episodes.failed_over_at)):
        took_s = (ends - episodes.began_at)[chosen & ~np.isnan(ends)]
        if len(took_s):
            result[name] = float(np.mean(took_s))
    if count:
        result["detected_ratio"] = int(np.count_nonzero(~np.isnan(episodes.detected_at[chosen]))) / count
    return result


def _false_outages(outages: OutageTable, cut_s: float, horizon_s: float) -> dict[str, float]:
    chosen = (outages.founded == 0) & (outages.began_at >= cut_s) & (outages.began_at <= horizon_s)
    return {"false_outages_per_hour": int(np.count_nonzero(chosen)) * SECONDS_PER_HOUR / (horizon_s - cut_s)}


def _recovery(
    record: RunRecord, episodes: EpisodeTable, requests: Requests, good: Flags, cut_s: float
) -> dict[str, float]:
    result: dict[str, float] = {}
    shares = goodput_ratios(requests, good, cut_s, record.horizon_s)
    if not bool(np.all(np.isnan(shares))):
        result["goodput_ratio_min"] = float(np.nanmin(shares))
    began = episodes.began_at <= record.horizon_s
    if not bool(np.any(began)):
        return result
    last_end = float(np.max(np.where(np.isnan(episodes.ended_at), np.inf, episodes.ended_at)[began]))
    if last_end > record.horizon_s - WINDOW_S:
        return result  # still on: nothing is known of the time after
    after = goodput_ratios(requests, good, last_end, record.horizon_s)
    if bool(np.all(np.isnan(after))):
        return result
    low = np.flatnonzero(after < RECOVERED_RATIO)  # a window without requests is neither
    windows = int(low[-1]) + 1 if len(low) else 0
    recovered = windows < len(after)
    result["recovered_ratio"] = float(recovered)
    if recovered:
        result["recovery_s"] = windows * WINDOW_S
    return result


def goodput_ratios(requests: Requests, good: Flags, start_s: float, end_s: float) -> Floats:
    """Requests answered in time over requests offered, in whole windows of 5 s from `start_s`, shape (windows,).

    NaN where none was offered.
    """
    count = int((end_s - start_s) / WINDOW_S * (1.0 + 1e-12))
    edges = start_s + WINDOW_S * np.arange(count + 1, dtype=np.float64)
    return shares_by_bin(requests, good, edges)


def shares_by_bin(requests: Requests, good: Flags, edges: Floats) -> Floats:
    """Share of good requests among those that arrived between two edges, shape (bins,); NaN where none did."""
    offered, answered = counts_by_bin(requests.arrived_at, edges), counts_by_bin(requests.arrived_at[good], edges)
    shares = np.full(len(edges) - 1, np.nan)
    np.divide(answered, offered, out=shares, where=offered > 0)
    return shares


def counts_by_bin(at: Floats, edges: Floats) -> NDArray[np.int64]:
    """How many of the ascending instants lie in [edge, next edge), shape (bins,)."""
    return np.asarray(np.diff(np.searchsorted(at, edges)), dtype=np.int64)


def reversals(values: NDArray[np.int32]) -> int:
    """How often a series changes its direction: up after down, or down after up."""
    steps = np.sign(np.diff(values.astype(np.int64)))
    steps = steps[steps != 0]
    return int(np.count_nonzero(steps[1:] != steps[:-1]))

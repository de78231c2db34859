"""A finished run as what a page can play: load of every node, latency and rates by bin, and the event log.

Bins cut [0, ended_at] into `BINS` equal parts; a sample stands at the end of its bin. In flight on a node: taken in
(`placed_at`) and not yet left; waiting: arrived, neither started nor over. A request is answered, or counts as failed,
when its last attempt ends, and its latency (nearest-rank quantiles of the answers of the bin) begins with its first.
A page holds at most `NODES_MAX` nodes and `EVENTS_MAX` events: the most frequent kinds are left out first, and told.
Instants and durations in seconds.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.runtime.events import Row
from sim.types.records import OK, RunRecord

BINS = 240
NODES_MAX = 200
EVENTS_MAX = 12_000
FLOATS = NDArray[np.float64]


def playback(record: RunRecord, rows: Sequence[Row], events_count: int) -> dict[str, Any]:
    """Plain data for JSON; `events_count` is how many events there were, of which `rows` are the newest."""
    at = np.linspace(0.0, record.ended_at, BINS + 1)
    kept, told = capped([row for row in rows if row.at <= record.ended_at], events_count - len(rows))
    names, zones, births = record.nodes.node_id, record.nodes.zone, record.nodes.born_at
    load, agents = node_loads(record, at), node_agents(record, at)
    nodes = [
        {
            "id": names[node], "zone": zones[node], "born_at": _short(births[node]),
            "gone_at": _maybe(record.nodes.gone_at[node]),
            "in_flight": None if load is None else load[node].tolist(), "agents": agents[node].tolist(),
        }
        for node in range(min(len(names), NODES_MAX))
    ]  # fmt: skip
    return {
        "ended_at": record.ended_at,
        "engine": record.engine,
        "bins": {"at": [_short(one) for one in at], **fleet_bins(record, at, load, agents)},
        "nodes": nodes,
        "nodes_left_out": max(0, len(names) - NODES_MAX),
        "events": [[_short(row.at), row.kind, row.subject, dict(_plain(row.fields))] for row in kept],
        "left_out": told,
    }


def node_loads(record: RunRecord, at: FLOATS) -> NDArray[np.int64] | None:
    """Attempts on each node at each instant, shape (nodes, instants); None where requests were not kept."""
    table = record.attempts
    if record.stream is not None:
        return None
    placed = table.arrived_at if table.placed_at is None else table.placed_at
    left = _or_end(table.finished_at if table.left_at is None else table.left_at, record)
    found = np.zeros((len(record.nodes.node_id), len(at)), dtype=np.int64)
    for node in range(len(found)):
        mine = (table.node == node) & ~np.isnan(placed)
        found[node] = _present(placed[mine], left[mine], at)
    return found


def node_agents(record: RunRecord, at: FLOATS) -> NDArray[np.int64]:
    """Agents that can serve on each node at each instant, shape (nodes, instants)."""
    nodes, steps = record.nodes, record.agent_steps
    if steps is None:
        return np.repeat(nodes.agents[:, None], len(at), axis=1)
    found = np.zeros((len(nodes.node_id), len(at)), dtype=np.int64)
    for node in range(len(found)):
        mine = steps.node == node
        total = np.concatenate([[0], np.cumsum(steps.step[mine])])
        found[node] = total[np.searchsorted(steps.at[mine], at, side="right")]
    return found


def fleet_bins(
    record: RunRecord, at: FLOATS, load: NDArray[np.int64] | None, agents: NDArray[np.int64]
) -> dict[str, list[Any]]:
    """The fleet's numbers by bin, each of the length of `at`."""
    born, gone = record.nodes.born_at, _or_end(record.nodes.gone_at, record, math.inf)
    found: dict[str, list[Any]] = {
        "nodes_ready": _present(born, gone, at).tolist(),
        "agents_ready": agents.sum(axis=0).tolist(),
    }
    series = record.series
    if series is not None and len(series.at):
        place = np.maximum(0, np.searchsorted(series.at, at, side="right") - 1)
        found["nodes_ready"] = series.nodes_ready[place].tolist()
        found["agents_ready"] = series.agents_ready[place].tolist()
        found["desired"] = [None if one < 0 else int(one) for one in series.desired_nodes[place]]
    if load is not None:
        found["in_flight"] = load.sum(axis=0).tolist()
        found |= _request_bins(record, at)
    return found


def _request_bins(record: RunRecord, at: FLOATS) -> dict[str, list[Any]]:
    """Waiting, rates and latency from the attempts."""
    table = record.attempts
    over = _or_end(table.finished_at, record)
    begun = np.where(np.isnan(table.started_at), over, np.minimum(table.started_at, over))
    order = np.lexsort((table.attempt, table.request))
    request = table.request[order]
    first = np.flatnonzero(np.r_[True, request[1:] != request[:-1]]) if len(request) else np.empty(0, dtype=np.int64)
    last = np.r_[first[1:], len(request)] - 1
    arrived, ended = table.arrived_at[order][first], table.finished_at[order][last]
    ok = table.status[order][last] == OK
    width_s = float(at[1] - at[0]) or 1.0
    place = np.clip(np.ceil(ended / width_s - 1e-9), 0, BINS)  # of truncated requests NaN: they never end
    p50: list[float | None] = [None] * (BINS + 1)
    p99: list[float | None] = [None] * (BINS + 1)
    good, bad = [0.0] * (BINS + 1), [0.0] * (BINS + 1)
    for number in range(BINS + 1):
        here = place == number
        spent = np.sort((ended - arrived)[here & ok])
        good[number], bad[number] = _short(len(spent) / width_s), _short(float(np.sum(here & ~ok)) / width_s)
        if len(spent):
            p50[number], p99[number] = (_short(spent[max(0, math.ceil(q * len(spent)) - 1)]) for q in (0.5, 0.99))
    waiting = _present(table.arrived_at, begun, at).tolist()
    return {"waiting": waiting, "ok_per_s": good, "bad_per_s": bad, "p50_s": p50, "p99_s": p99}


def capped(rows: list[Row], lost_count: int = 0, events_max: int = EVENTS_MAX) -> tuple[list[Row], str]:
    """As many rows as a page holds, in order, and what is said of the others (nothing: "")."""
    counts = Counter(row.kind for row in rows)
    left, total = [], len(rows)
    for kind, count in sorted(counts.items(), key=lambda one: (-one[1], one[0])):
        if total <= events_max:
            break
        left.append(kind)
        total -= count
    told = [f"{counts[kind]:,} of {kind}" for kind in left] + ([f"the {lost_count:,} oldest"] if lost_count else [])
    return [row for row in rows if row.kind not in left], f"Left out of this page: {', '.join(told)}." if told else ""


def _present(begins: FLOATS, ends: FLOATS, at: FLOATS) -> NDArray[np.int64]:
    """How many of the intervals [begin, end) hold each instant."""
    begun = np.searchsorted(np.sort(begins), at, side="right")
    return np.asarray(begun - np.searchsorted(np.sort(ends), at, side="right"), dtype=np.int64)


def _or_end(instants: FLOATS, record: RunRecord, end: float | None = None) -> FLOATS:
    return np.where(np.isnan(instants), np.nextafter(record.ended_at, math.inf) if end is None else end, instants)


def _plain(fields: Iterable[tuple[str, Any]]) -> Iterable[tuple[str, Any]]:
    for name, value in fields:
        if isinstance(value, float | np.floating):
            yield name, _maybe(value)
        elif value is None or isinstance(value, bool | int | str):
            yield name, value
        else:
            yield name, str(value)


def _maybe(value: Any) -> float | None:
    return _short(value) if math.isfinite(value) else None


def _short(value: Any) -> float:
    """Six significant digits, at least milliseconds: a page needs no more."""
    return round(float(value), 3) if abs(value) >= 1.0 else float(f"{float(value):.4g}")

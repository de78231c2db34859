"""Studies of a fleet under fire as the measurement would leave them: detectors under faults, autoscalers over a day."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats

from sim.measure.compare import compare_points
from sim.measure.intervals import t_interval
from sim.measure.summary import (
    EpisodeSpan,
    Estimate,
    FleetTimeline,
    Floats,
    OutageSpan,
    PointSummary,
    StudySummary,
    unit_of,
)
from sim.measure.verdict import judge
from sim.runtime.draws import CounterDraws, purpose
from tests.report.synthetic import SEED

REPLICATIONS, BINS, HORIZON_S = 10, 240, 1200.0
NAN = float("nan")
# detector -> seconds to detect (NaN: never), false outages an hour, share of requests lost
DETECTORS = {
    "none": (NAN, 0.0, 0.061),
    "victor_os": (61.0, 0.0, 0.031),
    "heartbeat_timeout": (6.4, 1.2, 0.0062),
    "consecutive_failures": (4.1, 0.3, 0.0043),
    "success_rate": (9.8, 0.1, 0.0081),
    "phi_accrual": (3.2, 3.9, 0.0040),
}
# policy -> nodes on top of the need, lag behind the need in s, noise in nodes
POLICIES = {
    "none": (0.0, 0.0, 0.0),
    "threshold": (1.2, 150.0, 2.0),
    "hpa": (1.6, 110.0, 0.3),
    "kpa": (1.9, 45.0, 0.4),
    "predictive": (1.4, 10.0, 0.4),
    "scheduled": (3.5, 0.0, 0.0),
    "on_demand": (0.4, 35.0, 0.6),
}
FIRE_FIGURES = ["timeline", "incidents", "pareto", "bars"]


def detectors(nodes: int = 10, **changes: Any) -> StudySummary:
    """Six detectors under crashes, a pause and an outage of a zone."""
    fields = {"baseline": "victor_os", "points": [_detector(name, nodes) for name in DETECTORS]}
    return _study("failover", "health", **{**fields, **changes})


def autoscalers(**changes: Any) -> StudySummary:
    """Seven policies over two waves of load, without faults."""
    fields = {"baseline": "none", "points": [_policy(name) for name in POLICIES]}
    return _study("autoscalers", "autoscaler", **{**fields, **changes})


def _study(name: str, key: str, baseline: str | None, points: list[PointSummary], **changes: Any) -> StudySummary:
    fields: dict[str, Any] = {
        "name": name,
        "question": f"Which {key} keeps a fleet of agents answering under fire, and what does it cost?",
        "command": f"victor-sim run experiment={name}",
        "objective": "sojourn_s_p99",
        "baseline": baseline,
        "compared_key": key,
        "points": points,
        "comparisons": compare_points(points, baseline, key),
        "verdicts": judge(points, "sojourn_s_p99", key),
        "seed": SEED,
        "versions": {"victor-sim": "0.1.0"},
        "valid": True,
        "figures": list(FIRE_FIGURES),
        "notes": [],
        "config": {"slo": {"metric": "sojourn_s_p99", "max": 4.0}, "stats": {"confidence_ratio": 0.95}},
        "slo_max": 4.0,
    }
    return StudySummary(**{**fields, **changes})


def summary_of(
    key: str, name: str, values: dict[str, Floats], timeline: FleetTimeline | None, lost: dict[str, int]
) -> PointSummary:
    """One point from the values of its replications."""
    return PointSummary(
        point=f"{key}={name}",
        keys={key: name},
        estimates={metric: _estimate(metric, column) for metric, column in values.items()},
        per_replication=values,
        tail=None,
        heat=None,
        valid=True,
        problems=[],
        cut_s=0.0,
        terminating=True,
        requests_count=240_000,
        losses=lost,
        config={key: {"kind": name}, "fleet": {"agents_per_node": 12}},
        engine="simpy",
        timeline=timeline,
    )


def _estimate(metric: str, values: Floats) -> Estimate:
    found = t_interval(values, 0.95)
    return Estimate(found.center, found.low, found.high, len(values), unit_of(metric))


def _detector(name: str, nodes: int) -> PointSummary:
    detection_s, false_per_hour, lost = DETECTORS[name]
    luck, own = _normal("luck", 0), _normal(name, 0)
    detected = np.isfinite(detection_s)
    values = {
        "sojourn_s_p99": (2.0 + 40 * lost) * np.exp(0.05 * luck + 0.02 * own),
        "success_ratio": 1 - lost * np.exp(0.1 * own),
        "lost_ratio": lost * np.exp(0.1 * own),
        "false_outages_per_hour": false_per_hour * np.exp(0.25 * own),
        "node_hours": np.full(REPLICATIONS, nodes * HORIZON_S / 3600) + 0.002 * own,
        "cost": 2.5 * (np.full(REPLICATIONS, nodes * HORIZON_S / 3600) + 0.002 * own),
    }
    if detected:
        values["detection_s"] = detection_s * np.exp(0.08 * own)
        values["failover_s"] = (detection_s + 5.0) * np.exp(0.08 * luck)
    losses = {"timed_out": int(lost * 200_000), "failed": int(lost * 40_000), "shed": 12 if detected else 0}
    return summary_of("health", name, values, _under_fire(name, nodes, detection_s, false_per_hour, lost), losses)


def _under_fire(name: str, nodes: int, detection_s: float, false_per_hour: float, lost: float) -> FleetTimeline:
    edges = np.linspace(0.0, HORIZON_S, BINS + 1)
    starts, noise = edges[:-1], _uniform(name, BINS)
    crashes = [("crash", f"node-{1 + at * 3 % nodes}", 130.0 + 170 * at, 190.0 + 170 * at) for at in range(4)]
    zone = [("zone_outage", f"node-{at}", 840.0, 880.0) for at in (2, 5, 8)]
    struck = [*crashes, ("pause", "node-4", 330.0, 345.0), *zone, ("overload", "", 930.0, 960.0)]
    ready, goodput = np.full(BINS, float(nodes)), 0.985 + 0.012 * noise
    outages = []
    for _, node, began, ended in struck:
        on = (starts >= began - 5) & (starts < ended)
        goodput[on] -= 0.09 + 2 * lost
        if np.isfinite(detection_s) and node and began + detection_s < ended:
            seen = (starts >= began + detection_s) & (starts < ended + 10)
            ready[seen] -= 1
            goodput[seen & on] += 0.08
            outages.append(OutageSpan(node, "health", began + detection_s, ended + 10, True))
    for at in range(int(false_per_hour * 3)):
        began = 60.0 + 1000 * float(_uniform("false", 40)[at])
        outages.append(OutageSpan(f"node-{1 + at * 7 % nodes}", "ejection", began, began + 30, False))
    if name == "none":
        goodput[starts > 840] = 0.55 + 0.1 * noise[starts > 840]
    return FleetTimeline(
        edges, np.full(BINS, 200.0), np.clip(goodput, 0, 1), 80 + 12 * noise, ready, np.zeros(BINS),
        np.full(BINS, NAN), [EpisodeSpan(*one) for one in struck], sorted(outages, key=lambda o: o.began_at),
    )  # fmt: skip


def _policy(name: str) -> PointSummary:
    over, lag_s, shake = POLICIES[name]
    edges = np.linspace(0.0, 86_400.0, BINS + 1)
    noise = _uniform(name, BINS)
    at = edges[:-1] / 86_400.0
    spike = np.where(abs(at - 0.75) < 0.012, 45.0, 0.0)
    demand = 66 - 46 * np.cos(4 * np.pi * at) + spike + 8 * (_uniform("demand", BINS) - 0.5)
    shift = round(lag_s / 86_400 * BINS * 40)
    need = np.concatenate((np.full(shift, demand[0]), demand[: BINS - shift])) / 12 + over
    wanted = np.clip(np.ceil(need + shake * (noise - 0.5) * 2), 1, 14)
    wanted = np.full(BINS, 10.0) if name == "none" else wanted
    ready = np.minimum(wanted, np.concatenate((wanted[:2], wanted[:-2])))
    demand = demand + np.maximum(demand - ready * 12, 0) * (18 if name == "threshold" else 3)
    line = FleetTimeline(
        edges, demand / 0.4, np.clip(ready * 12 / demand, 0, 1), demand, ready, wanted - ready,
        np.full(BINS, NAN) if name == "none" else wanted, [], [], ready * 12.0,
    )  # fmt: skip
    luck, own = _normal("luck", 1), _normal(name, 1)
    short = float(np.mean(np.maximum(demand / (12 * ready) - 1, 0)))
    values = {
        "sojourn_s_p99": (1.9 + 9 * short) * np.exp(0.05 * luck + 0.03 * own),
        "success_ratio": np.ones(REPLICATIONS),
        "lost_ratio": np.zeros(REPLICATIONS),
        "node_hours": 24 * float(ready.mean()) * np.exp(0.012 * own),
        "cost": 60 * float(ready.mean()) * np.exp(0.012 * own),
        "nodes_mean": float(ready.mean()) * np.exp(0.012 * own),
        "reversals_count": np.round(20 * shake * np.exp(0.1 * own)),
    }
    return summary_of("autoscaler", name, values, line, {})


def _uniform(name: str, count: int) -> Floats:
    return np.asarray(CounterDraws(SEED, 0).uniforms(purpose("fire " + name), 0, 1, count)[0], dtype=np.float64)


def _normal(name: str, entity: int) -> Floats:
    uniforms = CounterDraws(SEED, 0).uniforms(purpose("fire normal " + name), entity, 1, REPLICATIONS)[0]
    return np.asarray(stats.norm.ppf(uniforms), dtype=np.float64)

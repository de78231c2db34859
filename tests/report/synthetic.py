"""A study as the measurement would leave it, from fixed draws: ten strategies, one or two situations, maybe loads."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import stats

from sim.measure.compare import compare_points
from sim.measure.intervals import sectioning, t_interval
from sim.measure.summary import Estimate, Floats, HeatMap, PointSummary, StudySummary, TailCurve, unit_of
from sim.measure.verdict import judge
from sim.runtime.draws import CounterDraws, purpose

SEED = 7
REPLICATIONS = 10
# strategy -> how fast its tail grows, equal nodes and heterogeneous ones with several dispatchers
STRATEGIES = {
    "round_robin": (0.95, 3.4),
    "weighted_round_robin": (0.95, 1.1),
    "random": (1.45, 4.1),
    "least_connections": (0.30, 0.92),
    "weighted_least_connections": (0.302, 0.61),
    "response_time": (0.34, 0.66),
    "power_of_d": (0.42, 0.85),
    "join_idle_queue": (0.305, 0.72),
    "consistent_hash": (0.80, 1.9),
    "prequal": (0.36, 0.58),
}
SITUATIONS = ("equal nodes, 1 dispatcher", "speeds 0.5 1 2, 8 dispatchers")
QUANTILES = {"sojourn_s_p50": 0.5, "sojourn_s_p95": 0.95, "sojourn_s_p99": 0.99, "sojourn_s_p999": 0.999}


def study(loads: tuple[float, ...] = (), situations: tuple[str, ...] = SITUATIONS, **changes: Any) -> StudySummary:
    """Ten strategies in each situation and at each load; `changes` replace fields of the summary."""
    points = [
        point(strategy, index, situation, load)
        for index, situation in enumerate(situations)
        for load in loads or (None,)
        for strategy in STRATEGIES
    ]
    key, baseline = "balancer", changes.get("baseline", "round_robin")
    fields: dict[str, Any] = {
        "name": "balancers",
        "question": "Which balancing strategy should a fleet of 120 agents run, and how sure are we?",
        "command": "victor-sim run experiment=balancers seed=7",
        "objective": "sojourn_s_p99",
        "baseline": baseline,
        "compared_key": key,
        "points": points,
        "comparisons": compare_points(points, baseline, key),
        "verdicts": judge(points, "sojourn_s_p99", key),
        "seed": SEED,
        "versions": {"victor-sim": "0.1.0", "python": "3.11.7", "numpy": "2.4.6", "simpy": "4.1.2"},
        "valid": all(point.valid for point in points),
        "figures": ["forest", "quantiles", "tail", "heat", "load"],
        "notes": ["The embedded workload is fitted to published figures; its trace is not part of the repository."],
        "config": {"slo": {"metric": "sojourn_s_p99", "max": 4.0}, "stats": {"confidence_ratio": 0.95}},
        "slo_max": 4.0,
    }
    return StudySummary(**{**fields, **changes})


def point(strategy: str, situation: int, name: str, load: float | None) -> PointSummary:
    """One design point; its replications share their luck with the other strategies' (common random numbers)."""
    growth = STRATEGIES[strategy][situation]
    busy = 0.8 if load is None else load
    growth *= (1 - 0.8) / max(1 - busy, 0.01) * (busy / 0.8) ** 2
    keys = {"balancer": strategy} | ({"situation": name} if name else {})
    keys |= {} if load is None else {"arrivals.utilization_ratio": str(load)}
    luck = _normal("luck", 0)[:REPLICATIONS]
    own = _normal(strategy, situation + int(busy * 100) * 10)[:REPLICATIONS]
    factor = np.exp(0.05 * luck + 0.012 * own)
    values = {metric: factor * _latency_s(prob, growth) for metric, prob in QUANTILES.items()}
    values["sojourn_s_mean"] = factor * 0.9 * (1 + 0.35 * growth)
    values["wait_s_mean"] = values["sojourn_s_mean"] - 0.9
    lost = {"truncated": 1840, "rejected": 12} if growth > 6 else {}
    requests = 240_000
    values["success_ratio"] = np.full(REPLICATIONS, 1 - sum(lost.values()) / requests)
    values["utilization_ratio"] = busy * np.exp(0.004 * luck)
    values["imbalance_ratio"] = 1 + 0.05 * growth + 0.002 * np.abs(own)
    values["throughput_per_s"] = 96 * busy * np.exp(0.004 * luck)
    values["goodput_per_s"] = values["throughput_per_s"] * (1 - 0.01 * min(growth, 4))
    values["attempts_per_request"] = np.ones(REPLICATIONS)
    values["node_hours"] = np.full(REPLICATIONS, 10 * 2000 / 3600)
    values["cost"] = values["node_hours"] * 2.5
    estimates = {metric: _estimate(metric, column) for metric, column in values.items()}
    return PointSummary(
        point=",".join(f"{key}={value}" for key, value in keys.items()),
        keys=keys,
        estimates=estimates,
        per_replication=values,
        tail=_tail(growth, factor),
        heat=_heat(growth, busy, strategy),
        valid=True,
        problems=[],
        cut_s=120.0,
        terminating=False,
        requests_count=requests,
        losses=lost,
        config=_config(strategy, situation, busy),
        engine="simpy",
    )


def _latency_s(prob: float, growth: float) -> float:
    nines = -math.log10(1 - prob)
    return 0.45 * (1 + 0.9 * nines + growth * math.pow(nines, 1.6))


def _estimate(metric: str, values: Floats) -> Estimate:
    found = sectioning(float(values.mean()), values, 0.95) if metric in QUANTILES else t_interval(values, 0.95)
    return Estimate(found.center, found.low, found.high, len(values), unit_of(metric))


def _tail(growth: float, factor: Floats) -> TailCurve:
    prob = 1 - 10.0 ** (-np.arange(1, 86) / 20)
    latency = np.array([_latency_s(p, growth) for p in prob.tolist()]) * float(factor.mean())
    width = 0.03 + 0.02 * -np.log10(1 - prob)
    return TailCurve(prob, latency, latency * (1 - width), latency * (1 + width))


def _heat(growth: float, busy: float, strategy: str) -> HeatMap:
    nodes, bins = 10, 200
    noise = CounterDraws(SEED, 0).uniforms(purpose("heat " + strategy), 0, nodes, bins)
    slow = np.sin(np.arange(bins) / 15.0)[None, :] * 0.06
    tilt = np.linspace(-1, 1, nodes)[:, None] * 0.05 * min(growth, 3)
    return HeatMap(
        np.linspace(0, 2000, bins + 1),
        [f"node-{i + 1}" for i in range(nodes)],
        np.clip(busy + slow + tilt + (noise - 0.5) * 0.15 * min(1 + growth, 4), 0, 1),
    )


def _config(strategy: str, situation: int, busy: float) -> dict[str, Any]:
    return {
        "name": "balancers",
        "command": f"of {strategy}",
        "arrivals": {"kind": "mmpp", "utilization_ratio": busy},
        "balancer": {"kind": strategy, "d": 2, "dispatchers": 8 if situation else 1},
        "fleet": {"nodes": 10, "speeds": [0.5, 1.0, 2.0] if situation else [1.0]},
        "slo": {"metric": "sojourn_s_p99", "max": 4.0},
        "stats": {"confidence_ratio": 0.95},
    }


def _normal(name: str, entity: int) -> Floats:
    uniforms = CounterDraws(SEED, 0).uniforms(purpose("normal " + name), entity, 1, 2 * REPLICATIONS)[0]
    return np.asarray(stats.norm.ppf(uniforms), dtype=np.float64)

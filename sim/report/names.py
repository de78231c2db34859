"""Names of metrics for people: what each is called, in which unit it is shown, and which direction is better.

A name reads `<what>_<unit>_<statistic>`, e.g. `sojourn_s_p99`; names that the tables do not hold are shown as they are,
so that a study may add its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sim.measure.metrics import MAXIMIZED
from sim.report.numbers import PERCENT, PLAIN, Scale, time_scale

_TIMES = {
    "sojourn_s": "latency",
    "wait_s": "waiting time",
    "ttft_s": "time to first token",
    "tpot_s": "time per output token",
    "detection_s": "failure detection",
    "failover_s": "failover",
    "recovery_s": "recovery",
}
_STATISTICS = {"mean": "mean", "p50": "p50", "p90": "p90", "p95": "p95", "p99": "p99", "p999": "p99.9"}
_PLAIN = {
    "throughput_per_s": ("throughput", "1/s"),
    "goodput_per_s": ("goodput (within the SLO)", "1/s"),
    "tokens_per_s": ("output tokens", "1/s"),
    "imbalance_ratio": ("imbalance (busiest node over mean)", ""),
    "attempts_per_request": ("attempts a request", ""),
    "node_hours": ("node hours", "h"),
    "nodes_mean": ("ready nodes (mean)", ""),
    "cost": ("cost", "price units"),
    "false_outages_per_hour": ("false outages", "1/h"),
    "reversals_count": ("scaling reversals", ""),
    "states_lost_count": ("agents that lost state", ""),
    "retries_denied_count": ("retries denied", ""),
    "ejections_count": ("nodes ejected", ""),
    "failovers_count": ("agents placed again", ""),
}
_PERCENT = {
    "utilization_ratio": "utilization",
    "success_ratio": "success",
    "lost_ratio": "requests lost",
    "failed_ratio": "failed",
    "rejected_ratio": "rejected",
    "timed_out_ratio": "timed out",
    "shed_ratio": "shed",
    "detected_ratio": "failures detected",
    "recovered_ratio": "runs that recovered",
    "goodput_ratio_min": "worst goodput in 5 s",
}


@dataclass(frozen=True, slots=True)
class MetricName:
    """How a metric is told: `label` in prose, `short` above a column."""

    metric: str
    label: str
    short: str
    smaller_is_better: bool


def metric_name(metric: str) -> MetricName:
    """The words for a metric."""
    better = metric not in MAXIMIZED
    stem, _, statistic = metric.rpartition("_")
    if stem in _TIMES and statistic in _STATISTICS:
        words = _STATISTICS[statistic]
        short = words if stem == "sojourn_s" else f"{_TIMES[stem]} {words}"
        return MetricName(metric, f"{words} {_TIMES[stem]}", short, better)
    if metric in _TIMES:
        return MetricName(metric, _TIMES[metric], _TIMES[metric], better)
    label = _PERCENT.get(metric) or _PLAIN.get(metric, (metric, ""))[0]
    return MetricName(metric, label, label, better)


def scale_of(metric: str, unit: str, values: Iterable[float]) -> Scale:
    """The scale in which a column or an axis of this metric is shown; `values` are those to be shown."""
    if unit == "s":
        return time_scale(values)
    if metric in _PERCENT:
        return PERCENT
    if metric in _PLAIN:
        return Scale(1.0, _PLAIN[metric][1])
    return PLAIN if unit in ("", "1") else Scale(1.0, unit)


_KEYS = {
    "balancer": "strategy",
    "balancer.kind": "strategy",
    "arrivals.utilization_ratio": "offered load (share of the fleet's capacity)",
    "arrivals.rate_per_s": "arrival rate (requests/s)",
    "arrivals.speedup": "replay speed of the trace (factor)",
    "balancer.refresh_s": "refresh period of the load signal (s)",
    "fleet.nodes": "nodes",
    "balancer.dispatchers": "dispatchers",
    "autoscaler": "policy",
    "autoscaler.kind": "policy",
    "health": "health checks",
    "health.detector": "detector",
    "hedge.after_s": "hedge after (s)",
    "retry.budget_ratio": "retry budget (share of fresh requests)",
    "hedge_after": "second try after",
    "situation": "situation",
}
LOAD_KEYS = ("arrivals.utilization_ratio", "arrivals.rate_per_s", "arrivals.speedup", "balancer.refresh_s")


def key_label(key: str) -> str:
    """What a swept key means, for table heads and axes."""
    return _KEYS.get(key, key)

"""Metrics of one replication, from its tables alone.

The window is [cut_s, horizon_s]. Sojourns, waits and success are of the requests that arrived in it; throughput,
goodput and tokens count the answers given in it; utilization is busy agent-seconds in it over agent-seconds there.
Sojourn: first arrival to the answer, retries included, answered requests only. Wait: first arrival to the start of the
attempt that answered. Imbalance: largest over mean of the nodes' utilization (1: even). Node-hours and cost cover
[0, horizon_s]: the warm-up is paid for too. Quantiles: `sim.measure.quantiles`; faults and how they were met:
`sim.measure.incidents`; runs without a table of requests: `sim.measure.streamed`. A metric that has no observation is
left out.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from sim.measure.books import Flags, apart
from sim.measure.incidents import INCIDENT_METRICS, incident_metrics
from sim.measure.occupancy import busy_area_s, busy_steps
from sim.measure.quantiles import quantiles
from sim.measure.requests import Requests, requests_of
from sim.measure.samples import Sample
from sim.measure.streamed import sketches, streamed_metrics
from sim.measure.summary import Floats
from sim.measure.use import use_metrics
from sim.types.records import AttemptTable, RunRecord

# metric -> (sample, probability); the samples of all replications are pooled for the estimate
QUANTILE_METRICS: dict[str, tuple[str, float]] = {
    "sojourn_s_p50": ("sojourn_s", 0.5),
    "sojourn_s_p95": ("sojourn_s", 0.95),
    "sojourn_s_p99": ("sojourn_s", 0.99),
    "sojourn_s_p999": ("sojourn_s", 0.999),
    "ttft_s_p50": ("ttft_s", 0.5),
    "ttft_s_p99": ("ttft_s", 0.99),
    "tpot_s_p99": ("tpot_s", 0.99),
}
MAXIMIZED = frozenset(  # larger is better
    {
        "throughput_per_s", "goodput_per_s", "success_ratio", "tokens_per_s", "detected_ratio", "goodput_ratio_min",
        "recovered_ratio",
    }
)  # fmt: skip
METRICS = (
    "sojourn_s_mean", *(name for name in QUANTILE_METRICS if name.startswith("sojourn")), "wait_s_mean",
    "throughput_per_s", "goodput_per_s", "utilization_ratio", "imbalance_ratio", "success_ratio",
    "attempts_per_request", "node_hours", "cost", "ttft_s_mean", "ttft_s_p50", "ttft_s_p99", "tpot_s_mean",
    "tpot_s_p99", "tokens_per_s", *INCIDENT_METRICS,
)  # fmt: skip


def replication_metrics(
    record: RunRecord,
    cut_s: float,
    slo_max_s: float | None,
    price_per_node_hour: float,
    slo_metric: str = "sojourn_s_p99",
) -> dict[str, float]:
    """All metrics of one replication by name; `slo_max_s` (s) bounds the sample that `slo_metric` is taken of.

    Raises ValueError unless 0 <= cut_s < horizon_s.
    """
    return measure(record, cut_s, slo_max_s, price_per_node_hour, slo_metric)[0]


def replication_samples(record: RunRecord, cut_s: float) -> dict[str, Floats]:
    """The samples that quantiles are taken of, by name (`sojourn_s`, and `ttft_s`, `tpot_s` of token requests)."""
    requests = requests_of(record.attempts)
    return _samples(record.attempts, requests, _answered(requests, cut_s, record.horizon_s))


def measure(
    record: RunRecord, cut_s: float, slo_max_s: float | None, price_per_node_hour: float, slo_metric: str
) -> tuple[dict[str, float], Mapping[str, Sample]]:
    """Metrics and samples of one replication in one pass.

    A streamed run has counted its SLO already, and is cut at an edge of its stream.
    """
    if not 0.0 <= cut_s < record.horizon_s:
        raise ValueError(f"cut_s={cut_s}: accepted is 0 <= cut_s < {record.horizon_s}")
    if record.stream is not None:
        return _measure_streamed(record, cut_s, price_per_node_hour)
    table, horizon_s = record.attempts, record.horizon_s
    requests = requests_of(table)
    answered = _answered(requests, cut_s, horizon_s)
    samples = _samples(table, requests, answered)
    result = _of_samples(samples)
    starts = table.started_at[requests.answer[answered]] - requests.arrived_at[answered]
    if len(starts):
        result["wait_s_mean"] = float(np.mean(starts))
    result.update(_rates(record, requests, cut_s, slo_max_s, sample_of(slo_metric)))
    inside = (requests.arrived_at >= cut_s) & (requests.arrived_at <= horizon_s)
    inside_count = int(np.count_nonzero(inside))
    if inside_count:
        result["success_ratio"] = len(answered) / inside_count
        result["attempts_per_request"] = int(requests.attempts_count[inside].sum()) / inside_count
    result.update(_use(record, cut_s, price_per_node_hour))
    if record.episodes is not None or record.outages is not None or record.series is not None or apart(table):
        good = good_requests(table, requests, slo_max_s, slo_metric)
        result.update(incident_metrics(record, requests, good, cut_s))
    return result, samples


def _measure_streamed(
    record: RunRecord, cut_s: float, price_per_node_hour: float
) -> tuple[dict[str, float], Mapping[str, Sample]]:
    assert record.stream is not None
    result = streamed_metrics(record, cut_s, price_per_node_hour)
    samples = sketches(record.stream, cut_s)
    for metric, (sample, prob) in QUANTILE_METRICS.items():
        if sample in samples and len(samples[sample]):
            result[metric] = float(samples[sample].quantiles((prob,))[0])
    return result, samples


def good_requests(table: AttemptTable, requests: Requests, slo_max_s: float | None, slo_metric: str) -> Flags:
    """Which requests were answered, and within the SLO where there is one; shape (requests,)."""
    good = requests.ok.copy()
    if slo_max_s is not None:
        answered = np.flatnonzero(good)
        good[answered] = _within(table, requests, answered, sample_of(slo_metric)) <= slo_max_s
    return good


def sample_of(slo_metric: str) -> str:
    """The sample that the SLO bounds."""
    for sample in ("ttft_s", "tpot_s"):
        if slo_metric.startswith(sample):
            return sample
    return "sojourn_s"


def _answered(requests: Requests, cut_s: float, horizon_s: float) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    return np.flatnonzero(requests.ok & (requests.arrived_at >= cut_s) & (requests.arrived_at <= horizon_s))


def _samples(
    table: AttemptTable, requests: Requests, chosen: np.ndarray[tuple[int], np.dtype[np.intp]]
) -> dict[str, Floats]:
    samples = {"sojourn_s": requests.finished_at[chosen] - requests.arrived_at[chosen]}
    if table.first_token_at is not None and table.output_tokens is not None:
        rows = requests.answer[chosen]
        first_at, tokens = table.first_token_at[rows], table.output_tokens[rows]
        samples["ttft_s"] = first_at - requests.arrived_at[chosen]
        several = tokens > 1  # one token has no time between tokens
        samples["tpot_s"] = (table.finished_at[rows] - first_at)[several] / (tokens[several] - 1)
    return samples


def _of_samples(samples: dict[str, Floats]) -> dict[str, float]:
    result: dict[str, float] = {}
    for name, values in samples.items():
        if not len(values):
            continue
        result[f"{name}_mean"] = float(np.mean(values))
        metrics = [metric for metric, (sample, _) in QUANTILE_METRICS.items() if sample == name]
        found = quantiles(values, [QUANTILE_METRICS[metric][1] for metric in metrics])
        result.update(zip(metrics, found.tolist(), strict=True))
    return result


def _rates(
    record: RunRecord, requests: Requests, cut_s: float, slo_max_s: float | None, slo_sample: str
) -> dict[str, float]:
    """Answers per second of the window, counted when they are given."""
    table, horizon_s = record.attempts, record.horizon_s
    window_s = horizon_s - cut_s
    given = np.flatnonzero((requests.finished_at >= cut_s) & (requests.finished_at <= horizon_s))
    good = len(given)
    if slo_max_s is not None:
        good = int(np.count_nonzero(_within(table, requests, given, slo_sample) <= slo_max_s))
    result = {"throughput_per_s": len(given) / window_s, "goodput_per_s": good / window_s}
    if table.output_tokens is not None:
        tokens = int(table.output_tokens[requests.answer[given]].sum(dtype=np.int64))
        result["tokens_per_s"] = tokens / window_s
    return result


def _within(
    table: AttemptTable, requests: Requests, given: np.ndarray[tuple[int], np.dtype[np.intp]], sample: str
) -> Floats:
    """What the SLO bounds, of each answer; an answer of one token has no time between tokens and is within."""
    if sample == "sojourn_s" or table.first_token_at is None or table.output_tokens is None:
        return np.asarray(requests.finished_at[given] - requests.arrived_at[given])
    rows = requests.answer[given]
    if sample == "ttft_s":
        return np.asarray(table.first_token_at[rows] - requests.arrived_at[given])
    gaps = np.maximum(table.output_tokens[rows] - 1, 1)
    return np.asarray((table.finished_at[rows] - table.first_token_at[rows]) / gaps)


def _use(record: RunRecord, cut_s: float, price_per_node_hour: float) -> dict[str, float]:
    busy_s = busy_area_s(busy_steps(record), len(record.nodes.node_id), cut_s, record.horizon_s)
    return use_metrics(record, busy_s, cut_s, price_per_node_hour)

"""One design point over its replications: audits, metrics, pooled quantiles, tail curve, heat map, timeline, losses.

Records are taken one at a time and reduced to their metrics and samples (8 bytes a request, or histograms), so that a
point's tables never stand in memory together. Means get a t interval over replications, quantiles the pooled order
statistic with sectioning; one with fewer than 10 requests beyond it in the pooled sample is not reported and noted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sim.errors import ConfigError
from sim.measure.audits import audit, problems_of
from sim.measure.histogram import Sketch
from sim.measure.intervals import sectioning, t_interval
from sim.measure.metrics import METRICS, QUANTILE_METRICS, good_requests, measure
from sim.measure.occupancy import heat_map
from sim.measure.quantiles import BEYOND_MIN, reportable
from sim.measure.requests import requests_of
from sim.measure.samples import Sample, Sorted, pooled
from sim.measure.streamed import NOTE, cut_of, ended_by_status, streamed_heat
from sim.measure.summary import Estimate, FleetTimeline, Floats, HeatMap, PointSummary, TailCurve, unit_of
from sim.measure.timeline import fleet_timeline, streamed_timeline
from sim.types.records import ENGINE_NOTE, OK, STATUSES, RunRecord

TAIL_POINTS_PER_DECADE = 20


@dataclass(frozen=True, slots=True)
class PointFacts:
    """What the config says about a point's measures."""

    cut_s: float = 0.0
    cut_asked: bool = False  # the config states it: it holds for terminating runs too
    slo_max: float | None = None  # s
    slo_metric: str = "sojourn_s_p99"
    price_per_node_hour: float = 1.0
    confidence_ratio: float = 0.95
    replications: int | None = None  # how many there should be; None: as many as come
    recorded_count: int | None = None  # requests of the trace that replications resample: more of them are not new data
    config: dict[str, Any] = field(default_factory=dict)


class _Reduced:
    """What is kept of a point's replications."""

    def __init__(self) -> None:
        self.metrics: list[dict[str, float]] = []
        self.samples: dict[str, list[Sample]] = {}
        self.problems: list[str] = []
        self.losses = np.zeros(len(STATUSES), dtype=np.int64)
        self.heat: HeatMap | None = None
        self.timeline: FleetTimeline | None = None
        self.engine = ""
        self.terminating = False
        self.cut_s = 0.0
        self.notes: list[str] = []
        self.wall_s: list[float] = []

    def add(self, record: RunRecord, facts: PointFacts) -> None:
        number = len(self.metrics)
        self.wall_s.append(record.wall_s)
        self.problems += [f"replication {number}: {problem}" for problem in problems_of(audit(record))]
        cut_s = _cut_s(record.terminating, facts)
        if cut_s >= record.horizon_s:
            raise ConfigError("warmup", cut_s, f"seconds below the horizon of every point ({record.horizon_s:g})")
        if record.stream is None:
            self._add_requests(record, facts)
        else:
            cut_s = cut_of(record.stream, cut_s)
            self.losses += ended_by_status(record.stream)
            if number == 0:
                self.notes.append(NOTE)
                self.heat, self.timeline = streamed_heat(record), streamed_timeline(record)
        if number == 0:
            self.engine, self.terminating, self.cut_s = record.engine, record.terminating, cut_s
            self.notes += [record.notes[ENGINE_NOTE]] if ENGINE_NOTE in record.notes else []
        found, samples = measure(record, cut_s, facts.slo_max, facts.price_per_node_hour, facts.slo_metric)
        self.metrics.append(found)
        for name, values in samples.items():
            self.samples.setdefault(name, []).append(values)

    def _add_requests(self, record: RunRecord, facts: PointFacts) -> None:
        requests = requests_of(record.attempts)
        self.losses += np.bincount(requests.status, minlength=len(STATUSES))
        if not self.metrics:
            self.heat = heat_map(record)
            good = good_requests(record.attempts, requests, facts.slo_max, facts.slo_metric)
            self.timeline = fleet_timeline(record, requests, good)


def _cut_s(terminating: bool, facts: PointFacts) -> float:
    return 0.0 if terminating and not facts.cut_asked else facts.cut_s


def summarize_point(label: str, keys: dict[str, str], records: Iterable[RunRecord], facts: PointFacts) -> PointSummary:
    """Summarize a point from its replications, in their order; `records` may be a generator.

    Raises ValueError when there is no record, ConfigError when the cut is not below a run's horizon.
    """
    reduced = _Reduced()
    for record in records:
        reduced.add(record, facts)
    count = len(reduced.metrics)
    if not count:
        raise ValueError(f"{label}: a point needs at least one replication")
    if facts.replications is not None and count != facts.replications:
        reduced.problems.append(f"{count} of {facts.replications} replications are there")
    pool = {name: pooled(parts) for name, parts in reduced.samples.items()}
    per_replication = _per_replication(reduced)
    estimates = _estimates(per_replication, pool, facts, reduced.notes)
    sections = reduced.samples["sojourn_s"]
    return PointSummary(
        point=label,
        keys=dict(keys),
        estimates=estimates,
        per_replication={name: per_replication[name] for name in estimates},
        tail=_tail(sections, pool["sojourn_s"], facts),
        heat=reduced.heat,
        valid=not reduced.problems,
        problems=reduced.problems,
        cut_s=reduced.cut_s,
        terminating=reduced.terminating,
        requests_count=int(reduced.losses.sum()),
        losses={STATUSES[i]: int(n) for i, n in enumerate(reduced.losses.tolist()) if n and i != OK},
        config=facts.config,
        engine=reduced.engine,
        notes=reduced.notes,
        timeline=reduced.timeline,
        wall_s=reduced.wall_s,
    )


def _per_replication(reduced: _Reduced) -> dict[str, Floats]:
    """Values of each metric that every replication has; one that only some have is noted and left out."""
    values: dict[str, Floats] = {}
    for name in METRICS:
        found = [metrics[name] for metrics in reduced.metrics if name in metrics]
        if len(found) == len(reduced.metrics):
            values[name] = np.array(found)
        elif found:
            reduced.notes.append(f"{name} is not reported: {len(reduced.metrics) - len(found)} replications have none")
    return values


def _estimates(
    per_replication: dict[str, Floats], pool: dict[str, Sorted | Sketch], facts: PointFacts, notes: list[str]
) -> dict[str, Estimate]:
    confidence_ratio = facts.confidence_ratio
    estimates: dict[str, Estimate] = {}
    for name, values in per_replication.items():
        if name in QUANTILE_METRICS:
            sample, prob = QUANTILE_METRICS[name]
            ordered = pool[sample]
            count = _distinct(len(ordered), facts)
            if not reportable(count, prob):
                what = "requests" if count == len(ordered) else "recorded requests"
                notes.append(f"{name} is not reported: of {count} {what} fewer than {BEYOND_MIN} lie beyond it")
                continue
            center = float(ordered.quantiles((prob,))[0])
            interval = sectioning(center, values, confidence_ratio)
        else:
            interval = t_interval(values, confidence_ratio)
        estimates[name] = Estimate(interval.center, interval.low, interval.high, len(values), unit_of(name))
    return estimates


def tail_probs(count: int) -> Floats:
    """Probabilities of a tail curve of `count` observations, even in log(1 - p), ending where 10 lie beyond."""
    beyond = np.log10(count / BEYOND_MIN) if count > BEYOND_MIN else 0.0
    steps = int(beyond * TAIL_POINTS_PER_DECADE)
    exact = [prob for prob in (0.5, 0.9, 0.95, 0.99, 0.999, 0.9999) if reportable(count, prob)]
    probs = 1.0 - 10.0 ** (-np.arange(1, steps + 1) / TAIL_POINTS_PER_DECADE)
    return np.unique(np.concatenate((np.round(probs, 12), exact)))


def _distinct(count: int, facts: PointFacts) -> int:
    """Observations that are not copies of a recorded one."""
    return count if facts.recorded_count is None else min(count, facts.recorded_count)


def _tail(sections: list[Sample], ordered: Sorted | Sketch, facts: PointFacts) -> TailCurve | None:
    """None where the sample is too small for any quantile, or a replication answered nothing."""
    confidence_ratio = facts.confidence_ratio
    probs = tail_probs(_distinct(len(ordered), facts))
    if not len(probs) or not all(len(section) for section in sections):
        return None
    grid = probs.tolist()
    latency_s = ordered.quantiles(grid)
    rows = np.stack([pooled([section]).quantiles(grid) for section in sections])
    intervals = [sectioning(center, rows[:, i], confidence_ratio) for i, center in enumerate(latency_s.tolist())]
    low_s = np.maximum(np.array([interval.low for interval in intervals]), 0.0)
    return TailCurve(probs, latency_s, low_s, np.array([interval.high for interval in intervals]))

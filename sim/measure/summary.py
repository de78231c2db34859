"""Nouns of what was measured: estimates of a design point, comparisons of two, the verdict of a group, a whole study.

Units stand in the metric's name: `*_s` seconds, `*_ratio` 1, `*_per_s` 1/s; `unit_of` tells them. Plain data without
behavior, so that the report can be made again from what is stored.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A metric over replications; the interval is NaN where one replication gives none."""

    mean: float  # for quantiles: that of the pooled sample
    ci_low: float
    ci_high: float
    replications: int
    unit: str


@dataclass(frozen=True, slots=True)
class TailCurve:
    """Quantiles of the pooled sojourns with a sectioning band, as far as 10 requests lie beyond; shape (points,)."""

    prob: Floats
    latency_s: Floats
    low_s: Floats
    high_s: Floats


@dataclass(frozen=True, slots=True)
class HeatMap:
    """Busy share of the agents by node (or group of neighbors) and time, of replication 0."""

    times: Floats  # edges of the bins, s, shape (bins + 1,)
    node_ids: list[str]
    utilization: Floats  # shape (nodes, bins), NaN where a node is not there


@dataclass(frozen=True, slots=True)
class EpisodeSpan:
    """A fault as it was injected, seconds; `node_id` "" names no node, `ended_at` NaN: still on at the end."""

    kind: str
    node_id: str
    began_at: float
    ended_at: float


@dataclass(frozen=True, slots=True)
class OutageSpan:
    """A time that the control plane kept a node out of service; `founded`: a fault was on there."""

    node_id: str
    cause: str
    began_at: float
    ended_at: float  # NaN: still out at the end
    founded: bool


@dataclass(frozen=True, slots=True)
class FleetTimeline:
    """The fleet over time, of replication 0; arrays of shape (bins,), NaN where a bin holds no observation.

    `goodput_ratio`: of the requests offered in the bin, those answered within the SLO (or the deadline; else at all).
    """

    times: Floats  # edges of the bins, s, shape (bins + 1,)
    offered_per_s: Floats
    goodput_ratio: Floats
    demand_agents: Floats  # requests in flight and waiting, mean over the bin
    nodes_ready: Floats
    nodes_starting: Floats
    desired_nodes: Floats  # NaN without an autoscaler
    episodes: list[EpisodeSpan]  # at most 200, the earliest
    outages: list[OutageSpan]  # at most 200, the earliest
    agents_ready: Floats | None = None  # agents that can serve, mean over the bin: what demand is held against
    scale_at: Floats | None = None  # instants at which the autoscaler wanted another number of nodes, shape (changes,)
    scale_nodes: Floats | None = None  # what it wanted from then on, likewise


@dataclass(slots=True)
class PointSummary:
    """One design point over its replications."""

    point: str  # label of the swept keys
    keys: dict[str, str]
    estimates: dict[str, Estimate]
    per_replication: dict[str, Floats]  # metric -> shape (replications,)
    tail: TailCurve | None
    heat: HeatMap | None
    valid: bool
    problems: list[str]  # failed audits, missing replications: why it is not valid
    cut_s: float
    terminating: bool
    requests_count: int  # arrived, over all replications, warm-up included
    losses: dict[str, int]  # status other than ok -> requests that ended so, over all replications
    config: dict[str, Any]
    engine: str
    notes: list[str] = field(default_factory=list)  # what is left out and why
    timeline: FleetTimeline | None = None  # where the fleet was under fire (faults, outages) or changed its size
    wall_s: list[float] = field(default_factory=list)  # what each replication took to run


@dataclass(frozen=True, slots=True)
class Comparison:
    """`point` minus `baseline`, paired by replication; the interval is simultaneous, the p-value Holm's."""

    point: str
    baseline: str
    metric: str
    unit: str
    difference: float
    ci_low: float
    ci_high: float
    p_value: float
    p_adjusted: float
    relative_ratio: float  # difference over the baseline's value


@dataclass(frozen=True, slots=True)
class Effect:
    """What one level of a factor, or two levels of two together, add to a metric's mean over the whole sweep."""

    metric: str
    unit: str
    levels: tuple[tuple[str, str], ...]  # swept key and value; one pair: a main effect, two: an interaction
    effect: float  # of an interaction: beyond what its two main effects add up to
    ci_low: float  # simultaneous over the metric's effects, as `ci_high`
    ci_high: float
    p_value: float
    p_adjusted: float  # Holm over all effects of all metrics asked


@dataclass(frozen=True, slots=True)
class Share:
    """How much of the points' variation in a metric a factor, or two together, account for."""

    metric: str
    keys: tuple[str, ...]
    ratio: float


@dataclass(frozen=True, slots=True)
class Sweep:
    """A sweep as a whole: factor effects of a full one, and all pairs of its points, adjusted over everything asked."""

    metrics: tuple[str, ...]
    effects: tuple[Effect, ...] = ()
    shares: tuple[Share, ...] = ()
    pairs: tuple[Comparison, ...] = ()  # `baseline` is the other point; `p_adjusted` by Holm over all of them
    notes: tuple[str, ...] = ()  # what is left out and why


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is best in a group; points are named by their labels, `best` is empty where none can be named."""

    group: str
    best: str
    not_separable: list[str]
    excluded: list[str]  # success separably below the highest
    invalid: list[str]
    metric: str
    confidence_ratio: float
    text: str


@dataclass(slots=True)
class StudySummary:
    """A study: all that the report shows."""

    name: str
    question: str
    command: str
    objective: str
    baseline: str | None
    compared_key: str
    points: list[PointSummary]
    comparisons: list[Comparison]
    verdicts: list[Verdict]
    seed: int
    versions: dict[str, str]
    valid: bool
    figures: list[str]
    notes: list[str]
    config: dict[str, Any]
    slo_max: float | None
    sweep: Sweep | None = None  # where several points were run as planned (no race, no search)


_UNITS = {"cost": "price units", "node_hours": "h", "attempts_per_request": "1"}
_SUFFIXES = (("_per_s", "1/s"), ("_per_hour", "1/h"), ("_ratio", "1"), ("_count", "1"))


def unit_of(metric: str) -> str:
    """Unit of a metric by its name, e.g. `sojourn_s_p99` -> "s"; "1" where the name states none."""
    if metric in _UNITS:
        return _UNITS[metric]
    for suffix, unit in _SUFFIXES:
        if metric.endswith(suffix):
            return unit
    return "s" if "_s_" in metric or metric.endswith("_s") else "1"

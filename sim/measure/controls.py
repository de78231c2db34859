"""Control variates with exactly known means: the luck of a replication's load, told apart from what is estimated.

Lavenberg and Welch (1981): regress the replications' values on controls X_r of known mean 0 and take out what they
explain, each replication by the weights that the others give (Avramidis and Wilson 1993: no bias, whatever the shape);
with k controls R - k - 1 degrees are left.
Controls of a window of Poisson (or evenly spaced) arrivals with independent demands: the number of arrivals and the
mean demand, each over its mean, less 1; and products of the load's surplus in a bin of time (work that came less its
mean) with its own exponentially smoothed past, whose mean is 0 since bins are independent: a queue is long after
surplus has followed surplus. The controls' own means are tested, so that a wrong load is found and not corrected away.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from sim.measure.intervals import center_of
from sim.measure.summary import Floats
from sim.types.records import RunRecord

SMOOTHING = (0.1, 0.5, 2.0)  # of the relaxation time
BINS_PER_RELAXATION = 50


@dataclass(frozen=True, slots=True)
class Controlled:
    """A value at the controls' known mean, with its standard error and degrees of freedom."""

    center: float
    standard_error: float
    degrees: int


def controlled(center: float, values: Floats, controls: Floats) -> Controlled:
    """Correct `values` (R,) by `controls` (R, k) of mean 0; `center` is the mean of `values` or a pooled quantile.

    A control that does not vary (an input without chance) is left out. Raises ValueError unless R > k + 2.
    """
    count = len(values)
    varying = controls[:, np.ptp(controls, axis=0) > 0.0]
    degrees = count - varying.shape[1] - 1
    if degrees < 2:
        raise ValueError(f"{count} replications are too few for {varying.shape[1]} controls")
    design = np.column_stack((np.ones(count), varying / np.std(varying, axis=0)))
    corrections = np.empty(count)
    for left_out in range(count):
        others = np.arange(count) != left_out
        weights, *_ = np.linalg.lstsq(design[others], values[others], rcond=None)
        corrections[left_out] = design[left_out, 1:] @ weights[1:]
    corrected = values - corrections
    mean = center_of(corrected)
    deviations = corrected - mean
    pooling = (center - center_of(values)) ** 2  # sectioning: the spread is about the pooled quantile
    variance = float(deviations @ deviations) / degrees / count + pooling / (count - 1)
    return Controlled(center - center_of(corrections), math.sqrt(variance), degrees)


@dataclass(frozen=True, slots=True)
class Load:
    """What is known of the load: how requests come, how they are dealt to the nodes, how fast the queue forgets."""

    rate_per_s: float
    mean_work_s: float
    relaxation_s: float
    poisson: bool = True  # else evenly spaced
    in_turn: bool = False  # nodes take turns; else one node, a random split, or nodes seen as one
    by_node: bool = False  # surplus of each node, where the split does not depend on the queues


def control_values(record: RunRecord, load: Load, cut_s: float) -> Floats:
    """Controls of one replication over [cut_s, horizon_s], shape (2 + len(SMOOTHING),), each of mean 0."""
    table = record.attempts
    fresh = table.attempt == 0  # retries and hedges are not the load
    inside = np.flatnonzero(fresh & (table.arrived_at >= cut_s) & (table.arrived_at < record.horizon_s))
    work_s = table.work_s[inside]
    expected = load.rate_per_s * (record.horizon_s - cut_s)
    node = table.node[inside].astype(np.int64) if load.by_node else np.zeros(len(inside), dtype=np.int64)
    nodes_count = len(record.nodes.node_id) if load.by_node else 1
    if load.poisson:
        count = len(inside) / expected - 1.0
        at = (table.arrived_at[inside] - cut_s) / (record.horizon_s - cut_s)
        surplus = surplus_by_time(at, work_s, node, nodes_count, load, record.horizon_s - cut_s)
    else:
        count = 0.0
        surplus = surplus_by_order(work_s, load)
    mean = float(work_s.mean()) / load.mean_work_s - 1.0 if len(work_s) else 0.0
    bins_per_s = 1.0 / (load.relaxation_s / BINS_PER_RELAXATION)
    products = [
        smoothed_product(surplus, math.exp(-1.0 / (share * load.relaxation_s * bins_per_s))) for share in SMOOTHING
    ]
    return np.array([count, mean, *products])


def surplus_by_time(
    at: Floats, work_s: Floats, node: NDArray[np.int64], nodes_count: int, load: Load, window_s: float
) -> Floats:
    """Work that came less its mean, shape (nodes, bins); `at` is the share of the window passed, 0 to 1."""
    bins_count = max(2, math.ceil(window_s / load.relaxation_s * BINS_PER_RELAXATION))
    bin_of = np.minimum((at * bins_count).astype(np.int64), bins_count - 1)
    expected = load.rate_per_s * window_s / bins_count / nodes_count
    cells = node * bins_count + bin_of
    shape = (nodes_count, bins_count)
    came = np.bincount(cells, weights=work_s, minlength=nodes_count * bins_count).reshape(shape)
    if not load.in_turn:
        return np.asarray(came - expected * load.mean_work_s)
    # in turn a node's own count remembers; demands and the count over all nodes do not
    counts = np.bincount(cells, minlength=nodes_count * bins_count).reshape(shape)
    totals = np.bincount(bin_of, minlength=bins_count) / nodes_count
    return np.asarray(came - counts * load.mean_work_s + (totals - expected)[None, :] * load.mean_work_s)


def surplus_by_order(work_s: Floats, load: Load) -> Floats:
    """Surplus of consecutive evenly spaced requests, shape (1, bins): their gaps hold no chance."""
    size = max(1, int(load.rate_per_s * load.relaxation_s / BINS_PER_RELAXATION))
    bins_count = len(work_s) // size
    return np.asarray((work_s[: bins_count * size] - load.mean_work_s).reshape(1, bins_count, size).sum(axis=2))


def smoothed_product(surplus: Floats, decay: float) -> float:
    """Mean over bins and nodes of surplus x its smoothed past; (nodes, bins), 0 < decay < 1."""
    if surplus.shape[1] < 2:
        return 0.0
    past = lfilter([1.0], [1.0, -decay], surplus, axis=1)
    return float(np.mean(surplus[:, 1:] * past[:, :-1]))

"""Is the load what the config says? Without this, control variates would correct a wrong load away.

Every control has a known mean of 0. Each is tested in each case by t over replications; the count of arrivals and the
mean demand are tested again over all cases that share a law, weighted by requests, where an error of a fraction of a
percent shows; cases have seeds of their own, so that their variances add. All tests share one level (Bonferroni).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from sim.bench.validate_table import InputCheck
from sim.measure.intervals import center_of
from sim.measure.summary import Floats

INPUTS = ("arrivals", "mean demand", "surplus, short memory", "surplus, middle memory", "surplus, long memory")
ROUNDING = 1e-9  # an input without chance is off by no more


@dataclass(frozen=True, slots=True)
class SeenLoad:
    """The controls of one case, shape (replications, inputs), and how many requests stand behind each row."""

    case: str
    law: str  # of the demands
    expected_count: float
    controls: Floats


def check_inputs(loads: Sequence[SeenLoad], alpha: float) -> list[InputCheck]:
    """Every control of every case, then arrivals over all cases and mean demand over each law's cases."""
    laws = list(dict.fromkeys(load.law for load in loads))
    level = alpha / (len(loads) * len(INPUTS) + 1 + len(laws))
    checks = [_one(load, index, level) for load in loads for index in range(len(INPUTS))]
    checks.append(_over(loads, "all cases", 0, level))
    checks += [_over([load for load in loads if load.law == law], f"all of {law} demand", 1, level) for law in laws]
    return checks


def _one(load: SeenLoad, index: int, level: float) -> InputCheck:
    column = load.controls[:, index]
    count = len(column)
    limit = float(stats.t.isf(level / 2.0, count - 1)) * float(np.std(column, ddof=1)) / math.sqrt(count)
    return _check(load.case, index, center_of(column), limit)


def _over(loads: Sequence[SeenLoad], name: str, index: int, level: float) -> InputCheck:
    """The mean over cases weighted by their requests; fewest degrees of freedom of any of them."""
    weights = np.array([load.expected_count * len(load.controls) for load in loads])
    weights = weights / weights.sum()
    means = np.array([load.controls[:, index].mean() for load in loads])
    variances = np.array([np.var(load.controls[:, index], ddof=1) / len(load.controls) for load in loads])
    spread = math.sqrt(float(np.dot(weights * weights, variances)))
    degrees = min(len(load.controls) for load in loads) - 1
    return _check(name, index, float(np.dot(weights, means)), float(stats.t.isf(level / 2.0, degrees)) * spread)


def _check(case: str, index: int, mean: float, limit: float) -> InputCheck:
    return InputCheck(case, INPUTS[index], mean, limit, abs(mean) <= max(limit, ROUNDING))

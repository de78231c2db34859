"""Scores of claims against truth: bias, coverage, calibration, harm; each a mean over recommendations, by seed.

Claimed and true are in % of the incumbent's utility. Bias = (sum claimed - sum true) / sum true. Calibration error: ten
bins of equal mass over the stated confidence, the mean distance of confidence and share truly better (Naeini et al.
2015); Brier score likewise of all. A perfect forecaster scores about .03 with 1,000 claims.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from sim.bench.optimize.spread import Estimate, over_seeds

BINS = 10
HARM_PERCENT = -1.0


@dataclass(frozen=True, slots=True)
class Judged:
    """One recommendation as `claims.csv` has it."""

    surface: str
    seed: int
    window: int
    claimed: float
    ci_low: float
    ci_high: float
    confidence: float
    applied: bool
    true: float
    stated: bool = True
    verified: float = math.nan


def ratio_over_seeds(
    rows: Sequence[Judged], seeds: Sequence[int], top: Callable[[Judged], float], bottom: Callable[[Judged], float]
) -> Estimate:
    """Sum of `top` over sum of `bottom`, seeds resampled."""
    sums = np.array(
        [[sum(top(row) for row in rows if row.seed == seed), sum(bottom(row) for row in rows if row.seed == seed)]
         for seed in seeds]
    )  # fmt: skip

    def statistic(chosen: Sequence[int]) -> float:
        above, below = sums[list(chosen)].sum(axis=0)
        return float(above / below) if below else math.nan

    return over_seeds(len(seeds), statistic)


def share(rows: Sequence[Judged], seeds: Sequence[int], holds: Callable[[Judged], bool]) -> Estimate:
    """Share of rows for which something holds."""
    return ratio_over_seeds(rows, seeds, lambda row: float(holds(row)), lambda row: 1.0)


def is_covered(row: Judged) -> bool:
    """Whether the stated interval holds the truth."""
    return row.ci_low <= row.true <= row.ci_high


def is_harm(row: Judged) -> bool:
    """Whether following it loses more than 1 %."""
    return row.true < HARM_PERCENT


@dataclass(frozen=True, slots=True)
class Bin:
    """A bin of the reliability diagram."""

    confidence: float
    better: float
    count: int


def reliability(rows: Sequence[Judged]) -> tuple[Bin, ...]:
    """Bins of equal mass over the stated confidence."""
    if not rows:
        return ()
    ordered = sorted(rows, key=lambda row: (row.confidence, row.surface, row.seed, row.window))
    parts = np.array_split(np.arange(len(ordered)), min(BINS, len(ordered)))
    return tuple(
        Bin(
            float(np.mean([ordered[at].confidence for at in part])),
            float(np.mean([ordered[at].true > 0.0 for at in part])),
            len(part),
        )
        for part in parts
    )


def calibration_error(bins: Sequence[Bin]) -> float:
    """Expected calibration error; NaN without bins."""
    total = sum(each.count for each in bins)
    if not total:
        return math.nan
    return sum(each.count * abs(each.confidence - each.better) for each in bins) / total


def brier(rows: Sequence[Judged]) -> float:
    """Mean squared distance of confidence and outcome; NaN without rows."""
    if not rows:
        return math.nan
    return float(np.mean([(row.confidence - float(row.true > 0.0)) ** 2 for row in rows]))

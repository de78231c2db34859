"""Which of k systems is best, and with what probability: racing under common random numbers, and a fixed budget.

- KN (Kim and Nelson 2001): systems race replication by replication; one is out when it is separably worse than another
  by more than nothing or by the indifference zone `delta` at most. h^2 = 2 eta (n0 - 1), eta = ((2 a / (k - 1))^(-2 /
  (n0 - 1)) - 1) / 2; after r replications i falls to l when mean_i > mean_l + max(0, (h^2 S_il^2 / delta - delta r) /
  2 r), S_il^2 the variance of the first n0 paired differences. The best is kept with probability at least 1 - a when
  it is better than every other by `delta`, for normal values, correlated or not; independent systems may use
  1 - (1 - a)^(1 / (k - 1)) in the place of a / (k - 1).
- OCBA (Chen, Lin, Yucesan, Chick 2000): how a budget is best split over systems that do not share their draws.
Values are such that the smaller is better, shape (replications, systems); negate what is maximized.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from sim.measure.summary import Floats

FIRST_MIN = 3  # replications from which a variance is taken


@dataclass(frozen=True, slots=True)
class RaceRules:
    """What a race is run by; raises ValueError for values that give no guarantee."""

    delta: float  # indifference zone: a difference below it does not matter, unit of the values
    first: int = 10  # replications before anybody falls
    confidence_ratio: float = 0.95
    independent: bool = False  # systems share no draws

    def __post_init__(self) -> None:
        if not (self.delta > 0.0 and math.isfinite(self.delta)):
            raise ValueError(f"indifference zone {self.delta}: accepted is above 0")
        if self.first < FIRST_MIN:
            raise ValueError(f"{self.first} first replications: accepted is {FIRST_MIN} or more")
        if not 0.0 < self.confidence_ratio < 1.0:
            raise ValueError(f"confidence {self.confidence_ratio}: accepted is (0, 1)")


@dataclass(frozen=True, slots=True)
class Race:
    """How a race stands after some replications."""

    alive: tuple[int, ...]  # systems, by number
    fallen_at: dict[int, int]  # system -> replications that had been seen when it fell, in the order of falling
    best: int | None  # once the race is over
    seen: int  # replications that it took, or so far
    needed_max: int  # replications after which the race is over whatever comes; 0 before the first ones are there


def kn_h2(systems: int, rules: RaceRules) -> float:
    """The constant h^2 of KN for k >= 2 systems."""
    alpha = 1.0 - rules.confidence_ratio
    share = 1.0 - (1.0 - alpha) ** (1.0 / (systems - 1)) if rules.independent else alpha / (systems - 1)
    eta = 0.5 * ((2.0 * share) ** (-2.0 / (rules.first - 1)) - 1.0)
    return float(2.0 * eta * (rules.first - 1))


def race(values: Floats, rules: RaceRules) -> Race:
    """Replay a race over `values` (replications, systems), as far as they go.

    A row counts once everybody who is still alive has a value there (NaN: not run), so that who finishes first changes
    nothing. Identical systems have no variance and end the race at once; the first of equals is named.
    """
    rows, systems = values.shape
    everybody = tuple(range(systems))
    if rows < rules.first or np.isnan(values[: rules.first]).any():
        return Race(everybody, {}, None, _full_rows(values[: rules.first]), 0)
    if systems == 1:
        return Race(everybody, {}, 0, rules.first, rules.first)
    variances = _difference_variances(values[: rules.first])
    reach = kn_h2(systems, rules) * variances / rules.delta  # seconds times replications
    alive, fallen_at = list(everybody), dict[int, int]()
    sums = values[: rules.first].sum(axis=0)
    seen = rules.first
    while True:
        fallen = _falls(alive, sums / seen, reach, seen, rules.delta)
        alive = [system for system in alive if system not in fallen]
        fallen_at.update(dict.fromkeys(fallen, seen))
        needed = _needed(alive, reach, rules.delta)
        if len(alive) == 1 or seen > needed:
            best = min(alive, key=lambda system: (sums[system], system))
            return Race(tuple(alive), fallen_at, best, seen, max(seen, needed + 1))
        if seen == rows or np.isnan(values[seen, alive]).any():
            return Race(tuple(alive), fallen_at, None, seen, needed + 1)
        sums = sums + values[seen]  # what has fallen may turn NaN: nobody looks at it any more
        seen += 1


def _full_rows(values: Floats) -> int:
    """Leading rows without a gap."""
    gaps = np.flatnonzero(np.isnan(values).any(axis=1))
    return int(gaps[0]) if len(gaps) else len(values)


def _difference_variances(values: Floats) -> Floats:
    """Sample variance of the paired differences, shape (systems, systems)."""
    centered = values - values.mean(axis=0)
    differences = centered[:, :, None] - centered[:, None, :]
    found: Floats = (differences**2).sum(axis=0) / (len(values) - 1)
    return found


def _falls(alive: list[int], means: Floats, reach: Floats, seen: int, delta: float) -> list[int]:
    """Who is out now: judged all at once, by the means of this instant."""
    out = []
    for one in alive:
        for other in alive:
            allowed = max(0.0, (reach[one, other] - delta * seen) / (2.0 * seen))
            if other != one and means[one] > means[other] + allowed:
                out.append(one)
                break
    return out


def _needed(alive: list[int], reach: Floats, delta: float) -> int:
    """Replications after which nothing is allowed any more between those that are left."""
    return int(max((reach[one, other] / delta for one in alive for other in alive if one < other), default=0.0))


def correct_selection_prob(values: Floats, best: int, delta: float = 0.0) -> float:
    """Probability that `best` is within `delta` of the best, as the data say it: a lower bound (Bonferroni).

    1 - sum over others of P(T > t), t from the paired differences over `values` (replications, systems), each over the
    rows that both have (NaN: not run). Raises ValueError with fewer than two of them.
    """
    wrong = 0.0
    for other in range(values.shape[1]):
        if other == best:
            continue
        differences = values[:, other] - values[:, best]
        differences = differences[~np.isnan(differences)]
        rows = len(differences)
        if rows < 2:
            raise ValueError(f"{rows} replications: a spread needs two")
        lead = float(differences.mean()) + delta
        error = float(differences.std(ddof=1)) / math.sqrt(rows)
        if error == 0.0:
            wrong += 0.0 if lead > 0.0 or not differences.any() else 1.0  # never apart: the same system
        else:
            wrong += float(special.stdtr(rows - 1, -lead / error))  # Student's upper tail
    return max(0.0, 1.0 - wrong)


def ocba_shares(means: Floats, deviations: Floats) -> Floats:
    """Shares of a budget by OCBA, shape (systems,), sum 1: N_i ~ (s_i / d_i)^2, N_b = s_b sqrt(sum (N_i / s_i)^2).

    `deviations` are the standard deviations of one replication. Systems equal to the best in the mean count as being a
    thousandth of the spread of all means away from it, those without spread as having a thousandth of the largest.
    """
    count = len(means)
    if count == 1:
        return np.ones(1)
    spread = float(np.ptp(means))
    deviation = np.maximum(deviations, 1e-3 * float(deviations.max()))
    if spread == 0.0 or not deviation.any():
        return np.full(count, 1.0 / count)
    best = int(np.argmin(means))
    others = np.arange(count) != best
    gap = np.maximum(means - means[best], 1e-3 * spread)
    weight = np.zeros(count)
    weight[others] = (deviation[others] / gap[others]) ** 2
    weight[best] = deviation[best] * math.sqrt(float(((weight[others] / deviation[others]) ** 2).sum()))
    shares: Floats = weight / weight.sum()
    return shares


def ocba_next(means: Floats, deviations: Floats, counts: NDArray[np.int64], budget: int) -> NDArray[np.int64]:
    """How many more replications each system gets so that all `counts` together come to `budget`, shape (systems,).

    Nothing is taken back: who has more than its share gets none, and the others share what is left. Whole numbers by
    largest remainder, ties to the first.
    """
    more = budget - int(counts.sum())
    if more <= 0:
        return np.zeros(len(counts), dtype=np.int64)
    wanted = np.maximum(ocba_shares(means, deviations) * budget - counts, 0.0)
    wanted *= more / wanted.sum()
    whole = np.floor(wanted).astype(np.int64)
    order = np.argsort(-(wanted - whole), kind="stable")
    whole[order[: more - int(whole.sum())]] += 1
    return whole

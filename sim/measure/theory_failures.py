"""Known values of fleets that fail, retry, hedge and watch: the oracles of `validate` beside `sim.measure.theory`.

The mean service is 1 and results are in mean service times unless the name says otherwise; `f` and `r` are rates of
failure and repair. Each function names its source. Arguments out of range raise ValueError.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np


def _require(good: bool, what: str) -> None:
    if not good:
        raise ValueError(f"accepted is {what}")


def breakdown_sojourn(rate: float, f: float, r: float) -> float:
    """Mean sojourn of M/M/1 that breaks down at rate f, idle or not, is repaired at rate r and resumes.

    E[N] = lam ((r + f)^2 + mu f) / ((r + f)(r mu - lam (r + f))), mu = 1 (White and Christie 1958; Avi-Itzhak and Naor
    1963), over lam by Little's law.
    """
    _require(rate > 0.0 and f >= 0.0 and r > rate * (r + f), "rate > 0, f >= 0 and rate below the share of time up")
    up = r + f
    return (up * up + f) / (up * (r - rate * up))


@dataclass(frozen=True, slots=True)
class Repair:
    """Nodes that fail and are repaired, in the long run."""

    down: tuple[float, ...]  # P(k nodes are down), k = 0..nodes

    @property
    def down_mean(self) -> float:
        """Mean number of nodes down."""
        return math.fsum(k * prob for k, prob in enumerate(self.down))

    @property
    def up_mean(self) -> float:
        """Mean number of nodes up."""
        return len(self.down) - 1 - self.down_mean

    @property
    def availability(self) -> float:
        """Share of time that a node is up."""
        return self.up_mean / (len(self.down) - 1)


def machine_repair(nodes: int, mttf: float, mttr: float, repairers: int = 0) -> Repair:
    """Nodes that fail after exponential times and wait for one of the repairers (0: one each); any unit of time.

    Birth-death chain of the number down: k -> k + 1 at rate (nodes - k) / mttf, back at min(k, repairers) / mttr
    (Palm 1947; Feller 1957, XVII.6).
    """
    _require(nodes >= 1 and mttf > 0.0 and mttr > 0.0 and repairers >= 0, "at least 1 node, times above 0")
    hands = repairers or nodes
    weights = [1.0]
    for k in range(nodes):
        weights.append(weights[-1] * (nodes - k) / mttf / (min(k + 1, hands) / mttr))
    total = math.fsum(weights)
    return Repair(tuple(weight / total for weight in weights))


def retry_attempts(failure_prob: float, attempts_max: int) -> float:
    """Mean attempts of a request, at most `attempts_max`, each failing alone: (1 - p^a) / (1 - p) (geometric sum)."""
    _require(0.0 <= failure_prob < 1.0 and attempts_max >= 1, "0 <= failure_prob < 1, at least 1 attempt")
    return (1.0 - failure_prob**attempts_max) / (1.0 - failure_prob)


def any_slow_prob(slow_prob: float, parts: int) -> float:
    """P(at least one of `parts` is slow) = 1 - (1 - p)^n (Dean and Barroso 2013)."""
    _require(0.0 <= slow_prob <= 1.0 and parts >= 1, "0 <= slow_prob <= 1, at least 1 part")
    return 1.0 - (1.0 - slow_prob) ** parts


def hedged_quantile(prob: float, after: float) -> float:
    """The `prob` quantile of an exponential answer of mean 1, a second one asked for after `after`, nobody waiting.

    P(T > t) = S(t) S(t - d) (independent; Dean and Barroso 2013), so that t = (d - log(1 - prob)) / 2 beyond d.
    """
    _require(0.0 < prob < 1.0 and after >= 0.0, "0 < prob < 1, after >= 0")
    alone = -math.log1p(-prob)
    return alone if alone <= after else (after + alone) / 2.0


def hedge_extra_load(after: float) -> float:
    """Share of requests that ask twice: S(d) of an exponential of mean 1."""
    _require(after >= 0.0, "after >= 0")
    return math.exp(-after)


@dataclass(frozen=True, slots=True)
class Detection:
    """How long a silent death goes unnoticed, s."""

    shortest_s: float
    mean_s: float
    longest_s: float


def detection(interval_s: float, misses: int, timeout_s: float) -> Detection:
    """A check every interval, down after so many in a row without an answer in time; death at a uniform phase.

    The first check that fails comes U(0, I) after the death, so (k - 1) I + timeout and 0 to I more.
    """
    _require(interval_s > 0.0 and misses >= 1 and timeout_s >= 0.0, "interval_s > 0, at least 1 miss, timeout_s >= 0")
    shortest_s = (misses - 1) * interval_s + timeout_s
    return Detection(shortest_s, shortest_s + interval_s / 2.0, shortest_s + interval_s)


def token_bucket_loss(rho: float, depth: int) -> float:
    """Share that a token bucket rejects: Poisson at rho times the refill rate, at most `depth` tokens.

    Missing tokens are an M/D/1/depth queue. Its chain at departures has steps a_j = Poisson(rho); the loss is
    1 - 1 / (pi_0 + rho) (Cooper 1981, 5.8).
    """
    _require(rho > 0.0 and depth >= 1, "rho > 0, a depth of at least 1")
    steps = np.array([math.exp(-rho + j * math.log(rho) - math.lgamma(j + 1)) for j in range(depth)])
    chain = np.zeros((depth, depth))
    for state in range(depth):
        first = max(state - 1, 0)
        chain[state, first : depth - 1] = steps[: depth - 1 - first]
        chain[state, depth - 1] = 1.0 - chain[state, : depth - 1].sum()
    balance = np.vstack((chain.T - np.eye(depth), np.ones(depth)))
    stationary, *_ = np.linalg.lstsq(balance, np.append(np.zeros(depth), 1.0), rcond=None)
    return float(1.0 - 1.0 / (stationary[0] + rho))

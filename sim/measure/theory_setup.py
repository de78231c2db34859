"""Servers that are switched off when idle and need an exponential set-up: M/M/k/setup, solved exactly.

One queue, late binding: a server that is idle takes the head; min(waiting, off) servers are setting up at any instant
(one more with each arrival that waits, one less when a waiting request is taken); a server without work is off at once
(Gandhi, Doroudi, Harchol-Balter and Scheller-Wolf 2013). The chain of (busy i, present j) is a quasi-birth-death
process from j = k on: with up = lam I, down = diag(i mu), pi_{j+1} = pi_j R, R = -up (local + R down)^-1 (Neuts 1981).
The mean service is 1; results are in mean service times.
"""

from __future__ import annotations

import numpy as np

from sim.measure.summary import Floats

ITERATIONS_MAX = 1_000_000  # R converges linearly; a million need rho within 1e-5 of 1
SERVERS_MAX = 200  # states grow with the square
_STOP = 1e-14


def mm1_setup_sojourn(rho: float, setup: float) -> float:
    """Mean sojourn of M/M/1 with exponential set-up: 1 / (1 - rho) + E[setup] (Welch 1964). Raises ValueError."""
    _check(1, rho, setup)
    return 1.0 / (1.0 - rho) + setup


def mmk_setup_sojourn(servers: int, rho: float, setup: float) -> float:
    """Mean sojourn of M/M/k/setup, `setup` the mean set-up time; raises ValueError out of range."""
    _check(servers, rho, setup)
    rate, k = servers * rho, servers
    ratio = _ratio(k, rate, setup)
    # the states below k and those of level k, where what happens above is folded in
    states = [(i, j) for j in range(k + 1) for i in range(j + 1)]
    place = {state: n for n, state in enumerate(states)}
    flows = np.zeros((len(states), len(states)))
    for (i, j), n in place.items():
        if j < k:
            flows[n, place[i, j + 1]] += rate
        if i < min(j, k):
            flows[n, place[i + 1, j]] += min(j - i, k - i) / setup
        if i:
            flows[n, place[(i, j - 1) if j > i else (i - 1, j - 1)]] += i
    top = place[0, k]
    flows[top:, top:] += ratio @ np.diag(np.arange(k + 1.0))
    outflow = flows.sum(axis=1)
    generator = flows - np.diag(outflow)
    above = np.linalg.inv(np.eye(k + 1) - ratio)
    weights = np.ones(len(states))
    weights[top:] = above.sum(axis=1)  # level k and all above it
    balance = np.vstack((generator.T, weights))
    stationary, *_ = np.linalg.lstsq(balance, np.append(np.zeros(len(states)), 1.0), rcond=None)
    present = np.array([float(j) for _, j in states])
    present[top:] = k * above.sum(axis=1) + (ratio @ above @ above).sum(axis=1)
    return float(stationary @ present) / rate


def _ratio(servers: int, rate: float, setup: float) -> Floats:
    """R, shape (servers + 1, servers + 1): upper triangular, since above level k the busy only become more."""
    busy = np.arange(servers + 1, dtype=np.float64)
    able = (servers - busy) / setup
    local = np.diag(-(rate + busy + able)) + np.diag(able[:-1], 1)
    down = np.diag(busy)
    ratio: Floats = np.zeros((servers + 1, servers + 1))
    for _ in range(ITERATIONS_MAX):
        former, ratio = ratio, np.asarray(-rate * np.linalg.inv(local + ratio @ down), dtype=np.float64)
        if float(np.max(np.abs(ratio - former))) < _STOP:
            return ratio
    raise ValueError(f"rho={rate / servers}: accepted is below 1 by more than rounding")


def _check(servers: int, rho: float, setup: float) -> None:
    if not (1 <= servers <= SERVERS_MAX and 0.0 < rho < 1.0 and setup > 0.0):
        raise ValueError(
            f"servers={servers}, rho={rho}, setup={setup}: accepted is 1 to {SERVERS_MAX}, 0 < rho < 1, above 0"
        )

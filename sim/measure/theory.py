"""Closed forms that the simulator must reproduce: the oracles of `validate` and of the tests.

`rho` is the utilization per server (0 < rho < 1), the mean service time is 1 unless a mean or rate is an argument,
`scv` is the squared coefficient of variation of the service time; results are mean sojourns in mean service times
unless the name says otherwise. Each function names its source. Arguments out of range raise ValueError.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from scipy import optimize

TERMS_MAX = 100_000  # of a series; rho below 1 - 1e-4 needs fewer
_TINY = 1e-17  # a term below this changes no digit


def _check(rho: float, servers: int = 1) -> None:
    if not 0.0 < rho < 1.0 or servers < 1:
        raise ValueError(f"rho={rho}, servers={servers}: accepted is 0 < rho < 1 and at least 1 server")


def erlang_b(servers: int, offered_load_erlangs: float) -> float:
    """Share of arrivals lost by M/G/c/c (Erlang 1917), by the recursion B_n = a B / (n + a B)."""
    if servers < 1 or offered_load_erlangs <= 0.0:
        raise ValueError(f"servers={servers}, load={offered_load_erlangs}: accepted is at least 1 and above 0")
    loss = 1.0
    for n in range(1, servers + 1):
        loss = offered_load_erlangs * loss / (n + offered_load_erlangs * loss)
    return loss


def erlang_c(servers: int, rho: float) -> float:
    """Probability that an arrival waits in M/M/c (Erlang 1917)."""
    _check(rho, servers)
    loss = erlang_b(servers, servers * rho)
    return loss / (1.0 - rho * (1.0 - loss))


def mmc_sojourn(servers: int, rho: float) -> float:
    """Mean sojourn of M/M/c: 1 + C / (c (1 - rho)) (Kleinrock 1975, 3.5)."""
    return 1.0 + erlang_c(servers, rho) / (servers * (1.0 - rho))


def mmc_tail(servers: int, rho: float, sojourn: float) -> float:
    """P(sojourn > t) of M/M/c FIFO: service plus, with probability C, an exponential wait of rate c (1 - rho)."""
    wait_prob = erlang_c(servers, rho)
    drain = servers * (1.0 - rho)
    if abs(drain - 1.0) < 1e-9:
        both = (1.0 + sojourn) * math.exp(-sojourn)
    else:
        both = (drain * math.exp(-sojourn) - math.exp(-drain * sojourn)) / (drain - 1.0)
    return (1.0 - wait_prob) * math.exp(-sojourn) + wait_prob * both


def mmc_quantile(servers: int, rho: float, prob: float) -> float:
    """The `prob` quantile of the M/M/c sojourn, by inverting `mmc_tail`."""
    if not 0.0 < prob < 1.0:
        raise ValueError(f"prob={prob}: accepted is 0 < prob < 1")
    high = mmc_sojourn(servers, rho)
    while mmc_tail(servers, rho, high) > 1.0 - prob:
        high *= 2.0
    return _root(lambda sojourn: mmc_tail(servers, rho, sojourn) - (1.0 - prob), 0.0, high)


def mm1_quantile(rho: float, prob: float) -> float:
    """The `prob` quantile of the M/M/1 sojourn, exponential with rate 1 - rho (Kleinrock 1975, 5.6)."""
    _check(rho)
    return -math.log1p(-prob) / (1.0 - rho)


def mg1_sojourn(rho: float, scv: float) -> float:
    """Mean sojourn of M/G/1 FIFO (Pollaczek 1930, Khinchine 1932)."""
    _check(rho)
    return 1.0 + rho / (1.0 - rho) * (1.0 + scv) / 2.0


def mg1_sharing_sojourn(rho: float, work: float = 1.0) -> float:
    """Mean sojourn of a request of demand `work` in M/G/1 processor sharing, for any scv (Kleinrock 1967)."""
    _check(rho)
    return work / (1.0 - rho)


def gm1_sojourn(sigma: float) -> float:
    """Mean sojourn of GI/M/1, 1 / (1 - sigma), sigma the root of z = A*(1 - z) (Kleinrock 1975, 6.4)."""
    return 1.0 / (1.0 - sigma)


def round_robin_sojourn(nodes: int, rho: float) -> float:
    """Poisson dealt in turn to `nodes` exponential nodes: E_n/M/1 each, A*(s) = (n rho / (n rho + s))^n."""
    _check(rho, nodes)
    rate = nodes * rho
    return gm1_sojourn(_sigma(lambda z: math.exp(-nodes * math.log1p((1.0 - z) / rate))))


def dm1_sojourn(rho: float) -> float:
    """Arrivals at constant distance 1 / rho, exponential service: D/M/1, A*(s) = exp(-s / rho)."""
    _check(rho)
    return gm1_sojourn(_sigma(lambda z: math.exp(-(1.0 - z) / rho)))


def random_split_sojourn(rho: float) -> float:
    """Poisson split at random over exponential nodes: each is M/M/1 (thinning)."""
    return mmc_sojourn(1, rho)


def power_of_d_sojourn(choices: int, rho: float) -> float:
    """Power of d over infinitely many nodes: sum over i >= 1 of rho^((d^i - d)/(d - 1)).

    Vvedenskaya, Dobrushin and Karpelevich 1996; Mitzenmacher 1996.
    """
    _check(rho)
    if choices < 1:
        raise ValueError(f"choices={choices}: accepted is at least 1")
    if choices == 1:
        return mmc_sojourn(1, rho)
    total, exponent = 0.0, 0
    for _ in range(TERMS_MAX):
        term = math.exp(exponent * math.log(rho))
        total += term
        if term < _TINY:
            break
        exponent = choices * exponent + choices
    return total


def kingman_wait_bound(rho: float, arrival_scv: float, service_scv: float) -> float:
    """Upper bound on the mean wait of GI/G/1 (Kingman 1962): lambda (var A + var S) / (2 (1 - rho)), mean service 1."""
    _check(rho)
    return rho * (arrival_scv / (rho * rho) + service_scv) / (2.0 * (1.0 - rho))


def mm1_relaxation(rho: float, servers: int = 1) -> float:
    """Relaxation time of M/M/c, 1 / (c (1 - sqrt rho)^2) (Morse 1955): how slowly the start is forgotten."""
    _check(rho, servers)
    root = 1.0 - math.sqrt(rho)
    return 1.0 / (servers * root * root)


def _sigma(transform: Callable[[float], float]) -> float:
    """The root below 1 of z = A*(1 - z); z = 1 always solves it, so that the search stops short of it."""
    return _root(lambda z: transform(z) - z, 0.0, 1.0 - 1e-9)


def _root(fn: Callable[[float], float], low: float, high: float) -> float:
    return float(optimize.brentq(fn, low, high, xtol=1e-14, rtol=1e-14))

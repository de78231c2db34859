"""response_time: least peak-EWMA latency x (in flight + 1) over all eligible slots (Finagle PeakEwma, Twitter 2014).

Signal: own answers' latencies, decayed with `ewma_tau_s`, and the local count. rtt > ewma: ewma = rtt; else
ewma = ewma w + rtt (1 - w), w = exp(-elapsed / tau). Reads decay too: load(now) = ewma exp(-(now - at) / tau) (n + 1).
Its logarithm, log ewma + at / tau + log(n + 1) - now / tau, orders slots the same at every instant, so that reads
store nothing and a tree keeps the argmin, O(log n). Finagle compares two random nodes; here all.
A node without an answer: as in Finagle free while nothing is in flight there (so it is tried), else at a penalty above
every known load, by count: a fresh node gets one attempt, then waits for its answer and never looks free for ever.
"""

from __future__ import annotations

import math

from sim.registry import register
from sim.scalability.balancer.chooser import Chooser
from sim.scalability.balancer.fleet_state import FleetState
from sim.scalability.balancer.least import make_least, pick_least
from sim.scalability.balancer.params import BalancerParams

PENALTY = 1e15  # above any logarithm of a load; leaves room for exact counts
EWMA_MIN_S = 1e-9  # a latency of 0 has no logarithm


def ewma_answered(fleet: FleetState, slot: int, now: float, latency_s: float) -> None:
    """An answer of `slot` after `latency_s`."""
    ewma_s = fleet.ewma_s[slot]
    tau_s = fleet.tau_s
    if latency_s >= ewma_s:
        ewma_s = latency_s
    else:
        kept = math.exp((fleet.ewma_at[slot] - now) / tau_s)
        ewma_s = ewma_s * kept + latency_s * (1.0 - kept)
    if ewma_s < EWMA_MIN_S:
        ewma_s = EWMA_MIN_S
    fleet.ewma_s[slot] = ewma_s
    fleet.ewma_at[slot] = now
    fleet.log_cost[slot] = math.log(ewma_s) + now / tau_s


def score_ewma(fleet: FleetState, slot: int) -> float:
    """Logarithm of the load up to a term that all slots share."""
    count = fleet.count[slot]
    if fleet.ewma_s[slot] == 0.0:
        return PENALTY + count if count > 0 else -PENALTY
    return fleet.log_cost[slot] + math.log(count + 1.0)


@register("balancer", "response_time")
def response_time(params: BalancerParams) -> Chooser:
    """Reads `ewma_tau_s` (in the fleet's columns) and `ties`."""
    return Chooser(
        pick=pick_least,
        make_state=make_least(params.ties),
        draws_count=1 if params.ties == "random" else 0,
        signals=("local",),
        score=score_ewma,
        answered=ewma_answered,
    )

"""prequal: among a pool of probed nodes, the lowest latency of those not hot (Wydrowski, Kleinberg et al. 2024).

Signal: asynchronous probes, `probes_per_request` after each dispatch; answers are used until `probe_age_s` and at most
b = max(1, (1 + delta) / ((1 - m / n) r_probe - r_remove)) times, delta = r_remove = 1, m the pool, n the nodes; where
n is so small that the divisor is not positive, only age and removal bound the uses. Hot: rif above `rif_quantile` of
the pool's rifs. All hot cannot be, since the quantile is one of them. Own dispatches raise the entry's rif at once.
A pool below 2 entries: uniform. The paper's rif quantile runs over recent answers, here over the pool.
"""

from __future__ import annotations

from collections.abc import Sequence

from sim.errors import ConfigError
from sim.registry import register
from sim.scalability.balancer.chooser import Chooser
from sim.scalability.balancer.fleet_state import FleetState
from sim.scalability.balancer.params import BalancerParams
from sim.scalability.balancer.pool import PoolState, pool_best, pool_clean, pool_threshold, pool_use

POOL_MIN = 2
REMOVED_PER_QUERY = 1.0
DELTA = 1.0
REUSE_MAX = 1e9
PROBES_MAX = 64


def reuse_bound(pool_max: int, nodes: int, probes: int) -> float:
    """How often an entry may be used, on average; at least 1."""
    spare = (1.0 - pool_max / nodes) * probes - REMOVED_PER_QUERY
    if spare <= 0.0:
        return REUSE_MAX
    return max(1.0, (1.0 + DELTA) / spare)


def pick_probed(fleet: FleetState, state: PoolState, draws: Sequence[float], key: int, now: float) -> int:
    """The best of the pool by the hot-cold rule, else a uniform slot."""
    pool_clean(fleet, state, now)
    if state.used < POOL_MIN:
        slot = state.slots[int(draws[0] * state.size)]
        row = state.row_of[slot]
        if row >= 0:
            state.rif[row] += 1
        return slot
    threshold = pool_threshold(state)
    return pool_use(state, pool_best(state, threshold), threshold)


def unpick_probed(fleet: FleetState, state: PoolState, slot: int) -> None:
    """Nothing was sent to the slot: its entry, if it is still there, holds one less."""
    row = state.row_of[slot]
    if row >= 0:
        state.rif[row] -= 1


def rebuild_pool(fleet: FleetState, state: PoolState) -> None:
    """Members changed: the bound on uses follows their number."""
    if state.members_count > 0:
        state.reuse = reuse_bound(state.pool_max, state.members_count, state.probes)


@register("balancer", "prequal")
def prequal(params: BalancerParams) -> Chooser:
    """Reads `probes_per_request`, `probe_pool_max`, `probe_age_s`, `rif_quantile`; raises `ConfigError`."""
    probes, pool_max = params.probes_per_request, params.probe_pool_max
    if not 1 <= probes <= PROBES_MAX:
        raise ConfigError("balancer.probes_per_request", probes, f"1 to {PROBES_MAX}")
    if pool_max < POOL_MIN:
        raise ConfigError("balancer.probe_pool_max", pool_max, f"{POOL_MIN} or more (below, every pick is random)")

    def make_state(slots_max: int, dispatcher: int, dispatchers: int) -> PoolState:
        return PoolState(slots_max, pool_max, probes, params.probe_age_s, params.rif_quantile)

    return Chooser(
        pick=pick_probed,
        make_state=make_state,
        draws_count=1,
        signals=("probed",),
        rebuild=rebuild_pool,
        probes_count=probes,
        unpicked=unpick_probed,
    )

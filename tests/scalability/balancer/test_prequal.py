"""prequal: the node's latency estimate, the pool's rules one by one, and the hot-cold choice."""

from __future__ import annotations

from collections import Counter

import pytest

from sim.errors import ConfigError
from sim.scalability.balancer.balancer import Balancer, make_balancer
from sim.scalability.balancer.choosers.prequal import REUSE_MAX, reuse_bound
from sim.scalability.balancer.params import BalancerParams
from sim.scalability.balancer.pool import PoolState, pool_best, pool_threshold, pool_worst
from sim.scalability.balancer.signals.probed import RING, LatencyRings, ring_estimate, ring_forget, ring_record
from tests.conformance.balancer.board import fleet_of


def probed_fleet(nodes: int = 40, **keys: object) -> Balancer:
    balancer = fleet_of(BalancerParams(kind="prequal", signal="probed", **keys), nodes)  # type: ignore[arg-type]
    balancer.probe_targets(0, 0, [0.0] * balancer.probes_count)  # rebuilds the view
    return balancer


def pool_of(balancer: Balancer) -> PoolState:
    state: PoolState = balancer.states[0][0]
    return state


def rows(balancer: Balancer) -> dict[int, tuple[int, float]]:
    """slot -> (rif, latency) of the pool."""
    pool = pool_of(balancer)
    return {pool.slot[row]: (pool.rif[row], pool.latency_s[row]) for row in range(pool.used)}


def test_the_estimate_is_the_median_at_the_nearest_rif() -> None:
    rings = LatencyRings(2)
    assert ring_estimate(rings, 1, 4) == 0.0
    for rif, latency_s in ((2, 0.2), (5, 0.9), (5, 0.5), (5, 0.7), (9, 2.0), (1, 0.1)):
        ring_record(rings, 1, rif, latency_s)
    assert ring_estimate(rings, 1, 5) == 0.7
    assert ring_estimate(rings, 1, 6) == 0.7 * (7 / 6)  # none at 6: those at 5, scaled
    assert ring_estimate(rings, 1, 100) == 2.0 * (101 / 10)
    assert ring_estimate(rings, 1, 0) == 0.1 * (1 / 2)
    assert ring_estimate(rings, 1, 7) == 0.7 * (8 / 6)  # 5 and 9 are as near: the lower median of four
    assert ring_estimate(rings, 0, 5) == 0.0
    ring_forget(rings, 1)
    assert ring_estimate(rings, 1, 5) == 0.0


def test_an_idle_node_does_not_tell_the_latencies_of_its_busy_time() -> None:
    rings = LatencyRings(1)
    for _ in range(RING):
        ring_record(rings, 0, 59, 6.0)
    assert ring_estimate(rings, 0, 0) == 6.0 * (1 / 60)


def test_the_ring_keeps_the_last_answers_only() -> None:
    rings = LatencyRings(1)
    for number in range(RING + 3):
        ring_record(rings, 0, number, float(number))
    assert rings.size[0] == RING
    assert ring_estimate(rings, 0, 3) == 3.0
    assert ring_estimate(rings, 0, 2) == 3.0 * (3 / 4)  # those at 0, 1 and 2 are gone
    assert ring_estimate(rings, 0, RING + 2) == RING + 2


def test_probes_go_to_distinct_nodes() -> None:
    balancer = probed_fleet(5, probes_per_request=3)
    assert balancer.probe_targets(0, 0, [0.0, 0.0, 0.99]) == [0, 1, 4]
    assert sorted(balancer.probe_targets(0, 0, [0.5, 0.5, 0.5])) == [1, 2, 3]
    assert len(probed_fleet(2, probes_per_request=3).probe_targets(0, 0, [0.5] * 3)) == 2
    assert fleet_of(BalancerParams(kind="random"), 2).probe_targets(0, 0, []) == []


@pytest.mark.parametrize(
    ("pool_max", "nodes", "probes", "bound"),
    [
        (16, 100, 3, 2 / 1.52),
        (16, 10**6, 3, 1.000024),
        (16, 100, 10, 1.0),
        (16, 10, 3, REUSE_MAX),
        (16, 24, 3, REUSE_MAX),
    ],
)
def test_the_reuse_bound(pool_max: int, nodes: int, probes: int, bound: float) -> None:
    assert reuse_bound(pool_max, nodes, probes) == pytest.approx(bound, rel=1e-6)


def test_entries_get_the_bound_of_uses_on_average() -> None:
    balancer = probed_fleet(100)
    uses = []
    for number in range(1000):
        balancer.probe_answer(0, 0, number % 16, 0.0, 1, 1.0)
        uses.append(pool_of(balancer).uses[pool_of(balancer).row_of[number % 16]])
    assert set(uses) == {1, 2}
    assert abs(sum(uses) - 1000 * 2 / 1.52) < 1


def test_a_small_pool_picks_by_the_draw_and_counts_its_own_dispatch() -> None:
    balancer = probed_fleet(4)
    balancer.probe_answer(0, 0, 2, 0.0, 5, 1.0)
    assert [balancer.dispatch(0, 0, [u], 0, 0.0) for u in (0.1, 0.6, 0.9)] == [0, 2, 3]
    assert rows(balancer) == {2: (6, 1.0)}


def test_the_lowest_latency_of_the_cold_and_the_lowest_rif_of_the_hot() -> None:
    balancer = probed_fleet(40, rif_quantile=0.5)
    for slot, (rif, latency_s) in enumerate([(1, 0.9), (2, 0.3), (3, 0.6), (9, 0.1), (8, 0.2)]):
        balancer.probe_answer(0, 0, slot, 0.0, rif, latency_s)
    pool = pool_of(balancer)
    assert pool_threshold(pool) == 3
    assert pool.slot[pool_best(pool, 3)] == 1
    assert pool.slot[pool_worst(pool, 3)] == 3  # hot, of highest rif
    assert pool.slot[pool_worst(pool, 9)] == 0  # none hot: of highest latency
    assert balancer.dispatch(0, 0, [0.5], 0, 0.0) == 1


@pytest.mark.parametrize(("quantile", "threshold"), [(0.0, 1), (0.2, 3), (0.84, 9), (1.0, 9)])
def test_the_quantile_is_a_nearest_rank(quantile: float, threshold: int) -> None:
    balancer = probed_fleet(40, rif_quantile=quantile)
    for slot, rif in enumerate([5, 3, 9, 1, 7]):
        balancer.probe_answer(0, 0, slot, 0.0, rif, 1.0)
    assert pool_threshold(pool_of(balancer)) == threshold


def test_equal_latencies_go_to_the_lower_rif() -> None:
    balancer = probed_fleet(40, rif_quantile=1.0)
    for slot, rif in enumerate([5, 3, 4]):
        balancer.probe_answer(0, 0, slot, 0.0, rif, 0.0)
    assert balancer.dispatch(0, 0, [0.5], 0, 0.0) == 1


def test_each_query_takes_out_the_oldest_and_the_worst_in_turn() -> None:
    balancer = probed_fleet(8, rif_quantile=1.0)  # few nodes: uses are bounded by age and removal only
    for slot in range(5):
        balancer.probe_answer(0, 0, slot, slot / 10, 10 + slot, [0.5, 0.9, 0.1, 0.6, 0.7][slot])
    assert balancer.dispatch(0, 0, [0.5], 0, 0.5) == 2
    assert rows(balancer) == {1: (11, 0.9), 2: (13, 0.1), 3: (13, 0.6), 4: (14, 0.7)}  # slot 0 was oldest
    assert balancer.dispatch(0, 0, [0.5], 0, 0.5) == 2
    assert rows(balancer) == {2: (14, 0.1), 3: (13, 0.6), 4: (14, 0.7)}  # slot 1 was worst
    assert balancer.dispatch(0, 0, [0.5], 0, 0.5) == 2
    assert rows(balancer) == {3: (13, 0.6), 4: (14, 0.7)}  # slot 2 itself was oldest


def test_an_entry_used_up_leaves() -> None:
    balancer = probed_fleet(10**4, probe_pool_max=16, probes_per_request=30)  # bound 1: each entry once
    for slot in range(4):
        balancer.probe_answer(0, 0, slot, 0.0, slot, 0.1 * (slot + 1))
    assert balancer.dispatch(0, 0, [0.5], 0, 0.0) == 0
    assert sorted(rows(balancer)) == [1, 2]  # slot 0 was used up, slot 3 thinned out


def test_the_last_entry_may_be_used_up_and_the_pool_left_empty() -> None:
    balancer = probed_fleet(10**4, probe_pool_max=2, probes_per_request=30)
    for slot in range(2):
        balancer.probe_answer(0, 0, slot, 0.0, slot, 0.1)
    balancer.dispatch(0, 0, [0.5], 0, 0.0)
    assert pool_of(balancer).used == 0
    assert balancer.dispatch(0, 0, [0.5], 0, 0.0) == 5000


def test_old_answers_are_not_used() -> None:
    balancer = probed_fleet(4, probe_age_s=1.0)
    for slot in range(3):
        balancer.probe_answer(0, 0, slot, float(slot), 1, 1.0)
    balancer.dispatch(0, 0, [0.99], 0, 2.0)  # of age exactly 1 s is still used
    assert 0 not in rows(balancer)
    balancer.dispatch(0, 0, [0.99], 0, 9.0)
    assert rows(balancer) == {}


def test_a_full_pool_gives_up_its_oldest_and_a_node_has_one_entry() -> None:
    balancer = probed_fleet(40, probe_pool_max=3)
    for slot, at in ((7, 0.2), (5, 0.1), (6, 0.3), (7, 0.4)):
        balancer.probe_answer(0, 0, slot, at, slot, at)
    assert rows(balancer) == {5: (5, 0.1), 6: (6, 0.3), 7: (7, 0.4)}
    balancer.probe_answer(0, 0, 8, 0.5, 8, 0.5)
    assert rows(balancer) == {6: (6, 0.3), 7: (7, 0.4), 8: (8, 0.5)}


def test_answers_of_nodes_that_may_not_be_picked_are_not_kept() -> None:
    balancer = probed_fleet(4)
    for slot in range(4):
        balancer.probe_answer(0, 0, slot, 0.0, 1, 0.1 * slot)
    balancer.set_eligible("n0", False)
    balancer.node_left("n1")
    balancer.node_joined("fresh", 1.0)
    balancer.agents_changed("fresh", "agent", 1)  # slot 1, another generation
    balancer.probe_answer(0, 0, 0, 0.0, 1, 0.0)
    assert balancer.dispatch(0, 0, [0.5], 0, 0.0) == 2
    assert sorted(rows(balancer)) == [2]  # slot 3 was thinned out


def test_a_reused_slot_starts_without_latencies() -> None:
    balancer = probed_fleet(2)
    balancer.record_latency(1, 3, 2.5)
    assert balancer.estimate_latency_s(1, 3) == 2.5
    balancer.node_left("n1")
    assert balancer.estimate_latency_s(1, 3) == 0.0


def test_slow_nodes_get_less_work() -> None:
    """Probes of nodes 0..3 say 1 s, of 4..7 say 3 s, at equal rif: the fast ones are chosen while they are cold."""
    balancer = probed_fleet(8)
    picks: Counter[bool] = Counter()
    for number in range(400):
        slot = balancer.dispatch(0, 0, [(number * 0.618) % 1], number, number * 0.01)
        picks[slot < 4] += 1
        balancer.complete(0, slot, 0, number * 0.01, 1.0, 0)
        for target in balancer.probe_targets(0, 0, [(number * step) % 1 for step in (0.7549, 0.5698, 0.4302)]):
            balancer.probe_answer(0, 0, target, number * 0.01, 1, 1.0 if target < 4 else 3.0)
    assert picks[True] > 380


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"probe_pool_max": 1}, r"balancer\.probe_pool_max=1: accepted is 2 or more"),
        ({"probes_per_request": 65}, r"balancer\.probes_per_request=65: accepted is 1 to 64"),
    ],
)
def test_bounds(keys: dict[str, int], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make_balancer(BalancerParams(kind="prequal", signal="probed", **keys), ("agent",), 2)  # type: ignore[arg-type]

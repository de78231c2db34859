"""The presets of a run under fire do what their first line says, with numbers of theory where there are any."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sim.bench.assemble import run_replication
from sim.bench.compose import Composed, compose
from sim.types.records import RunRecord

SHARED: Composed = {}
SMALL = ["fleet.nodes=4", "fleet.agents_per_node=3", "horizon_s=400", "drain_s=100"]
CRASHES = ["faults=crash", "faults.crash.mttf_s=100", "faults.crash.mttr_s=20"]


def run(*words: str) -> RunRecord:
    """One replication of a small fleet."""
    return run_replication(compose([*SMALL, *words], composed=SHARED), 0)


def attempts_of(record: RunRecord) -> np.ndarray:
    """Attempts of each request that was sent at all."""
    return np.bincount(record.attempts.request[record.attempts.node >= 0])


def test_default_retries_stay_within_a_fifth_and_aggressive_ones_do_not() -> None:
    polite, impatient = (run(*CRASHES, rule, "balancer=random") for rule in ("retry=default", "retry=aggressive"))
    assert 0 < polite.counts["retries"] <= 0.2 * polite.arrivals_count + 10
    assert attempts_of(polite).max() <= 3
    assert impatient.counts["retries"] > impatient.arrivals_count
    assert attempts_of(impatient).max() == 6
    assert impatient.counts["retries_denied"] == 0


def test_a_default_hedge_costs_a_twentieth() -> None:
    record = run("hedge=default", "arrivals.utilization_ratio=.2", "horizon_s=2000", "balancer=least_connections")
    share, requests = math.exp(-3.0), record.arrivals_count
    assert abs(record.counts["hedges"] - share * requests) < 4.0 * math.sqrt(share * (1.0 - share) * requests)


def test_default_failover_places_agents_again_and_keeps_their_states() -> None:
    record = run(
        *CRASHES, "faults.crash.state=lose", "failover=default", "health=aggressive", "fleet.capacity_agents=9"
    )
    assert record.counts["failovers"] > 0
    assert record.counts["states_acknowledged"] > 0
    without = run(*CRASHES, "health=aggressive", "retry=default")
    assert without.counts["failovers"] == without.counts["states_acknowledged"] == 0


def test_health_by_success_rate_finds_a_silent_death_at_the_third_failed_check() -> None:
    crash = ["faults=crash", "faults.crash.mttf_s=null", "faults.crash.at_s=[50]", "faults.crash.for_s=100"]
    record = run("health=success_rate", *crash, "faults.crash.nodes=[1]", "retry=default")
    assert record.episodes is not None
    (detection_s,) = record.episodes.detected_at - record.episodes.began_at
    assert 2 * 3.0 <= detection_s <= 3 * 3.0 + 1.0


def test_admission_by_concurrency_bounds_what_is_in_the_system() -> None:
    record = run("admission=concurrency", "admission.in_flight_max=10", "arrivals.utilization_ratio=1.5")
    served = record.attempts.node >= 0
    begins, ends = record.attempts.arrived_at[served], record.attempts.finished_at[served]
    steps = sorted([*((at, 1) for at in begins), *((at, -1) for at in ends)])  # an end is before a begin of its instant
    assert np.cumsum([step for _, step in steps]).max() == 10
    assert record.counts["shed"] == np.count_nonzero(~served) > 0


def test_admission_by_success_sheds_where_attempts_fail_and_not_before() -> None:
    assert run("admission=success_rate").counts["shed"] == 0
    failing = ["faults=errors", "faults.errors.mttf_s=null", "faults.errors.at_s=[100]", "faults.errors.for_s=100"]
    record = run("admission=success_rate", *failing)
    shed_at = record.attempts.arrived_at[record.attempts.node < 0]
    assert len(shed_at) == record.counts["shed"] > 0
    assert shed_at.min() > 100.0
    assert shed_at.max() < 200.0 + 30.0 + 1.0  # the window forgets


@pytest.mark.parametrize("rule", ["admission=concurrency", "admission=success_rate"])
def test_a_fleet_that_is_well_sheds_nothing(rule: str) -> None:
    record = run(rule)
    assert record.counts["shed"] == 0
    assert (record.attempts.node >= 0).all()

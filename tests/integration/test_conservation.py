"""Accepted = ended, by status, + open, after every event, whatever strikes; counts of balancer and nodes exact."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.world.faults.schedule import KINDS
from tests.integration.fire_runs import POLICIES, fire_config
from tests.integration.watched import Watched

EXTRA: dict[str, dict[str, Any]] = {"crash": {"faults.crash.in_flight": "requeue", "faults.crash.state": "lose"}}


@pytest.mark.parametrize("kind", KINDS)
def test_under_each_fault_alone(kind: str) -> None:
    for seed, group in ((1, {}), (2, EXTRA.get(kind, {}))):
        watched = Watched(fire_config(POLICIES, group, faults=(kind,), seed=seed))
        record = watched.run()
        assert watched.events_count > 500
        struck = {"poison_request": "agent_deaths"}.get(kind, f"faults_{kind}")
        assert record.counts[struck] > 0, f"{kind} did not strike"


@pytest.mark.parametrize(
    "discipline", [{}, {"service.discipline": "ps"}, {"service.kind": "llm"}], ids=["fifo", "ps", "llm"]
)
def test_under_all_faults_at_once(discipline: dict[str, Any]) -> None:
    watched = Watched(fire_config(POLICIES, discipline, faults=KINDS, seed=3))
    record = watched.run()
    assert sum(name.startswith("faults_") for name in record.counts) >= 8
    assert {"retries", "hedges", "late_answers"} <= {name for name, count in record.counts.items() if count}


WAYS: dict[str, list[Any]] = {
    "deadline_propagation": ["none", "dequeue", "kill"],
    "deadline_s": [None, 3.0, 6.0],
    "retry.attempts_max": [1, 3, 5],
    "retry.backoff_s": [0.0, 0.1],
    "retry.budget_of": ["fresh", "active"],
    "retry.non_idempotent_ratio": [0.0, 0.3],
    "retry.attempt_timeout_s": [1.5, 2.5],
    "hedge.after_s": [None, 0.4, 0.9],
    "hedge.cancel": [True, False],
    "balancer.kind": ["round_robin", "power_of_d", "least_connections", "join_idle_queue", "prequal"],
    "balancer.queue": ["node", "central"],
    "balancer.queue_max": [0, 3, 1000],
    "balancer.dispatchers": [1, 3],
    "service.kind": ["exponential", "deterministic"],
    "service.discipline": ["fifo", "ps"],
    "service.per_attempt": ["fixed", "redraw"],
    "fleet.agent_types": [{}, {"x": 1, "y": 1}],
    "fleet.queue_max": [0, 2, 1000],
    "admission.kind": ["none", "concurrency", "success_rate"],
    "breaker.enabled": [True, False],
    "health.detector": ["none", "heartbeat_timeout", "consecutive_failures", "phi_accrual"],
    "health.panic_ratio": [0.0, 0.6],
    "failover.enabled": [True, False],
    "autoscaler.kind": ["none", "threshold", "on_demand"],
    "faults.crash.in_flight": ["lose", "requeue"],
}


@settings(max_examples=25)
@given(
    way=st.fixed_dictionaries({key: st.sampled_from(values) for key, values in WAYS.items()}),
    faults=st.sets(st.sampled_from(KINDS), min_size=1, max_size=5),
    closed=st.booleans(),
    seed=st.integers(0, 2**32),
)
def test_under_any_mix(way: dict[str, Any], faults: set[str], closed: bool, seed: int) -> None:
    way = dict(way)
    if way["retry.attempts_max"] == 1:
        way["retry.budget_ratio"] = None
    if way["balancer.kind"] == "prequal":
        way |= {"balancer.signal": "probed", "balancer.queue": "node"}
    if way["balancer.queue"] == "central":
        way["balancer.dispatchers"] = 1
    if closed:
        clients = {"arrivals.kind": "closed_loop", "arrivals.clients_count": 12, "arrivals.think_s": 0.5}
        way |= {**clients, "arrivals.rate_per_s": None}
        faults = faults - {"overload"}
    struck = tuple(kind for kind in KINDS if kind in faults)
    watched = Watched(fire_config(POLICIES, way, {"horizon_s": 12.0}, faults=struck, seed=seed))
    watched.run()
    assert watched.events_count > 100


class Forgetful:
    """A defect planted in the engine of a run."""

    def __init__(self, watched: Watched, what: str) -> None:
        engine = watched.engine
        if what == "a release is forgotten":
            refused = engine.balancer.refused
            calls = iter(range(10**9))
            engine.balancer.refused = lambda *call: None if next(calls) == 3 else refused(*call)
        elif what == "a request ends twice":
            end = engine._end
            engine._end = lambda root, status, now: (end(root, status, now), end(root, status, now))
        elif what == "a late answer counts":
            give_up = engine._give_up

            def forgetting(row: int, status: int, now: float, counted: bool = True) -> int:
                slot: int = give_up(row, status, now, counted)
                engine.columns.status[row] = 5
                return slot

            engine._give_up = forgetting
        else:
            remove = engine.line.remove
            engine.line.remove = lambda row: remove(row) and False


@pytest.mark.parametrize(
    "what", ["a release is forgotten", "a request ends twice", "a late answer counts", "who gave up still waits"]
)
def test_a_planted_defect_is_caught(what: str) -> None:
    watched = Watched(fire_config(POLICIES, {"balancer.queue": "central", "fleet.nodes": 2}, faults=("pause",), seed=4))
    Forgetful(watched, what)
    with pytest.raises(AssertionError, match="at "):
        watched.run()

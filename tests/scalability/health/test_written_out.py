"""Rules that stand twice, as plain functions for a compiled engine and written out for Python, count alike."""

from __future__ import annotations

import random

from sim.scalability.health.breaker import Breaker
from sim.scalability.health.ejection import Ejection
from sim.scalability.health.outcomes import (
    DROPPED,
    FAILED,
    OK,
    SENT,
    OutcomeHub,
    hub_dropped,
    hub_failed,
    hub_ok,
    hub_sent,
    make_hub,
)
from sim.scalability.health.params import BreakerParams, EjectionParams
from sim.scalability.requests.admission import Concurrency, admission_admit, make_admission
from sim.scalability.requests.budget import RetryBudget, budget_fresh
from sim.scalability.requests.params import AdmissionParams, RetryParams
from tests.scalability.health.rig import DRAWS, Stage

RULES = {OK: hub_ok, FAILED: hub_failed, SENT: hub_sent, DROPPED: hub_dropped}


def hub_of(stage: Stage) -> OutcomeHub:
    ejection = Ejection(EjectionParams(failures_max=4), 8, stage.eligible, stage.runtime, stage.log, DRAWS)
    params = BreakerParams(enabled=True, failures_max=3, open_s=5.0, trials_max=2, successes_min=2)
    breaker = Breaker(params, 8, stage.eligible, stage.runtime, stage.log)
    hub = make_hub(ejection, breaker)
    assert hub is not None
    for node in range(stage.nodes):
        hub.slot_added(node, f"n{node}", "agent")
    return hub


def columns_of(hub: OutcomeHub) -> list[list[int]]:
    one, other = hub.state.ejection, hub.state.breaker
    return [list(column) for column in (one.oks, one.fails, one.streak, other.streak, other.phase, other.trials)]


def test_the_hub_of_plain_functions_and_act_is_the_hub_that_the_engine_calls() -> None:
    draw = random.Random(3)
    stages = Stage(3), Stage(3)
    hubs = [hub_of(stage) for stage in stages]
    called, acts = {OK: hubs[0].ok, FAILED: hubs[0].failed, SENT: hubs[0].sent, DROPPED: hubs[0].dropped}, 0
    for number in range(3_000):
        now, slot = 0.05 * number, draw.randrange(3)
        what = draw.choices((OK, FAILED, SENT, DROPPED), (4, 4, 5, 1))[0]
        for stage in stages:
            stage.pass_time(now)
        hear = called[what]
        assert hear is not None
        hear(slot, now)
        due = RULES[what](hubs[1].state, slot, now)
        if due:
            hubs[1].act(what, slot, now, due)
            acts += 1
        assert columns_of(hubs[0]) == columns_of(hubs[1])
    assert stages[0].log.digest() == stages[1].log.digest()
    assert 100 < acts < 2_000


def test_fresh_attempts_and_admission_likewise() -> None:
    params = RetryParams(attempts_max=2, budget_ratio=0.3, budget_depth=4)
    budget, plain = RetryBudget(params), RetryBudget(params)
    for number in range(50):
        budget.fresh()
        budget_fresh(plain.state)
        assert budget.take(9) == plain.take(9), number
        assert list(budget.state.tokens) == list(plain.state.tokens)
    admission = make_admission(AdmissionParams("concurrency", 10, (1.0, 1.0), (1.0, 0.5)))
    other = make_admission(AdmissionParams("concurrency", 10, (1.0, 1.0), (1.0, 0.5)))
    assert admission is not None
    assert isinstance(other, Concurrency)
    for priority in (0, 1):
        for count in range(12):
            assert admission.admit(priority, count, 0.0, 0.0) == admission_admit(other.state, priority, count, 0.0, 0.0)
    assert admission.shed_count == other.shed_count == 9

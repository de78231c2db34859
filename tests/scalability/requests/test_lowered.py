"""The hooks of every request (budget, admission, hub), compiled as the kernel compiles them: the same books."""

from __future__ import annotations

import random
from array import array
from typing import Any

import pytest

from sim.scalability.health.breaker import BreakerState
from sim.scalability.health.ejection import EjectionState
from sim.scalability.health.outcomes import HubState, hub_dropped, hub_failed, hub_ok, hub_sent
from sim.scalability.requests.admission import AdmissionState, admission_admit, admission_ended
from sim.scalability.requests.budget import BudgetState, budget_ended, budget_fresh, budget_take
from sim.scalability.requests.params import AdmissionParams, RetryParams

lower = pytest.importorskip("sim.kernel.lower")
structs = pytest.importorskip("sim.kernel.structs")
types = pytest.importorskip("numba").types

F8, I8 = types.float64, types.int64


def books(state: Any) -> list[Any]:
    """All arrays of a state, those of its parts included."""
    found: list[Any] = []
    for name in type(state).__slots__:
        value = getattr(state, name)
        found += [value.tobytes()] if isinstance(value, array) else books(value) if hasattr(value, "__slots__") else []
    return found


def both(plain: Any, compiled: Any, rules: dict[Any, tuple[Any, tuple[Any, ...]]], keeper: Any) -> Any:
    """`call(rule, *arguments)`: the plain and the compiled rule on a state each, held against each other."""
    kind, address = structs.type_of(compiled), keeper.of(compiled).address
    made = {rule: lower.entry(rule, kind, result, arguments) for rule, (result, arguments) in rules.items()}

    def call(rule: Any, *arguments: Any) -> Any:
        answer, other = rule(plain, *arguments), made[rule](address, *arguments)
        assert answer == other, (rule.__name__, arguments)
        assert books(plain) == books(compiled), (rule.__name__, arguments)
        return answer

    return call


@pytest.mark.parametrize("budget_of", ["fresh", "active"])
def test_the_budget(budget_of: str) -> None:
    params = RetryParams(attempts_max=3, budget_ratio=0.3, budget_of=budget_of, budget_depth=3)
    rules = {budget_fresh: (types.void, ()), budget_take: (types.boolean, (I8,)), budget_ended: (types.void, ())}
    keeper, draw = structs.Structs(), random.Random(1)
    call = both(BudgetState(params), BudgetState(params), rules, keeper)
    taken = []
    for _ in range(300):
        call(budget_fresh)
        taken.append(call(budget_take, draw.randrange(30)))
        if draw.random() < 0.4:
            call(budget_ended)
    assert {True, False} == set(taken)


@pytest.mark.parametrize("kind", ["concurrency", "success_rate"])
def test_admission(kind: str) -> None:
    params = AdmissionParams(kind, 20, (1.0, 1.0), (1.0, 0.5), 7.0, 0.9, 2.5, 0.7)
    rules = {admission_admit: (types.boolean, (I8, I8, F8, F8)), admission_ended: (types.void, (types.boolean, F8))}
    keeper, draw, now = structs.Structs(), random.Random(2), 0.0
    call = both(AdmissionState(params), AdmissionState(params), rules, keeper)
    admitted = []
    for _ in range(600):
        now += draw.expovariate(4.0)
        admitted.append(call(admission_admit, draw.randrange(2), draw.randrange(25), draw.random(), now))
        call(admission_ended, draw.random() < 0.7, now)
    assert {True, False} == set(admitted)


@pytest.mark.parametrize(("ejects", "breaks"), [(True, True), (True, False), (False, True)])
def test_the_hub(ejects: bool, breaks: bool) -> None:
    def made() -> HubState:
        state = HubState(None, None)
        state.ejects, state.breaks = ejects, breaks
        state.ejection = EjectionState(3, array("q", [1, 0, 2]))
        state.breaker = BreakerState(5, array("q", [0, 1, 2]))
        state.breaker.phase[2], state.breaker.trials[2] = 2, 1  # half open, one out
        return state

    rules = dict.fromkeys((hub_ok, hub_failed, hub_sent, hub_dropped), (types.int64, (I8, F8)))
    keeper, draw = structs.Structs(), random.Random(3)
    call = both(made(), made(), rules, keeper)
    due = {call(draw.choice(list(rules)), draw.randrange(3), 0.1 * number) for number in range(300)}
    assert due == ({0, 1, 2, 3} if ejects and breaks else {0, 1} if ejects else {0, 2})

"""Promote, roll back, time out; a broken guardrail ends it in the very interval."""

from __future__ import annotations

import numpy as np
import pytest

from sim.intelligence.protocol import Guardrail, Window
from sim.intelligence.verifier import Seen, Verdict, Verifier, breach
from tests.intelligence.rig import NOISE, draws, normals

ERRORS = (Guardrail("error_rate", maximum=0.05),)


def pair(old: float, new: float, errors: float = 0.0, target: str = "response_time") -> tuple[Window, Window]:
    before = Window({}, {}, 200, {target: old, "error_rate": 0.0}, {})
    after = Window({}, {}, 200, {target: new, "error_rate": errors}, {"error_rate": errors * (1.0 - errors)})
    return before, after


def outcome(shift: float, target: str, pairs_max: int = 40) -> Verifier:
    verifier = Verifier({}, target, ERRORS, pairs_max=pairs_max)
    for value in normals(1, pairs_max):
        if verifier.add(*pair(10.0, 10.0 + shift + 0.3 * value, target=target)) is not Verdict.CONTINUE:
            break
    return verifier


@pytest.mark.parametrize(
    ("target", "shift", "verdict"),
    [
        ("response_time", -1.0, Verdict.PROMOTE),
        ("response_time", 1.0, Verdict.ROLL_BACK),
        ("utility", 1.0, Verdict.PROMOTE),
        ("utility", -1.0, Verdict.ROLL_BACK),
    ],
)
def test_the_better_one_stays_in_the_targets_own_direction(target: str, shift: float, verdict: Verdict) -> None:
    verifier = outcome(shift, target)
    assert verifier.verdict is verdict
    found = verifier.verified()
    assert found.improvement_ratio == pytest.approx(0.1 if verdict is Verdict.PROMOTE else -0.1, abs=0.03)
    assert found.ci_low < found.improvement_ratio < found.ci_high


def test_what_cannot_be_told_apart_times_out_at_pairs_max() -> None:
    verifier = outcome(0.0, "utility", pairs_max=12)
    assert verifier.verdict is Verdict.TIME_OUT
    assert verifier.verified().pairs_count == 12
    verifier.add(*pair(0.0, 100.0))
    assert verifier.verdict is Verdict.TIME_OUT


@pytest.mark.parametrize("errors", [0.09, 0.2, 1.0])
@pytest.mark.parametrize("at", [0, 1, 5])
def test_every_injected_breach_ends_it_in_that_interval(errors: float, at: int) -> None:
    verifier = Verifier({}, "utility", ERRORS)
    luck = normals(2, at + 1)
    for number in range(at + 1):
        assert verifier.verdict is Verdict.CONTINUE
        verifier.add(*pair(10.0, 10.0 + luck[number], errors if number == at else 0.0, "utility"))
    assert verifier.verdict is Verdict.ROLL_BACK
    assert "error_rate" in verifier.reason


def test_windows_that_each_pass_are_counted_together() -> None:
    """.065 of 200 tasks is within the noise of .05, of 2,000 it is not."""
    verifier = Verifier({}, "utility", ERRORS, pairs_max=60)
    luck = normals(3, 60)
    count = 0
    while verifier.verdict is Verdict.CONTINUE:
        verifier.add(*pair(10.0, 10.0 + luck[count], 0.065, "utility"))
        count += 1
    assert verifier.verdict is Verdict.ROLL_BACK
    assert 1 < count < 20
    assert verifier.reason == f"error_rate 0.065 above 0.05 in {200 * count} tasks"


@pytest.mark.parametrize(("errors", "verdict"), [(0.048, Verdict.PROMOTE), (0.052, Verdict.ROLL_BACK)])
def test_what_is_promoted_keeps_the_guardrail_in_the_mean_of_its_proof(errors: float, verdict: Verdict) -> None:
    verifier = Verifier({}, "utility", ERRORS, pairs_max=60)
    for value in normals(4, 60):
        if verifier.add(*pair(10.0, 11.0 + 0.2 * value, errors, "utility")) is not Verdict.CONTINUE:
            break
    assert verifier.verdict is verdict
    assert verifier.verified().pairs_count > 8
    assert (verdict is Verdict.PROMOTE) or verifier.reason.startswith("error_rate 0.052 above 0.05 in ")


@pytest.mark.parametrize(("tasks", "is_broken"), [(4, False), (20, True)])
def test_a_few_failures_in_a_row_are_no_breach(tasks: int, is_broken: bool) -> None:
    window = Window({}, {}, tasks, {"success_rate": 0.0}, {"success_rate": 0.0})
    assert bool(breach(window, [Guardrail("success_rate", minimum=0.3)])) is is_broken


def test_the_tasks_of_all_windows_are_those_of_one() -> None:
    u = draws(6).uniforms(NOISE, 0, 60, 1)[:, 0]
    seen = Seen()
    for tasks in (u[:10], u[10:17], u[17:]):
        seen.add(Window({}, {}, len(tasks), {"a": float(tasks.mean())}, {"a": float(tasks.var())}), "a")
    assert (seen.n, seen.mean, seen.variance) == (60, pytest.approx(u.mean()), pytest.approx(u.var()))


def test_what_is_reported_is_free_of_the_luck_that_stopped_the_test() -> None:
    """400 proofs of a gain of .5 sd of a pair: the mean at the stop is too high, that of the pairs after it is not."""
    stopped, reported = [], []
    for run in range(400):
        verifier = Verifier({}, "utility", (), pairs_max=60)
        for value in normals(100 + run, 80):
            if verifier.add(*pair(10.0, 10.5 + value, target="utility")) is not Verdict.CONTINUE:
                break
        if verifier.verdict is Verdict.PROMOTE:
            stopped.append(verifier._test.mean)
            reported.append(10.0 * verifier.verified().improvement_ratio)
    assert len(reported) > 250
    assert np.mean(stopped) > 0.6
    assert abs(np.mean(reported) - 0.5) < 3.0 * np.std(reported) / len(reported) ** 0.5


def test_a_breach_while_it_is_confirmed_rolls_back() -> None:
    verifier = Verifier({}, "utility", ERRORS)
    for value in normals(3, 20):
        verifier.add(*pair(10.0, 15.0 + 0.3 * value, target="utility"))
        if verifier.reason:
            break
    assert verifier.verdict is Verdict.CONTINUE
    assert verifier.add(*pair(10.0, 15.0, 0.2, "utility")) is Verdict.ROLL_BACK


def test_noise_at_the_bound_is_no_breach() -> None:
    verifier = Verifier({}, "utility", ERRORS)
    assert verifier.add(*pair(1.0, 1.0, 0.06, "utility")) is Verdict.CONTINUE

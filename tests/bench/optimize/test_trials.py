"""Methods behind ask and tell: bounds, guardrails, equal draws; a trial judged by the truth; a study that goes on."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim.bench.ledger import Ledger
from sim.bench.optimize import study as study_module
from sim.bench.optimize.command import asked_of, run_command
from sim.bench.optimize.following import exploration_ratio, false_alarms, is_alarm_in_time, recovery_windows
from sim.bench.optimize.methods import METHODS, make_method
from sim.bench.optimize.naive import POINTS_MIN
from sim.bench.optimize.problem import context_named, point_of, problem_of, window_of
from sim.bench.optimize.proved import Proved
from sim.bench.optimize.regret import Regrets
from sim.bench.optimize.study import StudyAsked, run_study
from sim.bench.optimize.trial import run_trial
from sim.bench.optimize.yardstick import Yardstick, total_indices
from sim.errors import ConfigError
from sim.intelligence.protocol import Recommendation, Window
from sim.intelligence.taught import PROOF
from sim.registry import lookup
from sim.runtime.draws import CounterDraws
from sim.world.surfaces.outcomes import run_window
from sim.world.surfaces.space import NAMES
from sim.world.surfaces.surface import UTILITY

DRAWS = CounterDraws(1001, 0)
VALUES = {"surface": "llm", "methods": "random", "seeds": "1..2", "windows": "20", "tasks": "20", "workers": "1"}
STICK = Yardstick("x", {20: 50.0, 70: 50.0, 80: 50.0}, {20: 40.0, 70: 40.0, 80: 40.0}, {}, 0.05, 60, 60)


@pytest.mark.parametrize("name", sorted(METHODS))
def test_what_is_asked_lies_in_the_space(name: str) -> None:
    surface = lookup("surface", "llm")()
    method = make_method(name, problem_of(surface, DRAWS))
    for window in range(25):
        context = surface.context_of(DRAWS, window)
        proposal = method.ask(context_named(context))
        point = np.array([point_of(proposal.params)])
        assert np.array_equal(surface.space.snapped(point)[:, 1:], point[:, 1:])
        assert surface.space.snapped(point)[0, 0] == pytest.approx(point[0, 0])
        method.tell(
            window_of(run_window(surface, DRAWS, window, point_of(proposal.params), 20), 1.0, proposal.arm, 0.0)
        )
    assert set(method.recommend().params) == set(NAMES)


@pytest.mark.parametrize("name", ["random", "tpe"])
def test_searchers_never_recommend_what_was_seen_to_break_the_guardrail(name: str) -> None:
    surface = lookup("surface", "constrained")()
    method: Any = make_method(name, problem_of(surface, DRAWS))
    for window in range(30):
        proposal = method.ask({})
        method.tell(window_of(run_window(surface, DRAWS, window, point_of(proposal.params), 50), 1.0, "explore", 0.0))
    best = method.observed.best
    assert best.means["error_rate"] <= surface.error_rate_max
    assert dict(best.params) == method.recommend().params


def test_the_naive_recipe_waits_for_its_points_and_claims_more_than_is_true() -> None:
    record = run_trial("confounded", "naive", 1001, 20, 50)
    claim = record["claims"][0]
    assert claim["claimed"] > claim["true"] + 5.0
    surface = lookup("surface", "llm")()
    fresh = make_method("naive", problem_of(surface, DRAWS))
    assert fresh.recommend().reason == f"0 windows, {POINTS_MIN} needed"


def test_without_optuna_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ConfigError, match="extra `optuna`"):
        make_method("tpe", problem_of(lookup("surface", "llm")(), DRAWS))


def test_a_trial_is_the_same_again_and_its_truth_is_the_surface_s() -> None:
    one, again = (run_trial("llm", "random", 1001, 30, 50) for _ in range(2))
    for record in (one, again):
        del record["cpu"]
    assert json.dumps(one) == json.dumps(again)
    surface = lookup("surface", "llm")()
    claim = one["claims"][-1]
    base = surface.truth(np.array([surface.incumbent]))[UTILITY][0]
    assert claim["true"] == pytest.approx(100.0 * (claim["utility"] / base - 1.0))
    assert math.isnan(claim["ci_low"])
    assert len(one["asked"]) == 30
    assert [pair[0] == pair[1] for pair in one["asked"][:5]] == [True] * 4 + [False]


def test_a_study_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = StudyAsked(("llm",), ("random",), (1, 2), windows=20, tasks=20)
    path, said = tmp_path / "ledger.jsonl", []
    first = run_study(asked, Ledger(path), 1, lambda done, total: said.append((done, total)))
    assert said == [(1, 2), (2, 2)]
    path.write_text(path.read_text().splitlines(keepends=True)[0])
    ran: list[int] = []

    def counted(*call: Any) -> Any:
        ran.append(call[2])
        return run_trial(*call)

    monkeypatch.setattr(study_module, "run_trial", counted)
    said.clear()
    again = run_study(asked, Ledger(path), 1, lambda done, total: said.append((done, total)))
    assert ran == [2]
    assert said == [(1, 1)]
    assert json.dumps([record["claims"] for record in again]) == json.dumps([record["claims"] for record in first])


def test_what_is_stored_is_not_counted_as_to_come(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_command(asked_of({**VALUES, "seeds": "1"})[0], 1, tmp_path)
    capsys.readouterr()
    run_command(asked_of({**VALUES, "methods": "random,naive"})[0], 1, tmp_path)
    assert "optimize: 3/3, took" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("key", "value"),
    [("surface", "flat"), ("methods", "magic"), ("seeds", "3..1"), ("windows", "19"), ("tasks", "1"), ("workers", "x")],
)
def test_what_is_not_accepted_is_refused_by_name(key: str, value: str) -> None:
    with pytest.raises(ConfigError) as error:
        asked_of({**VALUES, key: value})
    assert error.value.key == key


def test_regret_is_a_share_of_the_open_gain_and_a_broken_guardrail_gains_nothing() -> None:
    assert STICK.regret(45.0, 0.01, 20) == pytest.approx(0.5)
    assert STICK.regret(49.0, 0.06, 20) == 1.0
    assert STICK.regret(20.0, 0.06, 20) == pytest.approx(3.0)


def test_windows_of_proofs_count_once_they_were_known() -> None:
    records = [
        {
            "surface": "x", "method": "victor", "seed": seed,
            "claims": [
                {"window": 20, "utility": 42.0, "error_rate": 0.01, "pairs": 25},
                {"window": 70, "utility": 45.0, "error_rate": 0.01, "pairs": 10},
                {"window": 80, "utility": 49.0, "error_rate": 0.01, "pairs": 40},
            ],
        }
        for seed in (1, 2)
    ]  # fmt: skip
    regrets = Regrets(records, {"x": STICK}, (20, 70, 80))
    assert regrets.taken["victor"][0, 0].tolist() == [20, 120, 150]
    assert regrets.proof_windows("victor") == 70.0
    assert [regrets.counted("victor", windows).value for windows in (10, 119, 120, 150)] == [0.8, 0.8, 0.5, 0.1]


def test_a_proof_teaches_the_search_both_of_its_settings() -> None:
    surface = lookup("surface", "llm")()
    agent = Proved(problem_of(surface, DRAWS))
    better = (0.9, 6_000.0, 7_692.0, 18.0)
    names = dict(zip(NAMES, better, strict=True))

    def pair(old: Any, new: Recommendation, number: int) -> tuple[Window, Window]:
        seen = [run_window(surface, DRAWS, 900 + number, point_of(params), 200, arm=arm)
                for arm, params in enumerate((old, new.params))]  # fmt: skip
        return window_of(seen[0], 1.0, "incumbent", 60.0), window_of(seen[1], 1.0, "canary", 60.0)

    proof = agent.prove(Recommendation(names, 0.3, 0.2, 0.4, 0.99), pair)
    assert proof.verdict == "promote"
    taught = list(agent.recommender.windows)
    assert {window.arm for window in taught} == {PROOF}
    for params in (names, agent.problem.incumbent):
        assert sum(window.n for window in taught if dict(window.params) == params) == 200 * proof.pairs_count
    assert len(taught) <= 2 * len(surface.contexts)


def test_recovery_alarms_and_exploration_of_a_record_made_by_hand() -> None:
    record = {
        "claims": [{"window": 70, "utility": 40.0}, {"window": 80, "utility": 48.0}],
        "stood_after": 30.0,
        "alarms": [12, 63],
        "asked": [[30.0, 40.0], [50.0, 40.0]],
    }
    assert recovery_windows(record, STICK) == 20.0  # 30 + .9 x 20 = 48
    assert is_alarm_in_time(record, STICK)
    assert not is_alarm_in_time({**record, "alarms": [59, 65]}, STICK)
    assert false_alarms(record, STICK) == (1, 60)
    assert exploration_ratio([record]) == 1.0


def test_true_indices_say_what_moves_the_utility() -> None:
    found = total_indices(lookup("surface", "llm")())
    assert set(found) == set(NAMES)
    assert all(0.0 < value < 1.5 for value in found.values())
    assert min(found, key=lambda name: found[name]) in ("temperature", "max_tokens")

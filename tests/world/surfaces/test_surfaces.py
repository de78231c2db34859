"""Surfaces: the truth is exact, the optimum is one, windows are paired, and each problem is the problem it says."""

from __future__ import annotations

import numpy as np
import pytest

from sim.registry import lookup, names
from sim.runtime.draws import CounterDraws
from sim.world.surfaces.drift import SUDDEN_AT
from sim.world.surfaces.null import BEST
from sim.world.surfaces.optimum import best_utility, optimum
from sim.world.surfaces.outcomes import lost, run_window
from sim.world.surfaces.surface import TARGETS, UTILITY, Surface

SURFACES = [
    "cliff", "confounded", "constrained", "context_optimum", "drift_slow", "drift_sudden", "heavy_tails", "llm", "null",
]  # fmt: skip
DRAWS = CounterDraws(1001, 0)
TASKS = 40_000
Z_MAX = 4.5  # of 9 x 7 means: one chance in 2,000 that any is further out


def _surface(name: str) -> Surface:
    surface = lookup("surface", name)()
    assert isinstance(surface, Surface)
    return surface


def test_all_surfaces_are_registered() -> None:
    assert names("surface") == SURFACES


@pytest.mark.parametrize("name", SURFACES)
def test_means_of_many_tasks_are_the_exact_ones(name: str) -> None:
    surface = _surface(name)
    context = surface.contexts[-1]
    outcomes = run_window(surface, DRAWS, 3, surface.incumbent, TASKS, context)
    exact = surface.means(np.array([surface.incumbent]), context, 3)
    heavy = () if surface.tail_shape is None else ("response_time", UTILITY)  # without a variance there is no error bar
    for target in (*TARGETS, UTILITY):
        error = (outcomes.variance(target) / TASKS) ** 0.5
        if target not in heavy:
            assert outcomes.mean(target) == pytest.approx(exact[target][0], abs=Z_MAX * error + 1e-9), target
    assert outcomes.context == context


@pytest.mark.parametrize("name", ["llm", "cliff", "constrained"])
def test_no_random_setting_beats_the_optimum(name: str) -> None:
    surface = _surface(name)
    point, value = optimum(surface)
    truth = surface.truth(np.array([point]))
    assert truth[UTILITY][0] == pytest.approx(value, rel=1e-12)
    others = surface.space.from_unit(CounterDraws(1, 0).uniforms(7, 0, 3_000, 4))
    found = surface.truth(others)
    allowed = found["error_rate"] <= surface.error_rate_max
    assert found[UTILITY][allowed].max() < value
    near = surface.space.from_unit(
        np.clip(
            surface.space.to_unit(np.array([point])) + 0.02 * (CounterDraws(2, 0).uniforms(7, 0, 1_000, 4) - 0.5), 0, 1
        )
    )
    found = surface.truth(near)
    allowed = found["error_rate"] <= surface.error_rate_max
    assert found[UTILITY][allowed].max() <= value + 1e-3


def test_nothing_is_to_gain_on_null_and_much_elsewhere() -> None:
    assert optimum(_surface("null"))[0] == pytest.approx(BEST)
    for name in SURFACES:
        surface = _surface(name)
        incumbent = surface.truth(np.array([surface.incumbent]))
        gain = best_utility(surface) / incumbent[UTILITY][0] - 1.0
        assert incumbent["error_rate"][0] <= surface.error_rate_max
        assert gain == pytest.approx(0.0, abs=1e-9) if name == "null" else gain > 0.05, name


def test_the_guardrail_holds_at_the_optimum() -> None:
    surface = _surface("constrained")
    bound = surface.truth(np.array([optimum(surface)[0]]))["error_rate"][0]
    free = optimum(surface.changed(error_rate_max=1.0))
    assert 0.049 < bound <= 0.05
    assert surface.truth(np.array([free[0]]))["error_rate"][0] > 0.052
    assert free[1] > 1.1 * optimum(surface)[1]


def test_contexts_have_their_own_optimum() -> None:
    surface = _surface("context_optimum")
    gained = best_utility(surface) - optimum(surface)[1]
    assert gained > 4.0  # points that only a choice by context has
    easy, hard = (optimum(surface, 0, (0.7, hardness))[0][0] for hardness in (-0.8, 0.8))
    assert easy > 1.0
    assert hard == 0.0


def test_what_was_best_fails_after_the_drift() -> None:
    surface = _surface("drift_sudden")
    before, after = optimum(surface, SUDDEN_AT - 1), optimum(surface, SUDDEN_AT)
    kept = surface.truth(np.array([before[0]]), SUDDEN_AT)[UTILITY][0]
    assert kept < 0.9 * before[1]
    assert after[1] > 0.9 * before[1]
    slow = _surface("drift_slow")
    assert slow.changed_by is not None
    assert optimum(slow, slow.changed_by)[1] == pytest.approx(after[1], rel=1e-12)


def test_a_window_is_the_same_for_every_setting_and_arms_are_apart() -> None:
    surface = _surface("llm")
    better = (0.7, 4_000.0, 8_192.0, 24.0)
    differences, apart = [], []
    for window in range(100):
        one = run_window(surface, DRAWS, window, surface.incumbent, 200)
        assert one.mean(UTILITY) == run_window(surface, DRAWS, window, surface.incumbent, 200).mean(UTILITY)
        differences.append(run_window(surface, DRAWS, window, better, 200).mean(UTILITY) - one.mean(UTILITY))
        apart.append(run_window(surface, DRAWS, window, better, 200, arm=1).mean(UTILITY) - one.mean(UTILITY))
    assert np.var(differences) < 0.5 * np.var(apart)


def test_windows_are_lost_at_the_stated_rate() -> None:
    surface = _surface("heavy_tails")
    count = sum(lost(surface, DRAWS, window) for window in range(4_000))
    assert count == pytest.approx(200, abs=4.0 * (4_000 * 0.05 * 0.95) ** 0.5)
    assert not lost(_surface("llm"), DRAWS, 5)


def test_the_log_is_confounded() -> None:
    surface = _surface("confounded")
    rows = []
    for window in range(surface.log_windows):
        context = surface.context_of(DRAWS, window)
        point = surface.operator(DRAWS, window, context)
        rows.append((np.log(point[1]), run_window(surface, DRAWS, window, point, 200).mean(UTILITY), context[1]))
    tokens, seen, hardness = np.array(rows).T
    assert np.corrcoef(tokens, seen)[0, 1] < -0.3  # long answers look bad
    assert np.corrcoef(tokens, hardness)[0, 1] > 0.9
    more = surface.truth(np.array([surface.incumbent, (0.7, 5_000.0, 8_192.0, 24.0)]))[UTILITY]
    assert more[1] > more[0] + 3.0  # and are good

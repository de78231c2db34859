"""The least regret that noise allows, against a learner that does as well as the formula says."""

from __future__ import annotations

import numpy as np
import pytest

from sim.bench.optimize.floor import floors, guard_floor, place_floor
from sim.registry import lookup
from sim.runtime.draws import CounterDraws
from tests.intelligence.rig import normals


def test_a_learner_that_knows_the_curvature_loses_what_the_formula_says() -> None:
    """y = -1/2 h (x - place)^2 + e on p axes, looked at from both sides at a loss of L: p^2 s^2 / (4 n L)."""
    h, sd, loss, windows, runs = np.array([20.0, 60.0]), 0.3, 2.0, 40, 1_500
    away = np.sqrt(2.0 * loss / h)
    luck = np.array(normals(5, runs * windows)).reshape(runs, len(h), 2, windows // 4)
    apart = sd * (luck[:, :, 0].mean(axis=2) - luck[:, :, 1].mean(axis=2))
    missed = apart / (2.0 * h * away)  # the difference of the two sides is 2 h away place
    lost = float((0.5 * h * missed**2).sum(axis=1).mean())
    assert lost == pytest.approx(len(h) ** 2 * sd**2 / (4.0 * windows * loss), rel=0.1)


def test_twice_the_windows_halve_what_the_place_costs_and_no_guardrail_costs_nothing() -> None:
    surface, draws = lookup("surface", "llm")(), CounterDraws(1, 0)
    late, early = (place_floor(surface, draws, windows, 200) for windows in (100, 50))
    assert 0.001 < late < 0.1
    assert early == pytest.approx(2.0 * late)
    assert guard_floor(surface, 100, 200) == 0.0


def test_a_guardrail_that_must_be_kept_for_sure_costs_nearly_half_of_the_gain() -> None:
    """20,000 tasks tell a rate of .05 to .0015: a margin of .0025, of the .0023 that the incumbent has."""
    surface = lookup("surface", "constrained")()
    late = guard_floor(surface, 100, 200)
    assert 0.4 < late < 0.6
    assert late < guard_floor(surface, 50, 200) <= 1.0
    assert guard_floor(surface, 100, 200_000) < 0.05


def test_floors_of_all_surfaces_that_have_a_gain() -> None:
    """What is best already is left out; where the law drifts no floor is known; the guardrail costs more than noise."""
    names = ("llm", "null", "drift_slow", "constrained")
    found = {each.surface: each for each in floors(names, CounterDraws(1, 0), (50, 100), 200)}
    assert list(found) == ["llm", "drift_slow", "constrained"]
    assert found["drift_slow"].regrets is None
    llm, constrained = found["llm"].regrets, found["constrained"].regrets
    assert llm is not None
    assert constrained is not None
    assert llm[100] == place_floor(lookup("surface", "llm")(), CounterDraws(1, 0), 100, 200)
    assert constrained[100] == guard_floor(lookup("surface", "constrained")(), 100, 200)
    finer = floors(("llm",), CounterDraws(1, 0), (100,), 800)[0]
    assert finer.noise_ratio == pytest.approx(found["llm"].noise_ratio / 2.0)
    assert (finer.best - finer.incumbent) / finer.incumbent == pytest.approx(0.4, abs=0.01)

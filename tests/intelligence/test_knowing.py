"""What a window is worth before it is run: by hand where two settings are left, by simulation where many are."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import norm

from sim.intelligence.knowing import knowledge_gain, repeats
from sim.intelligence.rows import Rows
from sim.intelligence.surrogates.gp import GaussianProcess
from tests.intelligence.rig import draws


def fitted(old_count: int) -> GaussianProcess:
    u = draws(5).uniforms(1, 0, 40, 4)
    y = u[:, 0] - 2.0 * (u[:, 1] - 0.4) ** 2 + 0.1 * u[:, 3]
    made = GaussianProcess()
    made.fit(Rows(u[:, :2], np.round(2.0 * u[:, 2:3]) / 2.0, y, np.full(40, 0.01), old_count))
    return made


@pytest.mark.parametrize("noise", [0.0, 0.5, 4.0])
def test_between_a_known_setting_and_an_unknown_one_it_is_the_expected_improvement(noise: float) -> None:
    found = knowledge_gain(np.array([0.0, -0.3]), np.diag([1e-12, 1.0]), noise)
    moved = 1.0 / math.sqrt(1.0 + noise)  # sd of the belief after the window
    wanted = moved * norm.pdf(0.3 / moved) - 0.3 * norm.sf(0.3 / moved)
    assert found[1] == pytest.approx(wanted, rel=0.1)
    assert found[0] < 1e-6


def test_a_window_is_worth_what_it_tells_of_the_others() -> None:
    """The third is surely worse, but goes with the second: there a window is worth as much as at the second."""
    covariance = np.array([[1e-12, 0.0, 0.0], [0.0, 1.0, 1.0], [0.0, 1.0, 1.0]])
    found = knowledge_gain(np.array([0.0, 0.0, -9.0]), covariance, 0.2)
    assert found[2] == pytest.approx(found[1])
    assert found[0] < 1e-6


def test_simulated_windows_are_worth_the_same() -> None:
    """Seed 7: 200,000 windows at each of six points of a belief by chance."""
    rng = np.random.default_rng(7)
    root = rng.normal(size=(6, 6))
    mean, covariance, noise = rng.normal(size=6), root @ root.T, 1.5
    z = rng.normal(size=200_000)
    for at, found in enumerate(knowledge_gain(mean, covariance, noise)):
        moved = covariance[at] / math.sqrt(covariance[at, at] + noise)
        best = (mean + np.outer(z, moved)).max(axis=1)
        assert abs(best.mean() - mean.max() - found) < 0.03 * moved.std() + 4.0 * best.std() / len(z) ** 0.5


def test_the_more_was_seen_the_more_windows_a_place_is_valued_by() -> None:
    """One as good as the best known while a window is all that it gets, one believed worse but open later."""
    mean, covariance = np.array([0.0, 0.0, -1.5]), np.diag([1e-12, 0.01, 1.0])
    early, late = (knowledge_gain(mean, covariance, 2.0 / repeats(seen)) for seen in (2, 200))
    assert (int(np.argmax(early)), int(np.argmax(late))) == (1, 2)


@pytest.mark.parametrize("old_count", [0, 15])
def test_the_joint_belief_agrees_with_that_of_values_and_of_differences(old_count: int) -> None:
    surrogate = fitted(old_count)
    points, contexts, shares = draws(6).uniforms(1, 0, 9, 2), np.array([[0.0], [0.5], [1.0]]), np.array([0.2, 0.3, 0.5])
    mean, covariance = surrogate.joint(points, contexts, shares)
    gain, sd = surrogate.difference(points, points[4], contexts, shares)
    assert mean - mean[4] == pytest.approx(gain)
    variance = np.diag(covariance) + covariance[4, 4] - 2.0 * covariance[:, 4]
    assert np.maximum(variance, 0.0) == pytest.approx(sd**2, abs=1e-9)
    alone, own = surrogate.joint(points, contexts[1:2], np.ones(1))
    value, spread = surrogate.predict(points, np.tile(contexts[1], (9, 1)))
    assert alone == pytest.approx(value)
    assert np.sqrt(np.diag(own)) == pytest.approx(spread)

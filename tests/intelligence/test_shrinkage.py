"""The mixture's numbers against quadrature, and its honesty on worlds drawn from its own prior."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtri
from scipy.stats import norm

from sim.intelligence.calibration import PRIOR_SCALE, PRIOR_SHIFT, Calibration
from sim.intelligence.shrinkage import GAIN_SD, NULL_PROB, shrink
from sim.runtime.draws import CounterDraws, purpose

LUCK = purpose("tests, shrinkage")


def test_claims_are_calibrated_where_the_prior_is_true() -> None:
    """20,000 worlds: mean claim, coverage and expected calibration error; tolerances are 3 standard errors."""
    u = CounterDraws(5, 0).uniforms(LUCK, 0, 20_000, 3)
    gain = np.where(u[:, 0] < NULL_PROB, 0.0, GAIN_SD * np.abs(ndtri(u[:, 1])))
    seen = gain + 0.1 * ndtri(u[:, 2])
    found = [shrink(float(value), 0.1, 0.9) for value in seen]
    mean = np.array([each.mean for each in found])
    error = mean - gain
    assert abs(error.mean()) < 3.0 * error.std() / len(error) ** 0.5
    chosen = np.array([each.positive_prob for each in found]) > 0.7
    assert abs(error[chosen].mean()) < 3.0 * error[chosen].std() / chosen.sum() ** 0.5
    inside = np.array([each.ci_low <= value <= each.ci_high for each, value in zip(found, gain, strict=True)])
    assert inside.mean() >= 0.9 - 3.0 * (0.09 / 20_000) ** 0.5
    prob = np.array([each.positive_prob for each in found])
    order = np.argsort(prob)
    ece = np.mean([abs(prob[part].mean() - (gain[part] > 0).mean()) for part in np.array_split(order, 10)])
    assert ece < 0.02


@pytest.mark.parametrize("seen", [0.2, 0.02, -0.3])
@pytest.mark.parametrize("null_prob", [0.0, 0.3])
def test_the_mixture_is_that_of_quadrature(seen: float, null_prob: float) -> None:
    """A gain above zero on a fine grid, and a point at zero."""
    gain = (np.arange(200_000) + 0.5) * 1e-5
    weight = (1.0 - null_prob) * 2.0 * norm.pdf(gain, 0.0, 0.4) * norm.pdf(seen, gain, 0.1) * 1e-5
    null = null_prob * norm.pdf(seen, 0.0, 0.1)
    total = null + weight.sum()
    below = (null + np.cumsum(weight)) / total
    found = shrink(seen, 0.1, 0.9, null_prob=null_prob)
    assert found.positive_prob == pytest.approx(weight.sum() / total, rel=1e-6)
    assert found.mean == pytest.approx((weight * gain).sum() / total, rel=1e-6)
    for q, bound in ((0.05, found.ci_low), (0.95, found.ci_high)):
        wanted = 0.0 if q <= null / total else gain[int(np.searchsorted(below, q))]
        assert bound == pytest.approx(wanted, abs=1e-4)


def test_a_small_gain_of_little_evidence_is_taken_back() -> None:
    assert shrink(0.03, 0.02, 0.9).positive_prob < 0.5
    assert shrink(0.3, 0.02, 0.9).positive_prob > 0.999


def test_the_scale_follows_what_was_validated() -> None:
    calibration = Calibration(1.0, 0.0)
    assert (calibration.scale, calibration.shift) == (1.0, 0.0)
    made = Calibration.of([3.0, -3.0] * 240)
    assert made.shift == pytest.approx(20.0 * PRIOR_SHIFT / 500.0)
    about = sum((error - made.shift) ** 2 for error in made.errors())
    assert made.scale == pytest.approx(((20.0 * PRIOR_SCALE**2 + about) / 500.0) ** 0.5)
    assert made.scale == pytest.approx(2.94, abs=0.01)


def test_a_claim_that_a_change_of_the_world_refuted_silences_no_later_ones() -> None:
    calibration = Calibration()
    calibration.add(0.3, 0.02, -0.1, 0.0)  # twenty sd below
    assert calibration.errors() == [-3.0]
    assert calibration.shift == pytest.approx((20.0 * PRIOR_SHIFT - 3.0) / 21.0)
    assert calibration.shift > PRIOR_SHIFT - 0.15
    assert calibration.scale < 1.4


def test_claims_that_are_always_too_high_are_lowered_and_not_widened() -> None:
    """Beliefs one sd above the truth: the stated mean comes down to it, the interval keeps its width."""
    calibration = Calibration(1.0, 0.0)
    for _ in range(1_000):
        calibration.add(0.3 + calibration.shift * 0.1, 0.1, 0.2, 0.0)
    assert calibration.pairs_count == 500
    assert calibration.shift == pytest.approx(-500.0 / 520.0)
    assert 0.3 + calibration.shift * 0.1 == pytest.approx(0.2, abs=0.005)
    assert calibration.scale < 1.0

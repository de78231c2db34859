"""The always-valid test against its promises: error under peeking, power, closed form against the e-value."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate, stats

from sim.intelligence.sequential import EFFECT_SD, PairedTest
from tests.intelligence.rig import normals


def test_useless_settings_are_promoted_in_at_most_five_percent_however_often_one_looks() -> None:
    """2,000 runs of 100 looks each: at most .05 + 2.33 standard errors."""
    promoted = ever = 0
    for run in range(2_000):
        test = PairedTest(0.1)
        low_seen = high_seen = False
        for value in normals(run, 100):
            test.add(3.0 * value)
            low, high = test.interval()
            low_seen, high_seen = low_seen or low > 0.0, high_seen or high < 0.0
            if low_seen or high_seen:
                break
        promoted += low_seen
        ever += low_seen or high_seen
    assert promoted / 2_000 <= 0.05 + 2.33 * math.sqrt(0.05 * 0.95 / 2_000)
    assert ever / 2_000 <= 0.1 + 2.33 * math.sqrt(0.1 * 0.9 / 2_000)
    assert ever > 20  # a test that never speaks would pass the above


def test_a_real_gain_of_one_sd_is_found_in_thirty_pairs() -> None:
    found = 0
    for run in range(200):
        test = PairedTest(0.1)
        for value in normals(run, 30):
            test.add(value + 1.0)
        found += test.interval()[0] > 0.0
    assert found >= 190


def test_the_interval_holds_the_means_that_the_e_value_does_not_rule_out() -> None:
    values = normals(3, 17)
    test = PairedTest(0.1)
    for value in values:
        test.add(value)
    for end in test.interval():
        shifted = PairedTest(0.1)
        for value in values:
            shifted.add(value - end)
        assert shifted.e_value == pytest.approx(10.0, rel=1e-9)


def test_the_e_value_is_the_ratio_of_marginal_likelihoods() -> None:
    """By quadrature: central t of nu = n - 1 against non-central t over a normal prior on the effect."""
    values = normals(5, 9)
    test = PairedTest()
    for value in values:
        test.add(value + 0.4)
    n, nu = 9, 8
    t = math.sqrt(n) * float(np.mean(values) + 0.4) / float(np.std(values, ddof=1))

    def weighted(effect: float) -> float:
        return float(stats.nct.pdf(t, nu, math.sqrt(n) * effect) * stats.norm.pdf(effect, 0.0, EFFECT_SD))

    above = integrate.quad(weighted, -5.0, 5.0)[0]
    assert test.e_value == pytest.approx(above / float(stats.t.pdf(t, nu)), rel=1e-6)


def test_before_two_pairs_it_says_nothing() -> None:
    test = PairedTest()
    test.add(1.0)
    assert test.interval() == (-math.inf, math.inf)
    assert test.e_value == 1.0

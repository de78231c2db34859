"""Statistics in one pass and bounded memory against numpy's on the whole sample."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sim.runtime.draws import CounterDraws
from sim.world.traces.streaming import Gaps, Sample, Windows

VALUES = np.exp(3.0 * CounterDraws(2, 0).uniforms(1, 0, 5000)[:, 0])


def test_gaps_have_the_cv_of_the_whole_sample() -> None:
    at = np.cumsum(VALUES)
    gaps = Gaps()
    for instant in at:
        gaps.add(float(instant))
    whole = np.diff(at)
    assert gaps.count == 4999
    assert gaps.cv() == pytest.approx(float(whole.std() / whole.mean()), rel=1e-12)
    assert math.isnan(Gaps().cv())


def test_the_fullest_window() -> None:
    windows = Windows(10.0)
    for at in (0.0, 9.9, 10.0, 19.0, 19.5, 31.0):
        windows.add(at)
    assert windows.fullest == 3


def test_quantiles_are_exact_until_the_sample_is_thinned() -> None:
    sample = Sample()
    for value in VALUES:
        sample.add(float(value))
    sizes = sample.sizes()
    assert [sizes.p50, sizes.p90, sizes.p99] == pytest.approx(np.quantile(VALUES, [0.5, 0.9, 0.99]).tolist(), rel=1e-12)
    assert sizes.mean == pytest.approx(float(VALUES.mean()), rel=1e-12)


def test_a_thinned_sample_is_bounded_and_systematic() -> None:
    sample = Sample(values_max=100)
    for number in range(1000):
        sample.add(float(number))
        assert len(sample.values) <= 100
    assert sample.values.tolist() == [float(number) for number in range(0, 1000, 16)]
    assert sample.sizes().mean == 499.5
    one = Sample()
    one.add(4.0)
    assert (one.sizes().p50, one.sizes().p99) == (4.0, 4.0)

"""The normal quantile against scipy's, over all three ranges of the approximation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import ndtri

from sim.world.service.normal import normal_quantile


def test_it_is_right_to_about_sixteen_digits() -> None:
    low = 10.0 ** -np.linspace(0.35, 300.0, 3000)
    center = np.linspace(0.001, 0.999, 3000)
    for p in (low, center, 1.0 - 10.0 ** -np.linspace(0.35, 15.0, 500)):
        ours, theirs = np.array([normal_quantile(float(x)) for x in p]), ndtri(p)
        # near p = .5 the quantile goes through 0, where an ulp of p is what counts
        assert np.max(np.abs(ours - theirs) / np.maximum(np.abs(theirs), 0.01)) < 4e-15


@pytest.mark.parametrize(("p", "z"), [(0.5, 0.0), (0.975, 1.959963984540054), (1e-20, -9.262340089798408)])
def test_known_values(p: float, z: float) -> None:
    assert normal_quantile(p) == pytest.approx(z, rel=1e-15)


def test_it_is_odd_and_finite_at_the_ends_of_what_is_drawn() -> None:
    smallest = 2.0**-53
    assert normal_quantile(smallest) == -normal_quantile(1.0 - smallest)
    assert math.isfinite(normal_quantile(smallest))
    assert normal_quantile(0.25) == -normal_quantile(0.75)

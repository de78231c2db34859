"""A point against its objective: which bound decides, what success has to say, how many looks share the error."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from sim.measure.slo import Slo, standing, worsened
from tests.measure.points import point

SLO = Slo("sojourn_s_mean", 12.0, 0.99, 0.95, 1)
VALUES = [9.0, 11.0, 10.0, 12.0, 8.0]  # mean 10, sd sqrt(2.5), standard error sqrt(.5)
ANSWERED = [1.0] * 5


def judged(values: list[float], success: list[float] = ANSWERED, slo: Slo = SLO) -> str:
    return standing(point("a", sojourn_s_mean=values, success_ratio=success), slo).state


def test_bounds_are_one_sided_and_shared_by_the_looks() -> None:
    measured = point("a", sojourn_s_mean=VALUES, success_ratio=ANSWERED)
    for looks in (1, 5):
        found = standing(measured, replace(SLO, looks=looks))
        half = float(stats.t.isf(0.05 / looks, 4)) * math.sqrt(0.5)
        assert (found.value, found.low, found.high) == pytest.approx((10.0, 10.0 - half, 10.0 + half), rel=1e-12)
        assert found.success_low == found.success_high == 1.0


def test_the_upper_bound_decides_that_it_holds_and_the_lower_one_that_it_does_not() -> None:
    upper = 10.0 + float(stats.t.isf(0.05, 4)) * math.sqrt(0.5)
    assert judged(VALUES, slo=replace(SLO, limit=upper + 1e-9)) == "holds"
    assert judged(VALUES, slo=replace(SLO, limit=upper - 1e-9)) == "open"
    assert judged(VALUES, slo=replace(SLO, limit=20.0 - upper - 1e-9)) == "fails"


def test_who_answers_too_little_does_not_hold_however_fast() -> None:
    assert judged(VALUES, [0.9] * 5) == "fails"
    assert judged(VALUES, [0.999, 0.97, 1.0, 0.99, 1.0]) == "open"
    assert judged(VALUES, [0.991] * 5) == "holds"


def test_an_invalid_point_or_one_without_the_metric_never_holds() -> None:
    fine = point("a", sojourn_s_mean=VALUES, success_ratio=ANSWERED)
    assert standing(fine, SLO).state == "holds"
    assert standing(replace(fine, valid=False), SLO).state == "open"
    nothing = standing(point("a", success_ratio=ANSWERED), SLO)
    assert nothing.state == "open"
    assert math.isnan(nothing.value)


def test_only_a_separable_step_the_wrong_way_counts_against_the_order() -> None:
    rng = np.linspace(-1.0, 1.0, 5)
    rows = {"1": 30.0 + rng, "2": 20.0 + rng, "3": 20.4 + rng + [0.2, -0.2, 0.2, -0.2, 0.0], "4": 20.5 + 9.0 * rng}
    points = [point(name, sojourn_s_mean=list(values)) for name, values in rows.items()]
    assert worsened(points, "sojourn_s_mean", 0.95) == [("2", "3")]
    assert worsened(points[:2], "sojourn_s_mean", 0.95) == []

"""The synthetic stand-in of a trace: figures go in, load with these figures comes out."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sim.world.traces.fit import LengthFit, fit_bursts, fit_lengths
from tests.world.arrivals.loads import Z, cv_and_error, instants


def test_lengths_of_an_exact_lognormal_come_back() -> None:
    fit = fit_lengths(100.0, 100.0 * math.exp(1.2815515655446004 * 0.7), 100.0 * math.exp(2.3263478740408408 * 0.7))
    assert (fit.median, fit.tokens_max) == (100.0, None)
    assert fit.sigma == pytest.approx(0.7, rel=1e-12)


def test_the_published_lengths_give_the_configs_numbers() -> None:
    prompt, output = fit_lengths(1469.0, 5188.0, 7436.0), fit_lengths(13.0, 55.0, 251.0)
    assert prompt == LengthFit(1469.0, pytest.approx(0.985, abs=5e-4), 7436)  # its p99 is where the context ends
    assert output == LengthFit(13.0, pytest.approx(1.24, abs=5e-3), None)


def test_bursts_have_the_cv_that_went_in() -> None:
    fit = fit_bursts(2.57, 13.2, 26.0, 3436.0)
    assert fit is not None
    assert (fit.burst_ratio, fit.burst_s) == (pytest.approx(17.5, abs=0.05), pytest.approx(2.16, abs=0.01))
    assert fit.burst_ratio == pytest.approx((fit.burst_s + fit.calm_s) / fit.burst_s, rel=1e-12)
    at = instants(
        "mmpp", 2.57, 60_000.0, burst_ratio=fit.burst_ratio, burst_s=fit.burst_s, calm_s=fit.calm_s
    )  # fmt: skip
    cv, error = cv_and_error(np.diff(at))
    assert abs(cv - 13.2) < Z * error
    peaks = [np.bincount(at[(at >= t) & (at < t + 3436.0)].astype(int)).max() / 2.57 for t in range(0, 54_976, 3436)]
    error = float(np.std(peaks, ddof=1)) / 4.0
    # the normal extreme stands for that of a Poisson count in broken bursts: 4 % (measured over 40 runs: 25.5 for 26.1)
    assert abs(np.mean(peaks) - 26.0) < Z * error + 0.04 * 26.0


def test_smooth_load_has_no_bursts() -> None:
    assert fit_bursts(2.0, 1.0, 3.0, 1000.0) is None

"""The 95 % interval covers as often as it says, a small version; and the twin is the engine's own run."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from sim.bench.coverage import Coverage, Setting, coverage, covers, product_run, twin_run


@pytest.mark.parametrize("servers", [1, 3])
def test_the_twin_is_the_same_run_as_the_engines(servers: int) -> None:
    setting = Setting(servers=servers, rho=0.8, requests=3000)
    ours, twin = product_run(setting, 5, 2).attempts, twin_run(setting, 5, 2).attempts
    assert len(ours) == len(twin) > 2700
    for name in ("arrived_at", "started_at", "finished_at", "work_s"):
        np.testing.assert_allclose(getattr(ours, name), getattr(twin, name), rtol=0.0, atol=1e-8, err_msg=name)
    assert bool(np.all(ours.status == twin.status))


def test_intervals_for_the_mean_of_one_queue_cover() -> None:
    """100 macro-replications of 10 runs of 4,000 requests at .5 (340 relaxation times each)."""
    setting = Setting(rho=0.5, requests=4000)
    found = coverage(setting, 100, 1, twin_run, workers=1)
    low, high = stats.binom.interval(1 - 1e-4, 100, 0.95)
    assert low <= found.covered <= high, "seeds 100 to 199"
    assert found.macro == 100


def test_the_product_goes_the_same_way() -> None:
    setting = Setting(rho=0.5, replications=4, requests=2000)
    assert [covers(setting, seed, product_run) for seed in range(3)] == [
        covers(setting, seed, twin_run) for seed in range(3)
    ]


def test_the_band_is_the_binomials() -> None:
    found = coverage(Setting(rho=0.5, replications=3, requests=500), 4, 1, twin_run, workers=1)
    low, high = stats.binom.interval(0.99, 4, 0.95)
    assert (found.band_low, found.band_high) == (low / 4, high / 4)
    figure = Coverage(380, 400, 0.92, 0.975)
    assert figure.share == 0.95
    assert figure.passed
    assert figure.as_text() == "380 of 400 intervals cover the mean: 0.9500, within [0.920, 0.975]"
    assert not Coverage(350, 400, 0.92, 0.975).passed
    assert "OUTSIDE" in Coverage(350, 400, 0.92, 0.975).as_text()

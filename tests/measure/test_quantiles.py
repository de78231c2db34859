"""The quantile rule and the intervals against numpy, scipy and worked examples."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from sim.measure.intervals import (
    Interval,
    center_of,
    order_statistic_interval,
    relative_precision,
    sectioning,
    t_interval,
    t_quantile,
)
from sim.measure.quantiles import quantile, quantiles, rank, reportable, sorted_quantiles
from tests.measure.chance import generator


def test_the_rank_is_the_ceiling_of_n_p() -> None:
    assert [rank(1000, p) for p in (0.001, 0.5, 0.95, 0.99, 0.999, 0.9999)] == [1, 500, 950, 990, 999, 1000]
    assert [rank(7, p) for p in (0.01, 0.5, 0.99)] == [1, 4, 7]
    for bad in ((0, 0.5), (10, 0.0), (10, 1.0)):
        with pytest.raises(ValueError):  # noqa: PT011
            rank(*bad)


def test_quantiles_are_numpys_inverted_cdf() -> None:
    rng = generator(5)
    probs = (0.03, 0.5, 0.9, 0.95, 0.99, 0.999)
    for count in (1, 2, 13, 100, 1009):  # sizes at which n p is no integer, or exact
        sample = rng.exponential(size=count)
        expected = np.quantile(sample, probs, method="inverted_cdf")
        assert quantiles(sample, probs).tolist() == expected.tolist()
        assert sorted_quantiles(np.sort(sample), probs).tolist() == expected.tolist()
    assert quantile(np.array([3.0, 1.0, 2.0, 4.0]), 0.5) == 2.0


def test_ten_must_lie_beyond() -> None:
    assert reportable(1000, 0.99)
    assert not reportable(999, 0.99)
    assert reportable(10_000, 0.999)
    assert not reportable(9_999, 0.999)
    assert reportable(20, 0.5)


def test_t_interval_is_scipys() -> None:
    values = generator(1).normal(3.0, 2.0, 12)
    interval = t_interval(values, 0.9)
    low, high = stats.t.interval(0.9, 11, loc=values.mean(), scale=stats.sem(values))
    assert math.isclose(interval.low, low, rel_tol=1e-12)
    assert math.isclose(interval.high, high, rel_tol=1e-12)
    assert math.isclose(interval.standard_error, float(stats.sem(values)), rel_tol=1e-12)
    assert math.isclose(relative_precision(interval), interval.half_width / interval.center)


def test_one_replication_has_no_interval_and_equal_values_no_width() -> None:
    assert math.isnan(t_interval(np.array([2.0]), 0.95).low)
    same = t_interval(np.full(7, 0.1), 0.95)
    assert (same.center, same.low, same.high) == (0.1, 0.1, 0.1)
    assert relative_precision(same) == 0.0
    assert relative_precision(Interval(0.0, 1.0, -1.0, 1.0)) == math.inf
    assert center_of(np.array([1.0, 1e100, 2.0, -1e100])) == 0.75  # no digit is lost on the way
    for bad in ((1.0, 3), (0.95, 0)):
        with pytest.raises(ValueError):  # noqa: PT011
            t_quantile(*bad)


def test_sectioning_spreads_about_the_pooled_value() -> None:
    interval = sectioning(10.0, np.array([8.0, 9.0, 12.0]), 0.95)
    assert math.isclose(interval.standard_error, math.sqrt((4.0 + 1.0 + 4.0) / 2.0 / 3.0))
    assert math.isclose(interval.half_width, float(stats.t.ppf(0.975, 2)) * interval.standard_error)
    assert interval.center == 10.0


@pytest.mark.parametrize(("prob", "least"), [(0.95, 72), (0.99, 368), (0.999, 3688)])
def test_order_statistics_need_so_many_observations(prob: float, least: int) -> None:
    order_statistic_interval(np.arange(float(least)), prob, 0.95)
    with pytest.raises(ValueError, match="too few"):
        order_statistic_interval(np.arange(float(least - 1)), prob, 0.95)


def coverage_band(runs: int, confidence: float) -> tuple[float, float]:
    """Where the covered share of `runs` intervals lies but for 1e-6, if each covers with `confidence`."""
    low, high = stats.binom.interval(1 - 1e-6, runs, confidence)
    return low / runs, high / runs


def test_intervals_cover_as_often_as_they_say() -> None:
    rng = generator(11)
    runs = 2000
    low, high = coverage_band(runs, 0.9)
    hits = sum(abs(t_interval(row, 0.9).center - 5.0) <= t_interval(row, 0.9).half_width
               for row in rng.normal(5.0, 1.0, (runs, 8)))  # fmt: skip
    assert low <= hits / runs <= high, "seed 11"


def test_order_statistic_intervals_cover_at_least_as_often_as_they_say() -> None:
    rng = generator(12)
    runs, truth = 2000, -math.log(0.1)
    found = [order_statistic_interval(row, 0.9, 0.95) for row in rng.exponential(size=(runs, 200))]
    share = sum(a <= truth < b for a, b in found) / runs
    # discrete ranks cover .95 or a little more, here exactly:
    low_rank = int(stats.binom.ppf(0.025, 200, 0.9))
    high_rank = int(stats.binom.isf(0.025, 200, 0.9)) + 1
    exact = float(stats.binom.cdf(high_rank - 1, 200, 0.9) - stats.binom.cdf(low_rank - 1, 200, 0.9))
    assert exact >= 0.95
    low, high = coverage_band(runs, exact)
    assert low <= share <= high, "seed 12"


def test_ranks_are_those_of_scipy() -> None:
    rng = generator(14)
    for _ in range(60):
        count, prob, confidence = int(10 ** rng.uniform(2.0, 5.0)), float(rng.uniform(0.1, 0.9)), 0.95
        low = int(stats.binom.ppf(0.025, count, prob))
        high = int(stats.binom.isf(0.025, count, prob)) + 1
        found = order_statistic_interval(np.arange(1.0, count + 1.0), prob, confidence)
        assert found == (low, high), f"seed 14, n={count} p={prob}"


def test_sectioned_quantiles_cover() -> None:
    rng = generator(13)
    runs, truth = 1000, -math.log(0.05)
    hits = 0
    for _ in range(runs):
        sections = rng.exponential(size=(10, 2000))
        per_section = np.array([quantile(row, 0.95) for row in sections])
        interval = sectioning(quantile(sections.ravel(), 0.95), per_section, 0.95)
        hits += interval.low <= truth <= interval.high
    low, high = coverage_band(runs, 0.95)
    assert low <= hits / runs <= high, "seed 13"

"""Seasonal smoothing, bins of arrivals, and what the predictive policy makes of them, by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest

from sim.contracts import FleetSample
from sim.scalability.autoscaler.bins import Bins
from sim.scalability.autoscaler.season import SeasonalForecast
from sim.scalability.autoscaler.window import WindowMax, WindowMean
from tests.scalability.autoscaler.rig import policy_of, sample

SEASON = (10.0, 20.0, 40.0, 20.0)


def forecast_of(*values: float) -> SeasonalForecast:
    forecast = SeasonalForecast(4)
    for value in values:
        forecast.add(value)
    return forecast


def test_the_first_season_is_repeated() -> None:
    assert not forecast_of(*SEASON[:3]).ready
    forecast = forecast_of(*SEASON)
    assert forecast.ready
    assert [forecast.mean(ahead) for ahead in range(1, 9)] == [*SEASON, *SEASON]
    assert forecast.spread(3) == pytest.approx(math.sqrt(40.0 * (1.0 + 0.209**2 + 0.2171 * 0.0 + (0.2 * 1.0855) ** 2)))


def test_one_step_of_smoothing() -> None:
    forecast = forecast_of(*SEASON, 12.0)  # error 2: level 22.9, trend .02, season[0] -11.9
    assert forecast.mean(1) == pytest.approx(22.9 + 0.9 * 0.02 - 2.5)
    assert forecast.mean(2) == pytest.approx(22.9 + (0.9 + 0.81) * 0.02 + 17.5)
    assert forecast.mean(4) == pytest.approx(22.9 + (0.9 + 0.81 + 0.729 + 0.6561) * 0.02 - 11.9)
    assert forecast.spread(1) == pytest.approx(math.sqrt(forecast.mean(1)))  # counts: over the squared error of 4


def test_the_spread_follows_the_errors() -> None:
    forecast = forecast_of(*SEASON, 110.0)  # error 100
    assert forecast.spread(1) == pytest.approx(100.0)
    forecast.add(forecast.mean(1))
    assert forecast.spread(1) == pytest.approx(100.0 * math.sqrt(0.95))
    weight = 0.2 * (1.0 + 0.05 * (0.9 + 0.81 + 0.729 + 0.6561)) + 0.3  # a whole season ahead the season errs too
    assert forecast.spread(5) ** 2 - forecast.spread(4) ** 2 == pytest.approx(9500.0 * weight**2)


def test_a_growing_series_is_followed() -> None:
    values = [base * (1.0 + 0.1 * season) for season in range(30) for base in (100.0, 200.0, 400.0, 200.0)]
    forecast = forecast_of(*values)
    for ahead, base in enumerate((100.0, 200.0, 400.0, 200.0), start=1):
        assert forecast.mean(ahead) == pytest.approx(4.0 * base, rel=0.1)


def test_a_forecast_is_never_negative() -> None:
    forecast = forecast_of(0.0, 0.0, 10.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    assert min(forecast.mean(ahead) for ahead in range(1, 5)) == 0.0


def test_edges_are_interpolated_between_samples() -> None:
    bins = Bins(10.0)
    assert list(bins.add(sample(0.0, arrivals_count=0))) == []
    assert list(bins.add(sample(8.0, arrivals_count=80))) == []
    assert list(bins.add(sample(12.0, arrivals_count=120))) == [100.0]
    assert list(bins.add(sample(32.0, arrivals_count=220))) == [60.0, 50.0]  # 20 of the second bin before 12 s
    assert list(bins.add(sample(40.0, arrivals_count=220))) == [10.0]


def test_a_bin_that_began_before_the_first_sample_is_left_out() -> None:
    bins = Bins(10.0)
    assert list(bins.add(sample(4.0, arrivals_count=7))) == []
    assert list(bins.add(sample(10.0, arrivals_count=70))) == []
    assert list(bins.add(sample(20.0, arrivals_count=75))) == [5.0]


def test_a_count_that_goes_back_is_not_taken() -> None:
    bins = Bins(10.0)
    assert list(bins.add(sample(0.0, arrivals_count=50))) == []
    assert list(bins.add(sample(5.0, arrivals_count=10))) == []
    assert list(bins.add(sample(6.0, arrivals_count=-10))) == []
    assert list(bins.add(sample(10.0, arrivals_count=60))) == [10.0]


def test_work_of_an_arrival() -> None:
    bins = Bins(10.0)

    def add(at: float, utilization: float, count: int, **facts: Any) -> None:
        for _ in bins.add(sample(at, utilization, 10, arrivals_count=count, **facts)):
            pass

    add(0.0, 0.5, 0)
    add(5.0, 0.5, 150)
    add(10.0, 0.5, 300)
    assert bins.work_s == pytest.approx(2.0)  # 60 busy x 10 s / 300
    add(20.0, 0.75, 600)
    assert bins.work_s == pytest.approx(2.0 + 0.2 * (3.0 - 2.0))
    for at, utilization, facts in ((30.0, 0.96, {}), (40.0, 0.5, {"waiting": 1}), (50.0, math.nan, {})):
        add(at, utilization, int(30 * at), **facts)
        assert bins.work_s == pytest.approx(2.2), at  # a full fleet hides its load
    add(60.0, 0.5, 1500)
    assert bins.work_s == pytest.approx(2.2)  # nothing came


def fed(season: tuple[float, ...] = SEASON, **settings: Any) -> tuple[Any, FleetSample]:
    """A policy that has seen one season of 4 bins of 100 s at half a fleet of 10 nodes, and the sample at its end."""
    policy = policy_of("predictive", season_s=400.0, bin_s=100.0, provisioning_s=60.0, **settings)
    count, seen = 0.0, sample(0.0, 0.7, 10)
    policy.observe(seen)
    for index, arrivals in enumerate(season):
        count += arrivals
        utilization = arrivals * 30.0 / 100.0 / 120.0  # 30 agent seconds each
        seen = sample(100.0 * (index + 1), utilization, 10, arrivals_count=int(count))
        policy.observe(seen)
    return policy, seen


def test_the_reactive_rule_decides_until_a_season_is_seen() -> None:
    policy, seen = fed(SEASON[:3])
    assert policy.desired(seen).nodes == 2  # 40 x 30 / 100 = 12 busy of 120: 2 nodes; the start has left the window


def test_the_upper_bound_ahead_is_provided_for() -> None:
    policy, seen = fed((400.0, 100.0, 100.0, 200.0))
    # next bin: 400 + 1.6449 x sqrt(400) = 432.9 a bin x 30 s / (100 s x 8.4 a node) = 15.5 nodes
    wish = policy.desired(seen)
    assert (wish.nodes, wish.reason) == (16, "forecast to 75 s ahead")


def test_a_longer_provisioning_looks_further() -> None:
    season = (100.0, 100.0, 400.0, 200.0)
    policy, seen = fed(season)
    assert policy.desired(seen).nodes != 16
    policy = policy_of("predictive", season_s=400.0, bin_s=100.0, provisioning_s=185.0)
    count = 0.0
    policy.observe(sample(0.0, 0.7, 10))
    for index, arrivals in enumerate(season):
        count += arrivals
        seen = sample(100.0 * (index + 1), arrivals * 0.0025, 10, arrivals_count=int(count))
        policy.observe(seen)
    assert policy.desired(seen).nodes == 16  # now + 185 + 15 s falls into the bin of 400


def test_a_missing_metric_holds() -> None:
    policy, seen = fed((400.0, 100.0, 100.0, 200.0))
    blind = sample(seen.at + 15.0, math.nan, 10, arrivals_count=seen.arrivals_count)
    policy.observe(blind)
    assert policy.desired(blind).nodes is None


def test_windows() -> None:
    highest, mean = WindowMax(10.0), WindowMean(10.0)
    assert math.isnan(mean.mean())
    assert [highest.add(at, value) for at, value in ((0.0, 5), (4.0, 9), (8.0, 3), (14.0, 2), (18.0, 1))] == [
        5,
        9,
        9,
        3,
        2,
    ]
    for at, value in ((0.0, 6.0), (5.0, 8.0), (10.0, 1.0)):
        mean.add(at, value)
    assert mean.mean() == 4.5  # 0 s is out: the window is (0, 10]


def test_windows_are_bounded() -> None:
    highest, mean = WindowMax(1e9, samples_max=3), WindowMean(1e9, samples_max=3)
    for value in (9, 8, 7, 6):
        highest.add(0.0, value)
        mean.add(0.0, float(value))
    assert highest.add(0.0, 1) == 7
    assert mean.mean() == 7.0

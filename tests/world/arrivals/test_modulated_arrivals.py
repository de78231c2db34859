"""Arrivals of changing rate: the time change is exact, means are kept, the burst path does not depend on the load."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sim.errors import ConfigError
from sim.runtime.draws import MODULATION, CounterDraws
from tests.world.arrivals.loads import Z, cv_and_error, instants, law_of, mean_and_error

UNIT = {"seed": 9}


def operational_times(count: int) -> np.ndarray:
    """The sums of unit gaps that the instants must be reached by: those of a Poisson process of rate 1."""
    return instants("poisson", 1.0, 3.0 * count, **UNIT)[:count]


def test_mmpp_keeps_its_mean_rate_from_the_start() -> None:
    for horizon_s in (5.0, 60.0):
        counts = [
            float(len(instants("mmpp", 8.0, horizon_s, replication=r, burst_ratio=5.0, burst_s=3.0, calm_s=20.0)))
            for r in range(800)
        ]
        mean, error = mean_and_error(counts)
        assert abs(mean - 8.0 * horizon_s) < Z * error, f"horizon {horizon_s}: {mean} +- {error}"


def test_an_interrupted_poisson_process_has_the_cv_of_its_formula() -> None:
    rate, ratio, burst_s = 2.5, 5.0, 1.5
    at = instants("mmpp", rate, 30_000.0, burst_ratio=ratio, burst_s=burst_s, calm_s=burst_s * (ratio - 1.0))
    cv, error = cv_and_error(np.diff(at))  # its gaps are independent
    formula = math.sqrt(1.0 + 2.0 * rate * ratio * (1.0 - 1.0 / ratio) ** 2 * burst_s)
    assert abs(cv - formula) < Z * error


@pytest.mark.parametrize("rate", [3.0, 50.0])
def test_the_burst_path_is_the_same_under_every_load(rate: float) -> None:
    at = instants("mmpp", rate, 400.0, seed=4, burst_ratio=4.0, burst_s=5.0, calm_s=15.0)
    draws = CounterDraws(4, 0)
    bursting, ends_at, stay = draws.uniform(MODULATION, 0, index=1) < 0.25, 0.0, 0
    inside = np.zeros(len(at), dtype=bool)
    while ends_at < 400.0:
        starts_at = ends_at
        ends_at = starts_at - (5.0 if bursting else 15.0) * math.log(draws.uniform(MODULATION, stay))
        if bursting:
            inside |= (at >= starts_at) & (at <= ends_at)
        bursting, stay = not bursting, stay + 1
    assert np.all(inside)  # burst_ratio 4 x a quarter of the time: no request is left for the calm state


def test_more_bursts_than_there_are_requests_are_refused() -> None:
    law_of("mmpp", 1.0, burst_ratio=4.0, burst_s=10.0, calm_s=30.0)
    with pytest.raises(ConfigError, match=r"arrivals\.burst_ratio=4\.1: accepted is at most 4: bursts are 0\.25"):
        law_of("mmpp", 1.0, burst_ratio=4.1, burst_s=10.0, calm_s=30.0)


@pytest.mark.parametrize("amplitude", [0.0, 0.5, 1.0])
def test_diurnal_instants_invert_the_cumulated_rate(amplitude: float) -> None:
    rate, period_s = 2.0, 1000.0
    at = instants("diurnal", rate, 3000.0, period_s=period_s, amplitude_ratio=amplitude, **UNIT)
    swing = amplitude * period_s / (2.0 * math.pi)
    cumulated = rate * (at + swing * (1.0 - np.cos(2.0 * math.pi * at / period_s)))
    error = np.abs(cumulated - operational_times(len(at)))
    # float precision: 4 ulp of the instant, and the rounding of sum and cosine, each about one ulp of their size
    assert np.max(error / np.spacing(rate * (at + 2.0 * swing))) < 16.0


def test_diurnal_load_follows_the_sine() -> None:
    rate, period_s = 20.0, 400.0
    at = instants("diurnal", rate, 4000.0, period_s=period_s, amplitude_ratio=0.8)
    phase = np.floor(at % period_s / 100.0).astype(int)
    swing = 0.8 * period_s / (2.0 * math.pi)
    for quarter, sign in enumerate((1.0, 1.0, -1.0, -1.0)):
        expected = 10.0 * rate * (100.0 + sign * swing)
        assert abs(np.sum(phase == quarter) - expected) < Z * math.sqrt(expected), f"quarter {quarter}"


def test_a_flash_crowd_inverts_its_ramps_exactly() -> None:
    rate, ratio = 3.0, 4.0
    params = {"peak_at": 50.0, "ramp_s": 20.0, "peak_s": 30.0, "peak_ratio": ratio}
    at = instants("flash_crowd", rate, 300.0, **params, **UNIT)

    def cumulated(t: float) -> float:
        """Integral of the trapezoid over the base rate."""
        up, flat, down = (
            min(max(t - start, 0.0), length) for start, length in ((50.0, 20.0), (70.0, 30.0), (100.0, 20.0))
        )
        extra = up * up / 40.0 + flat + down - down * down / 40.0
        return rate * (t + (ratio - 1.0) * extra)

    reached = np.array([cumulated(float(t)) for t in at])
    assert np.max(np.abs(reached / operational_times(len(at)) - 1.0)) < 1e-14
    after = instants("flash_crowd", rate, 300.0, **(params | {"peak_ratio": 0.25}), **UNIT)
    assert np.sum((after > 70.0) & (after < 100.0)) < np.sum((at > 70.0) & (at < 100.0)) / 8


def test_a_flash_crowd_may_start_at_once_and_have_no_ramps() -> None:
    at = instants("flash_crowd", 10.0, 200.0, peak_at=0.0, ramp_s=0.0, peak_s=100.0, peak_ratio=2.0)
    early, late = np.sum(at < 100.0), np.sum(at >= 100.0)
    assert abs(early - 2000.0) < Z * math.sqrt(2000.0)
    assert abs(late - 1000.0) < Z * math.sqrt(1000.0)


def test_only_the_stationary_one_may_be_cut_for_warm_up() -> None:
    terminating = {kind: law_of(kind, 2.0).terminating for kind in ("mmpp", "diurnal", "flash_crowd")}
    assert terminating == {"mmpp": False, "diurnal": True, "flash_crowd": True}
    assert [law_of(kind, 2.0).rate_per_s() for kind in terminating] == [2.0, 2.0, 2.0]

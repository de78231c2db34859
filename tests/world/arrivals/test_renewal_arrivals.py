"""Poisson, deterministic and gamma arrivals: rates, burstiness, pairing over loads, chunk borders."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sim.errors import ConfigError
from sim.runtime.draws import ARRIVAL_GAP, CounterDraws
from sim.world.renewal import equilibrium_gap
from tests.world.arrivals.loads import Z, cv_and_error, instants, law_of, mean_and_error


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_poisson_has_its_rate_and_a_cv_of_one(seed: int) -> None:
    at = instants("poisson", 20.0, 2500.0, seed=seed)
    expected = 20.0 * 2500.0
    assert abs(len(at) - expected) < Z * math.sqrt(expected), f"seed {seed}: {len(at)}"
    cv, error = cv_and_error(np.diff(at))
    assert abs(cv - 1.0) < Z * error, f"seed {seed}: {cv}"
    assert error == pytest.approx(1.0 / math.sqrt(expected), rel=0.1)  # what theory gives for exponential gaps


def test_poisson_gaps_are_minus_log_of_the_draw_of_the_request() -> None:
    at = instants("poisson", 4.0, 600.0, seed=7)
    assert len(at) > 2048  # over two chunk borders
    draws = CounterDraws(7, 0)
    operational = 0.0
    for ordinal in range(2100):
        operational += -math.log(draws.uniform(ARRIVAL_GAP, ordinal))
        assert at[ordinal] == operational / 4.0


def test_loads_pair_request_by_request() -> None:
    calm, busy, gamma = (instants("poisson", 3.0, 500.0), instants("poisson", 6.0, 500.0), {"cv": 4.0})
    assert np.array_equal(busy[: len(calm)], calm / 2.0)
    calm, busy = (instants("gamma", rate, 500.0, **gamma) for rate in (3.0, 6.0))
    assert np.array_equal(busy[: len(calm)], calm / 2.0)


def test_a_horizon_only_cuts() -> None:
    whole = instants("poisson", 5.0, 1000.0)
    for horizon_s in (0.01, float(whole[1023]), float(whole[1024]), 700.0):
        cut = instants("poisson", 5.0, horizon_s)
        assert np.array_equal(cut, whole[whole < horizon_s])


def test_replications_and_seeds_differ() -> None:
    first = instants("poisson", 5.0, 100.0)[:50]
    assert not np.any(first == instants("poisson", 5.0, 100.0, replication=1)[:50])
    assert not np.any(first == instants("poisson", 5.0, 100.0, seed=2)[:50])


def test_deterministic_instants_are_multiples_without_a_running_sum() -> None:
    at = instants("deterministic", 3.0, 1000.0)
    assert at.tolist() == [number / 3.0 for number in range(1, 3000)]  # the 3000th is at the horizon
    assert instants("deterministic", 1024.0, 2.0).size == 2047
    assert instants("deterministic", 1024.0, 1.0 + 1e-9).size == 1024


@pytest.mark.parametrize("cv", [0.3, 1.0, 3.0])
def test_gamma_gaps_have_the_cv_that_is_asked_for(cv: float) -> None:
    at = instants("gamma", 10.0, 5000.0, cv=cv)
    measured, error = cv_and_error(np.diff(at))
    assert abs(measured - cv) < Z * error
    # theory: standard error of a gamma's CV is cv sqrt((1 + cv^2) / 2n)
    assert error == pytest.approx(cv * math.sqrt((1.0 + cv * cv) / 2.0 / len(at)), rel=0.35)


@pytest.mark.parametrize(("cv", "horizon_s"), [(0.5, 3.0), (4.0, 3.0), (4.0, 30.0)])
def test_gamma_is_in_equilibrium_from_the_start(cv: float, horizon_s: float) -> None:
    counts = [float(len(instants("gamma", 2.0, horizon_s, seed=3, replication=r, cv=cv))) for r in range(600)]
    mean, error = mean_and_error(counts)
    assert abs(mean - 2.0 * horizon_s) < Z * error, f"seed 3: {mean} +- {error}"


@pytest.mark.parametrize("cv", [0.0, 0.5, 2.0])
def test_the_first_gap_has_the_equilibrium_mean(cv: float) -> None:
    gaps = [equilibrium_gap(CounterDraws(11, replication), cv) for replication in range(4000)]
    mean, error = mean_and_error(gaps)
    assert abs(mean - (1.0 + cv * cv) / 2.0) < Z * error


def test_a_gamma_cv_of_zero_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"arrivals\.cv=0\.0: accepted is above 0"):
        law_of("gamma", 1.0, cv=0.0)


@pytest.mark.parametrize("kind", ["poisson", "deterministic", "gamma"])
def test_they_have_a_steady_state_and_say_their_rate(kind: str) -> None:
    law = law_of(kind, 2.5)
    assert law.rate_per_s() == 2.5
    assert law.terminating is False


def test_clients_of_a_closed_loop_think_exponentially() -> None:
    law = law_of("closed_loop", None, clients_count=3, think_s=2.0)
    assert law.clients_count == 3
    assert law.terminating is False
    draws = CounterDraws(5, 0)
    thinks = [law.think_s(draws, client, ordinal) for client in range(3) for ordinal in range(4000)]
    mean, error = mean_and_error(thinks)
    assert abs(mean - 2.0) < Z * error
    assert len(set(thinks)) == len(thinks)
    assert law_of("closed_loop", None, think_s=0.0).think_s(draws, 0, 0) == 0.0

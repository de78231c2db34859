"""The oracles against their spot values, to the digits printed, and against one another."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy import integrate, linalg, stats

from sim.measure import theory


def digits(value: float, printed: str) -> bool:
    """Whether `value` rounds to `printed` as printed."""
    places = len(printed.partition(".")[2])
    return f"{value:.{places}f}" == f"{float(printed):.{places}f}"


@pytest.mark.parametrize(
    ("servers", "rho", "wait_prob", "sojourn"),
    [
        (1, 0.5, "0.5", "2"), (1, 0.8, "0.8", "5"), (1, 0.9, "0.9", "10"), (4, 0.8, "0.5964", "1.7455"),
        (4, 0.9, "0.7878", "2.9694"), (10, 0.9, "0.6687", "1.6687"), (100, 0.95, "0.5065", "1.1013"),
    ],
)  # fmt: skip
def test_many_servers(servers: int, rho: float, wait_prob: str, sojourn: str) -> None:
    assert digits(theory.erlang_c(servers, rho), wait_prob)
    assert digits(theory.mmc_sojourn(servers, rho), sojourn)


def test_quantiles_of_ten_servers() -> None:
    known = {0.5: "1.3291", 0.95: "4.3609", 0.99: "6.2499", 0.999: "8.8411"}
    for prob, printed in known.items():
        value = theory.mmc_quantile(10, 0.9, prob)
        assert digits(value, printed)
        assert theory.mmc_tail(10, 0.9, value) == pytest.approx(1.0 - prob, rel=1e-9)


def test_quantiles_of_one_server_are_the_exponentials() -> None:
    for rho in (0.3, 0.8, 0.95):
        for prob in (0.01, 0.5, 0.99, 0.9999):
            expected = float(stats.expon.ppf(prob, scale=1.0 / (1.0 - rho)))
            assert theory.mm1_quantile(rho, prob) == pytest.approx(expected, rel=1e-12)
            assert theory.mmc_quantile(1, rho, prob) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("servers", "rho"), [(1, 0.6), (4, 0.75), (10, 0.9), (10, 0.5), (3, 2 / 3)])
def test_the_tail_integrates_to_the_mean(servers: int, rho: float) -> None:
    """c (1 - rho) = 1 in (4, .75), (10, .9) and (3, 2/3): the tail's other branch."""
    area, _ = integrate.quad(lambda t: theory.mmc_tail(servers, rho, t), 0.0, math.inf)
    assert area == pytest.approx(theory.mmc_sojourn(servers, rho), rel=1e-7)
    assert theory.mmc_tail(servers, rho, 0.0) == pytest.approx(1.0)
    near = theory.mmc_tail(servers, rho + 1e-7, 1.5)
    assert near == pytest.approx(theory.mmc_tail(servers, rho, 1.5), rel=1e-5)


def test_general_service() -> None:
    assert [theory.mg1_sojourn(0.8, scv) for scv in (0.0, 1.0, 4.0, 20.0)] == pytest.approx([3.0, 5.0, 11.0, 43.0])
    assert theory.mg1_sharing_sojourn(0.8) == pytest.approx(5.0)
    assert theory.mg1_sharing_sojourn(0.8, 2.5) == pytest.approx(12.5)


def test_loss() -> None:
    assert digits(theory.erlang_b(10, 9.0), "0.16796")
    assert digits(theory.erlang_b(50, 45.0), "0.05410")
    for servers, load in ((1, 0.5), (3, 2.0), (20, 30.0)):
        weights = [load**n / math.factorial(n) for n in range(servers + 1)]
        assert theory.erlang_b(servers, load) == pytest.approx(weights[-1] / sum(weights), rel=1e-12)


@pytest.mark.parametrize(
    ("nodes", "rho", "printed"),
    [(1, 0.8, "5"), (2, 0.8, "3.8440"), (2, 0.9, "7.5883"), (10, 0.8, "2.9223"), (10, 0.9, "5.6603")],
)
def test_round_robin(nodes: int, rho: float, printed: str) -> None:
    assert digits(theory.round_robin_sojourn(nodes, rho), printed)


def test_constant_arrivals_are_the_limit_of_round_robin() -> None:
    assert digits(theory.dm1_sojourn(0.8), "2.6927")
    assert digits(theory.dm1_sojourn(0.9), "5.1787")
    assert theory.round_robin_sojourn(100_000, 0.8) == pytest.approx(theory.dm1_sojourn(0.8), rel=1e-4)


def test_a_random_split_is_one_queue_a_node() -> None:
    assert theory.random_split_sojourn(0.8) == pytest.approx(5.0)


def test_power_of_d() -> None:
    for choices, rho, printed in ((2, 0.9, "2.6141"), (2, 0.99, "5.4320"), (3, 0.9, "2.0279")):
        assert digits(theory.power_of_d_sojourn(choices, rho), printed)
    assert theory.power_of_d_sojourn(1, 0.9) == pytest.approx(10.0)
    terms = [0.9 ** (2**i - 2) for i in range(1, 12)]
    assert theory.power_of_d_sojourn(2, 0.9) == pytest.approx(math.fsum(terms), rel=1e-12)


def test_the_series_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(theory, "TERMS_MAX", 2)
    assert theory.power_of_d_sojourn(2, 0.9) == pytest.approx(1.0 + 0.9**2)


def test_kingman_bounds_what_is_known_and_is_near_it_in_heavy_traffic() -> None:
    for rho in (0.5, 0.8, 0.9, 0.99):
        assert theory.kingman_wait_bound(rho, 1.0, 1.0) >= theory.mg1_sojourn(rho, 1.0) - 1.0
        assert theory.kingman_wait_bound(rho, 1.0, 4.0) >= theory.mg1_sojourn(rho, 4.0) - 1.0
        assert theory.kingman_wait_bound(rho, 0.0, 1.0) >= theory.dm1_sojourn(rho) - 1.0
        assert theory.kingman_wait_bound(rho, 0.5, 1.0) >= theory.round_robin_sojourn(2, rho) - 1.0
    assert theory.kingman_wait_bound(0.999, 0.0, 1.0) == pytest.approx(theory.dm1_sojourn(0.999) - 1.0, rel=2e-3)


def test_the_chain_forgets_at_the_relaxation_time() -> None:
    """Second eigenvalue of the M/M/1 generator cut at 400 customers, against (1 - sqrt rho)^2."""
    rho, size = 0.6, 400
    leaving = np.full(size, 1.0 + rho)
    leaving[0], leaving[-1] = rho, 1.0
    # symmetrized: the chain is reversible, its off-diagonal becomes the geometric mean of both rates
    gaps = np.sort(linalg.eigvalsh_tridiagonal(leaving, np.full(size - 1, -math.sqrt(rho))))
    assert 1.0 / gaps[1] == pytest.approx(theory.mm1_relaxation(rho), rel=2e-3)
    assert theory.mm1_relaxation(rho, 4) == pytest.approx(theory.mm1_relaxation(rho) / 4.0)


@pytest.mark.parametrize(
    "call",
    [
        lambda: theory.mmc_sojourn(1, 1.0),
        lambda: theory.mmc_sojourn(0, 0.5),
        lambda: theory.mmc_quantile(1, 0.5, 1.0),
        lambda: theory.mg1_sojourn(0.0, 1.0),
        lambda: theory.erlang_b(0, 1.0),
        lambda: theory.erlang_b(1, 0.0),
        lambda: theory.power_of_d_sojourn(0, 0.5),
        lambda: theory.round_robin_sojourn(0, 0.5),
        lambda: theory.dm1_sojourn(1.2),
        lambda: theory.kingman_wait_bound(1.0, 1.0, 1.0),
    ],
)
def test_what_has_no_answer_is_refused(call: Callable[[], float]) -> None:
    with pytest.raises(ValueError, match="accepted is"):
        call()

"""Oracles of failing, retrying, hedging and set-up against their spot values and against one another."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from scipy import stats

from sim.measure import theory, theory_failures, theory_setup
from tests.theory.test_closed_forms import digits


def test_breakdowns() -> None:
    assert digits(theory_failures.breakdown_sojourn(0.5, 0.01, 0.1), "4.4646")
    assert digits(theory_failures.breakdown_sojourn(0.7, 0.01, 0.1), "8.7352")
    for rate in (0.2, 0.8):
        assert theory_failures.breakdown_sojourn(rate, 0.0, 0.1) == pytest.approx(theory.mmc_sojourn(1, rate))
        quick = theory_failures.breakdown_sojourn(rate, 0.1e6, 1e6)  # a server of speed 1 / 1.1
        assert quick == pytest.approx(1.1 * theory.mmc_sojourn(1, 1.1 * rate), rel=1e-4)


def test_machine_repair() -> None:
    alone = theory_failures.machine_repair(1, 90.0, 10.0)
    assert (alone.availability, alone.down_mean) == pytest.approx((0.9, 0.1))
    many = theory_failures.machine_repair(7, 90.0, 10.0)
    assert list(many.down) == pytest.approx(stats.binom.pmf(np.arange(8), 7, 0.1))  # each by itself
    one = theory_failures.machine_repair(10, 100.0, 10.0, 1)
    assert sum(one.down) == pytest.approx(1.0)
    for k, (fewer, more) in enumerate(pairwise(one.down)):
        assert fewer * (10 - k) / 100.0 == pytest.approx(more / 10.0)  # balance over each cut
    assert one.up_mean == pytest.approx(10.0 - one.down_mean)
    assert one.up_mean / 100.0 == pytest.approx((1.0 - one.down[0]) / 10.0)  # failures equal repairs
    assert 8.0 > one.up_mean > theory_failures.machine_repair(10, 100.0, 20.0, 1).up_mean


def test_retries_and_tails() -> None:
    assert theory_failures.retry_attempts(0.5, 3) == 1.75
    assert theory_failures.retry_attempts(0.0, 9) == 1.0
    assert theory_failures.retry_attempts(0.9, 1) == pytest.approx(1.0)
    assert digits(theory_failures.any_slow_prob(0.01, 100), "0.634")


def test_hedging() -> None:
    p95 = theory_failures.hedged_quantile(0.95, 100.0)
    assert p95 == pytest.approx(-math.log(0.05))
    assert digits(theory_failures.hedged_quantile(0.999, 100.0), "6.908")
    assert digits(theory_failures.hedged_quantile(0.999, p95), "4.952")
    assert theory_failures.hedge_extra_load(p95) == pytest.approx(0.05)
    t = theory_failures.hedged_quantile(0.999, 1.3)
    assert math.exp(-t) * math.exp(-(t - 1.3)) == pytest.approx(0.001)


def test_detection() -> None:
    found = {
        (30.0, 2, 5.0): (35.0, 50.0, 65.0),  # ALB
        (2.0, 3, 2.0): (6.0, 7.0, 8.0),  # HAProxy
        (10.0, 3, 30.0): (50.0, 55.0, 60.0),  # Ray Serve
        (60.0, 3, 5.0): (125.0, 155.0, 185.0),  # SGLang
    }
    for setting, expected in found.items():
        times = theory_failures.detection(*setting)
        assert (times.shortest_s, times.mean_s, times.longest_s) == expected


def test_token_bucket() -> None:
    assert theory_failures.token_bucket_loss(0.8, 1) == pytest.approx(0.8 / 1.8)
    assert digits(theory_failures.token_bucket_loss(0.9, 5), "0.06436")
    assert digits(theory_failures.token_bucket_loss(1.0, 10), "0.05085")


def test_setup_of_one_server() -> None:
    for rho, setup in ((0.5, 1.0), (0.8, 10.0)):
        known = theory_setup.mm1_setup_sojourn(rho, setup)
        assert known == 1.0 / (1.0 - rho) + setup
        assert theory_setup.mmk_setup_sojourn(1, rho, setup) == pytest.approx(known, rel=1e-10)


@pytest.mark.parametrize(("setup", "printed"), [(1.0, "1.6293"), (10.0, "4.4621"), (60.0, "18.890")])
def test_setup_of_four_servers(setup: float, printed: str) -> None:
    assert digits(theory_setup.mmk_setup_sojourn(4, 0.5, setup), printed)


def test_a_short_setup_is_none_and_a_chain_cut_far_out_agrees() -> None:
    assert theory_setup.mmk_setup_sojourn(3, 0.6, 1e-6) == pytest.approx(theory.mmc_sojourn(3, 0.6), rel=1e-5)
    servers, rate, setup, levels = 2, 1.2, 3.0, 300
    states = [(i, j) for j in range(levels) for i in range(min(j, servers) + 1)]
    place = {state: n for n, state in enumerate(states)}
    flows = np.zeros((len(states), len(states)))
    for (i, j), n in place.items():
        moves = [
            ((i, j + 1), rate), ((i + 1, j), min(j - i, servers - i) / setup),
            ((i, j - 1) if j > i else (i - 1, j - 1), float(i)),
        ]  # fmt: skip
        for to, flow in moves:
            if flow and to in place:
                flows[n, place[to]] += flow
    balance = np.vstack(((flows - np.diag(flows.sum(axis=1))).T, np.ones(len(states))))
    probs = np.linalg.lstsq(balance, np.append(np.zeros(len(states)), 1.0), rcond=None)[0]
    mean = float(probs @ np.array([j for _, j in states]))
    assert theory_setup.mmk_setup_sojourn(2, 0.6, 3.0) == pytest.approx(mean / rate, rel=1e-8)


def test_a_chain_that_does_not_converge_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(theory_setup, "ITERATIONS_MAX", 3)
    with pytest.raises(ValueError, match="accepted is below 1"):
        theory_setup.mmk_setup_sojourn(2, 0.9, 1.0)


@pytest.mark.parametrize(
    "call",
    [
        lambda: theory_failures.breakdown_sojourn(0.95, 0.01, 0.1),
        lambda: theory_failures.breakdown_sojourn(0.0, 0.01, 0.1),
        lambda: theory_failures.machine_repair(0, 1.0, 1.0),
        lambda: theory_failures.retry_attempts(1.0, 2),
        lambda: theory_failures.any_slow_prob(1.1, 2),
        lambda: theory_failures.hedged_quantile(1.0, 1.0),
        lambda: theory_failures.hedge_extra_load(-1.0),
        lambda: theory_failures.detection(0.0, 1, 1.0),
        lambda: theory_failures.token_bucket_loss(0.5, 0),
        lambda: theory_setup.mm1_setup_sojourn(0.5, 0.0),
        lambda: theory_setup.mmk_setup_sojourn(4, 1.0, 1.0),
        lambda: theory_setup.mmk_setup_sojourn(201, 0.5, 1.0),
    ],
)
def test_out_of_range(call: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match="accepted is"):
        call()

"""The real gateway in front of the simulated fleet: it changes nothing that it lets in, and loses what theory says."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from sim.bench.assemble import assemble
from sim.bench.compose import Composed, compose
from sim.errors import ConfigError
from sim.measure.intervals import t_quantile
from sim.types.records import OK, REJECTED, SHED, RunRecord

SHARED: Composed = {}
SMALL = ("fleet.nodes=2", "fleet.agents_per_node=2", "fleet.capacity_agents=null", "horizon_s=200", "drain_s=200")
COLUMNS = ("request", "attempt", "arrived_at", "started_at", "finished_at", "node", "status")


def record(*overrides: str, replication: int = 0) -> RunRecord:
    return assemble(compose([*SMALL, *overrides], composed=SHARED), replication).run()


@pytest.mark.parametrize("also", [(), ("balancer=power_of_d",), ("retry=default", "faults=errors", "deadline_s=20")])
def test_who_is_let_in_is_served_as_without_a_gateway(also: tuple[str, ...]) -> None:
    without = record("engine=simpy", "gateway=none", *also)
    through = record("gateway=default", "gateway.default_rate_limit=1000000", *also)
    assert len(through.attempts) > 400
    for name in COLUMNS:
        np.testing.assert_array_equal(getattr(through.attempts, name), getattr(without.attempts, name), err_msg=name)
    assert through.counts["gateway_requests"] >= through.arrivals_count - 1  # the last answer ends the run
    assert "gateway_requests" not in without.counts


def test_closed_clients_pass_it_too() -> None:
    closed = ("arrivals=closed_loop", "arrivals.think_s=1", "arrivals.clients_count=6")
    without = record("engine=simpy", "retry.attempt_timeout_s=1000000", *closed)  # rows in the same order
    through = record("gateway=default", "gateway.default_rate_limit=1000000", *closed)
    np.testing.assert_array_equal(through.attempts.finished_at, without.attempts.finished_at)


def test_a_run_with_a_gateway_is_the_same_again() -> None:
    limited = ("gateway=default", "gateway.clients_count=3", "gateway.default_rate_limit=20")
    assert record(*limited).digest == record(*limited).digest
    assert (record(*limited).attempts.status == SHED).any()


def test_a_key_that_nobody_issued_is_turned_away_at_the_share_it_is_shown() -> None:
    found = record("gateway=default", "gateway.unknown_key_ratio=0.25", "gateway.default_rate_limit=1000000")
    refused = found.attempts.status == REJECTED
    count, share = len(refused), float(refused.mean())
    assert abs(share - 0.25) < 4.0 * math.sqrt(0.25 * 0.75 / count)
    assert found.counts["gateway_auth_failures"] == refused.sum()
    assert np.isnan(found.attempts.started_at[refused]).all()
    assert (found.attempts.node[refused] == -1).all()


def test_without_authentication_a_client_is_limited_by_its_address() -> None:
    words = ("gateway=default", "gateway.clients_count=1", "gateway.default_rate_limit=10", "gateway.rate_period_s=100")
    for authentication in ("true", "false"):
        found = record(*words, f"gateway.authentication={authentication}")
        assert (found.attempts.status == OK).sum() in range(10 + 19, 10 + 22)  # a full bucket, then one in 10 s


def limited(utilization: float, burst: int, horizon_s: float, replication: int) -> RunRecord:
    """Poisson requests of one client at a bucket that gains a token a second."""
    return record(
        "gateway=default", "gateway.clients_count=1", "gateway.default_rate_limit=60", f"gateway.rate_burst={burst}",
        f"arrivals.rate_per_s={utilization}", "service=deterministic", "service.mean_s=0.001",
        f"horizon_s={horizon_s}", replication=replication,
    )  # fmt: skip


def bucket(instants: list[float], burst: int) -> list[bool]:
    """Who gets one of `burst` tokens, of which one comes back a second: the textbook's way, in exact fractions."""
    tokens, last, taken = Fraction(burst), Fraction(0), []
    for instant in instants:
        at = Fraction(int(instant * 10**9), 10**9)  # the limiter's clock ticks in nanoseconds
        tokens, last = min(Fraction(burst), tokens + (at - last)), at
        taken.append(tokens >= 1)
        tokens -= taken[-1]
    return taken


@pytest.mark.parametrize(("utilization", "burst"), [(0.9, 1), (0.9, 5), (1.0, 10)])
def test_every_decision_is_that_of_a_token_bucket(utilization: float, burst: int) -> None:
    attempts = limited(utilization, burst, 600.0, 0).attempts
    expected = bucket(attempts.arrived_at.tolist(), burst)
    assert (attempts.status == OK).tolist() == expected
    assert not all(expected)


def md1k_loss(rho: float, places: int) -> float:
    """Share of arrivals that M/D/1 with `places` places in all turns away, by its chain at departures (Cohen 1969)."""
    arrivals = [math.exp(-rho) * rho**k / math.factorial(k) for k in range(places + 1)]
    chain = np.zeros((places, places))
    for state in range(places):
        left = max(state - 1, 0)
        for more in range(places - 1 - left):
            chain[state, left + more] = arrivals[more]
        chain[state, places - 1] = 1.0 - chain[state, : places - 1].sum()
    equations = np.vstack([chain.T - np.eye(places), np.ones(places)])
    stationary = np.linalg.lstsq(equations, np.append(np.zeros(places), 1.0), rcond=None)[0]
    return float(1.0 - 1.0 / (stationary[0] + rho))


KNOWN = [(0.9, 1, 0.9 / 1.9), (0.9, 5, 0.06436), (1.0, 10, 0.05085)]


@pytest.mark.parametrize(("utilization", "burst", "known"), KNOWN)
def test_the_known_losses_are_known(utilization: float, burst: int, known: float) -> None:
    assert md1k_loss(utilization, burst) == pytest.approx(known, rel=1e-3)


@pytest.mark.soak
@pytest.mark.parametrize(("utilization", "burst", "known"), KNOWN)
def test_the_losses_are_those_of_the_token_bucket(utilization: float, burst: int, known: float) -> None:
    """A bucket of b tokens refuses what M/D/1/b loses, at rho = rate over the bucket's rate; 99.9 % over all three."""
    shares = []
    for replication in range(16):
        attempts = limited(utilization, burst, 2000.0 if burst < 10 else 4000.0, replication).attempts
        late = attempts.arrived_at > 20.0 * burst  # the bucket begins full
        shares.append(float((attempts.status[late] == SHED).mean()))
    half_width = t_quantile(1.0 - 0.001 / 3.0, 15) * float(np.std(shares, ddof=1)) / 4.0
    assert half_width < 0.3 * known, "too wide to tell anything"
    assert abs(float(np.mean(shares)) - known) < half_width


def test_the_compiled_engine_says_what_it_does_not_run() -> None:
    with pytest.raises(ConfigError, match=r"engine=compiled: .*gateway"):
        record("gateway=default", "engine=compiled")
    assert record("gateway=default", "horizon_s=2").engine == "simpy"


@pytest.mark.parametrize(
    ("override", "key"),
    [("gateway.default_rate_limit=0", "gateway.default_rate_limit"), ("gateway.port=70000", "gateway.port"),
     ("gateway.unknown_key_ratio=1.5", "gateway.unknown_key_ratio"), ("gateway.clients=3", "gateway.clients")],
)  # fmt: skip
def test_a_bad_value_is_named(override: str, key: str) -> None:
    with pytest.raises(ConfigError) as refused:
        record("gateway=default", override)
    assert refused.value.key == key


def test_counted_runs_count_what_is_turned_away() -> None:
    words = ("gateway=default", "gateway.clients_count=2", "gateway.default_rate_limit=20")
    kept: Any = record(*words)
    counted: Any = record(*words, "stats.requests_max=0")
    ended = counted.stream.ended.reshape(-1, 6).sum(axis=0)
    assert ended.tolist() == np.bincount(kept.attempts.status, minlength=6).tolist()

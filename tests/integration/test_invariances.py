"""What must not change a run: the unit of time, names of nodes, a node that is never ready; and what may only help."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import t as student

from sim.bench.assemble import run_replication
from sim.bench.schema import Config
from sim.types.records import RunRecord
from tests.integration.runs import STRATEGIES, OwnFleet, small_config, valid_run

SEED = 77
# response_time adds now / tau to a logarithm, which rounds otherwise in another unit of time
SCALING = tuple(strategy for strategy in STRATEGIES if strategy != "response_time")
SERVICES: dict[str, dict[str, Any]] = {
    "fifo": {"kind": "exponential"},
    "ps": {"kind": "hyperexponential", "scv": 3.0, "discipline": "ps"},
}
INSTANTS = ("arrived_at", "started_at", "finished_at", "work_s")


def scaled(config: Config, factor: float) -> Config:
    """Every duration of the config `factor` times as long."""
    arrivals, service, balancer = config.arrivals, config.service, config.balancer
    return replace(
        config,
        horizon_s=config.horizon_s * factor,
        drain_s=config.drain_s * factor,
        arrivals=replace(arrivals, think_s=arrivals.think_s * factor),
        service=replace(service, mean_s=service.mean_s * factor),
        balancer=replace(
            balancer,
            refresh_s=balancer.refresh_s * factor,
            probe_age_s=balancer.probe_age_s * factor,
            probe_delay_s=balancer.probe_delay_s * factor,
        ),
    )


def check_scaled(config: Config, power: int) -> None:
    factor = math.ldexp(1.0, power)
    record, other = run_replication(config, 0), run_replication(scaled(config, factor), 0)
    assert len(record.attempts) > 60, config
    assert np.array_equal(record.attempts.node, other.attempts.node), config
    assert np.array_equal(record.attempts.status, other.attempts.status), config
    for name in INSTANTS:
        expected = getattr(record.attempts, name) * factor
        assert np.array_equal(expected, getattr(other.attempts, name), equal_nan=True), (name, config)
    assert np.array_equal(record.nodes.area_present_s * factor, other.nodes.area_present_s), config
    assert other.ended_at == record.ended_at * factor, config


@pytest.mark.parametrize("discipline", SERVICES)
@pytest.mark.parametrize("strategy", SCALING)
def test_time_scaled_by_a_power_of_two_scales_every_instant(strategy: str, discipline: str) -> None:
    balancer = {"kind": strategy, "dispatchers": 2, "probe_delay_s": 0.25}
    fleet = {"speeds": [1.0, 0.75], "queue_max": 3}
    config = small_config(seed=SEED, service=SERVICES[discipline], balancer=balancer, fleet=fleet, drain_s=1.0)
    check_scaled(config, 7 if discipline == "fifo" else -5)


def test_time_scaled_with_polls_and_with_clients() -> None:
    polled = {"kind": "least_connections", "signal": "polled", "refresh_s": 0.5}
    check_scaled(small_config(seed=SEED, balancer=polled), -3)
    closed = {"kind": "closed_loop", "clients_count": 8, "think_s": 0.5}
    check_scaled(small_config(seed=SEED, arrivals=closed, service=SERVICES["ps"]), 4)


def same_rows(one: RunRecord, other: RunRecord) -> bool:
    return all(
        np.array_equal(getattr(one.attempts, name), getattr(other.attempts, name), equal_nan=True)
        for name in (*INSTANTS, "node", "status", "request")
    )


# a key's place on the hash ring is a function of the nodes' names: there other names are another fleet
@pytest.mark.parametrize("strategy", [strategy for strategy in STRATEGIES if strategy != "consistent_hash"])
def test_other_names_of_nodes_change_nothing(strategy: str) -> None:
    config = small_config(seed=SEED, balancer={"kind": strategy, "dispatchers": 2})
    first, second = OwnFleet(config).nodes("a", "b", "c").run(), OwnFleet(config).nodes("zeta", "x-1", "0").run()
    assert same_rows(first, second)
    assert second.nodes.node_id == ["zeta", "x-1", "0"]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_node_that_is_never_ready_changes_nothing(strategy: str) -> None:
    config = small_config(seed=SEED, balancer={"kind": strategy, "dispatchers": 2}, fleet={"nodes": 4})
    plain = OwnFleet(config).nodes("a", "b", "c").run()
    more = OwnFleet(config).nodes("a", "b", "c").nodes("idle", agents={}).run()
    assert same_rows(plain, more)
    books = more.nodes
    assert (books.agents[3], books.arrived[3], books.area_present_s[3], books.area_busy_s[3]) == (0, 0, 0.0, 0.0)


def mean_sojourns_s(agents: int, rate_per_s: float, replications: int, seed: int) -> np.ndarray:
    fleet = {"nodes": 4, "agents_per_node": agents}
    arrivals = {"rate_per_s": rate_per_s}
    config = small_config(
        seed=seed, horizon_s=60.0, fleet=fleet, arrivals=arrivals, balancer={"kind": "least_connections"}
    )
    tables = [valid_run(config, replication).attempts for replication in range(replications)]
    return np.array([(table.finished_at - table.arrived_at).mean() for table in tables])


@pytest.mark.parametrize("rate_per_s", [3.0, 7.0])
def test_more_agents_never_make_the_shortest_queue_slower(rate_per_s: float) -> None:
    """Paired on the same requests: the mean difference stays below what chance gives once in a thousand."""
    replications = 10
    fewer, more = (mean_sojourns_s(agents, rate_per_s, replications, SEED) for agents in (2, 3))
    difference = more - fewer
    error_s = difference.std(ddof=1) / math.sqrt(replications)
    assert difference.mean() < student.ppf(0.999, replications - 1) * error_s, f"seed {SEED}"
    if rate_per_s > 6.0:  # seven eighths of capacity: there it helps in every replication (sign test at 2^-10)
        assert np.all(difference < 0.0), f"seed {SEED}"


def test_one_agent_of_twice_the_speed_is_never_slower_than_two_under_sharing() -> None:
    """On every sample path one agent of speed 2 serves at least as fast as two of speed 1 share out."""
    two = small_config(seed=SEED, fleet={"nodes": 1, "agents_per_node": 2}, service=SERVICES["ps"])
    arrivals = {"rate_per_s": 1.8}
    one = small_config(
        seed=SEED, fleet={"nodes": 1, "agents_per_node": 1, "speeds": [2.0]}, arrivals=arrivals, service=SERVICES["ps"]
    )
    slow, fast = valid_run(two).attempts, valid_run(one).attempts
    assert np.array_equal(slow.work_s, fast.work_s)
    assert np.all(fast.finished_at <= slow.finished_at + 1e-9)

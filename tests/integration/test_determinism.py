"""The same config and seed give the same run: again, in another process, under another hash seed, in workers."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim.bench.assemble import run_replication
from sim.bench.pool import in_order
from sim.bench.schema import Config
from sim.types.records import RunRecord
from tests.integration.runs import STRATEGIES, small_config

SEED = 424242
SHAPES: dict[str, dict[str, Any]] = {
    "probes": {"balancer": {"kind": "prequal", "dispatchers": 2}},
    "keys": {"balancer": {"kind": "consistent_hash"}, "arrivals": {"keys_count": 9, "keys_zipf": 1.0}},
    "idle tokens, sharing": {
        "balancer": {"kind": "join_idle_queue", "dispatchers": 3},
        "service": {"kind": "hyperexponential", "scv": 4.0, "discipline": "ps"},
    },
    "types, tokens": {
        "fleet": {"agent_types": {"a": 1, "b": 1}},
        "arrivals": {"type_mix": {"a": 1.0, "b": 3.0}},
        "service": {"kind": "llm"},
    },
    "closed": {"arrivals": {"kind": "closed_loop", "clients_count": 9}, "balancer": {"queue": "central"}},
}


def shape(name: str, seed: int = SEED) -> Config:
    return small_config(seed=seed, **SHAPES[name])


def digests(seed: int = SEED) -> list[str]:
    """Of every shape, replication 1; also called by the subprocess below."""
    return [run_replication(shape(name, seed), 1).digest for name in SHAPES]


def same(one: RunRecord, other: RunRecord) -> bool:
    """Every column of both tables, bit by bit."""
    pairs = [(one.attempts, other.attempts), (one.nodes, other.nodes)]
    return all(
        np.array_equal(getattr(a, name), getattr(b, name), equal_nan=name not in ("node_id", "zone"))
        for a, b in pairs
        for name in type(a).__slots__
        if getattr(a, name) is not None
    )


def test_twice_in_one_process() -> None:
    assert digests() == digests()
    assert len(set(digests())) == len(SHAPES)


@pytest.mark.parametrize("hash_seed", ["1", "4711"])
def test_in_another_process_under_another_hash_seed(repository: Path, hash_seed: str) -> None:
    script = "from tests.integration.test_determinism import digests; print(*digests())"
    env = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(repository)}
    done = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.split() == digests()


def test_with_one_worker_and_with_two() -> None:
    calls = [(shape(name), replication) for name in ("probes", "types, tokens") for replication in (0, 1)]
    alone, together = in_order(run_replication, calls, workers=1), in_order(run_replication, calls, workers=2)
    assert [record.digest for record in alone] == [record.digest for record in together]
    assert all(same(one, other) for one, other in zip(alone, together, strict=True))


def test_another_seed_or_replication_is_another_run() -> None:
    records = [run_replication(shape("probes", seed), replication) for seed, replication in ((1, 0), (1, 1), (2, 0))]
    assert len({record.digest for record in records}) == 3
    assert not same(records[0], records[1])
    first = [record.attempts.arrived_at[:50].tolist() for record in records]
    assert not set(first[0]) & set(first[1])
    assert not set(first[0]) & set(first[2])


@pytest.mark.parametrize("discipline", ["fifo", "ps"])
@pytest.mark.parametrize("dispatchers", [1, 4])
def test_all_strategies_see_the_same_requests(discipline: str, dispatchers: int) -> None:
    service = {"kind": "lognormal", "scv": 2.0, "discipline": discipline}
    fleet = {"speeds": [0.5, 1.0, 2.0]}  # equal nodes would make a weighted rule equal the plain one
    records = []
    for strategy in STRATEGIES:
        balancer = {"kind": strategy, "dispatchers": dispatchers}
        config = small_config(seed=SEED, fleet=fleet, service=service, balancer=balancer)
        records.append(run_replication(config, 3))
    first = records[0].attempts
    assert len(first) > 80
    for strategy, record in zip(STRATEGIES, records, strict=True):
        assert np.array_equal(record.attempts.arrived_at, first.arrived_at), strategy
        assert np.array_equal(record.attempts.work_s, first.work_s), strategy
    assert len({record.attempts.node.tobytes() for record in records}) == len(STRATEGIES)


@pytest.mark.parametrize("kind", ["poisson", "deterministic", "gamma"])
def test_the_same_requests_come_under_every_load(kind: str) -> None:
    def at(utilization: float) -> RunRecord:
        arrivals = {"kind": kind, "utilization_ratio": utilization, "cv": 3.0}
        return run_replication(small_config(seed=SEED, arrivals=arrivals), 0)

    light, heavy = at(0.4).attempts, at(0.8).attempts
    shared = len(light)
    assert 20 < shared < len(heavy)
    assert np.array_equal(light.request, heavy.request[:shared])
    assert np.array_equal(light.work_s, heavy.work_s[:shared])
    assert np.array_equal(light.arrived_at, 2.0 * heavy.arrived_at[:shared])


def test_a_clients_requests_do_not_depend_on_the_fleet() -> None:
    arrivals = {"kind": "closed_loop", "clients_count": 5, "think_s": 0.5}
    slow, fast = (
        run_replication(small_config(seed=SEED, arrivals=arrivals, fleet={"speeds": [speed]}), 0).attempts
        for speed in (0.5, 4.0)
    )
    work_s = dict(zip(fast.request.tolist(), fast.work_s.tolist(), strict=True))
    common = [request for request in slow.request.tolist() if request in work_s]
    assert len(common) > 30
    assert [work_s[request] for request in common] == slow.work_s[np.isin(slow.request, fast.request)].tolist()


def test_a_rule_without_state_does_not_see_who_asks() -> None:
    config = small_config(seed=SEED, balancer={"kind": "random"})
    one = run_replication(config, 0)
    several = run_replication(replace(config, balancer=replace(config.balancer, dispatchers=5)), 0)
    assert same(one, several)

"""What must not change a run under fire: the engine, a fault of probability 0, another fault, process and hash seed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim.bench.assemble import run_replication
from sim.bench.schema import Config
from sim.measure.audits import audit, problems_of
from sim.types.records import RunRecord
from sim.world.faults.schedule import KINDS
from sim.world.timers import SIDE_FIRST
from tests.integration.fire_runs import FAULTS, POLICIES, fire_config, same_requests
from tests.integration.runs import STRATEGIES, small_config

DISCIPLINES: dict[str, dict[str, Any]] = {
    "fifo": {"kind": "exponential"},
    "deterministic": {"kind": "deterministic"},
    "ps": {"kind": "lognormal", "scv": 4.0, "discipline": "ps"},
    "llm": {"kind": "llm", "output_tokens_max": 200},
}
ENORMOUS_S = 1e12
SEED = 31


def valid(config: Config, replication: int = 0) -> RunRecord:
    record = run_replication(config, replication)
    problems = problems_of(audit(record))
    assert not problems, f"{problems} of {config}"
    return record


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("discipline", DISCIPLINES)
def test_with_an_enormous_deadline_the_engine_of_attempts_is_the_plain_one(strategy: str, discipline: str) -> None:
    number = STRATEGIES.index(strategy) + list(DISCIPLINES).index(discipline)
    typed = number % 3 == 1
    for closed in (False, True):
        arrivals: dict[str, Any] = {"kind": "closed_loop", "clients_count": 14, "think_s": 0.2} if closed else {}
        if not closed and discipline == "deterministic":
            arrivals |= {"kind": "deterministic", "rate_per_s": 4.0}  # equal instants
        if typed:
            arrivals |= {"type_mix": {"small": 1.0, "large": 2.0}}
        config = small_config(
            seed=SEED,
            horizon_s=12.0,
            drain_s=(1000.0, 0.5)[number % 2],
            fleet={
                "agents_per_node": 3,
                "agent_types": {"small": 1, "large": 2} if typed else {},
                "queue_max": (1_000_000, 0, 2)[number % 3],
                "speeds": [0.5, 1.0, 2.0],
            },
            arrivals=arrivals,
            service=DISCIPLINES[discipline],
            balancer={"kind": strategy, "dispatchers": 1 + number % 2},
        )
        plain = valid(config)
        assert len(plain.attempts) > 20
        config.deadline_s = ENORMOUS_S
        other = valid(config)
        assert other.attempts.left_at is not None
        assert plain.attempts.left_at is None  # it is the other engine indeed
        assert same_requests(plain, other), f"{strategy} {discipline} closed={closed}"
        assert other.ended_at == plain.ended_at
        for books in ("arrived", "answered", "refused", "truncated", "area_present_s", "area_busy_s", "work_done_s"):
            assert np.array_equal(getattr(plain.nodes, books), getattr(other.nodes, books)), books


CENTRAL = [one for one in STRATEGIES if one not in ("prequal",)]


@pytest.mark.parametrize("strategy", CENTRAL)
def test_also_with_a_queue_at_the_balancer(strategy: str) -> None:
    config = small_config(
        seed=SEED,
        horizon_s=12.0,
        balancer={"kind": strategy, "queue": "central", "queue_max": 5},
        arrivals={"utilization_ratio": 1.2},
    )
    plain = valid(config)
    config.deadline_s = ENORMOUS_S
    other = valid(config)
    assert same_requests(plain, other)
    assert other.central_area_s == plain.central_area_s > 0.0


@pytest.mark.parametrize("own", [False, True])
def test_also_with_polled_loads(own: bool) -> None:
    polled = {"kind": "power_of_d", "signal": "polled", "refresh_s": 0.5, "count_own_dispatches": own}
    config = small_config(seed=SEED, balancer=polled)
    plain = valid(config)
    config.deadline_s = ENORMOUS_S
    assert same_requests(plain, valid(config))


NEVER = {"mttf_s": 1e15, "mttr_s": 1.0}
NOTHING: dict[str, dict[str, Any]] = {
    **dict.fromkeys(FAULTS, NEVER),
    "poison_request": {"prob": 0.0},
    "overload": {"ratio": 0.0},
    "errors": {"mttf_s": 3.0, "mttr_s": 3.0, "prob": 0.0},
    "packet_loss": {"mttf_s": 3.0, "mttr_s": 3.0, "loss_prob": 0.0, "delay_s": 0.0, "delay_jitter_s": 0.0},
    "slow": {"mttf_s": 3.0, "mttr_s": 3.0, "factor": 1.0},
    "clock_skew": {"mttf_s": 3.0, "mttr_s": 3.0, "offset_s": 0.0, "drift_ratio": 0.0},
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_that_does_nothing_is_a_fault_that_is_off(kind: str) -> None:
    group = {f"faults.{kind}.{key}": value for key, value in NOTHING[kind].items()}
    off = valid(fire_config(POLICIES, seed=SEED))
    on = valid(fire_config(POLICIES, group, faults=(kind,), seed=SEED))
    names = ("request", "attempt", "arrived_at", "node", "status", "work_s")
    assert same_requests(off, on, names), kind
    for name in ("started_at", "finished_at"):  # a speed that is set anew is rounded anew
        tolerance = 1e-9 if kind == "slow" else 0.0
        np.testing.assert_allclose(getattr(on.attempts, name), getattr(off.attempts, name), rtol=0.0, atol=tolerance)
    assert len(off.attempts) > 100


def own_requests(record: RunRecord) -> tuple[list[int], list[float], list[float]]:
    """Ordinal, arrival and demand of the load's own requests."""
    table = record.attempts
    first = (table.attempt == 0) & (table.request < SIDE_FIRST)
    return table.request[first].tolist(), table.arrived_at[first].tolist(), table.work_s[first].tolist()


def episodes_of(record: RunRecord, kind: str) -> list[tuple[int, float, float]]:
    episodes = record.episodes
    assert episodes is not None
    rows = zip(
        episodes.kind, episodes.node.tolist(), episodes.began_at.tolist(), episodes.ended_at.tolist(), strict=True
    )
    return [(node, began, ended) for one, node, began, ended in rows if one == kind]


FIXED = {"autoscaler.kind": "none"}  # a fleet that grows has more places to strike


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_more_leaves_requests_and_other_faults_as_they_are(kind: str) -> None:
    others = tuple(one for one in ("crash", "slow", "pause", "packet_loss") if one != kind)
    without = valid(fire_config(POLICIES, FIXED, {"drain_s": 0.0}, faults=others, seed=SEED))
    together = valid(fire_config(POLICIES, FIXED, {"drain_s": 0.0}, faults=(*others, kind), seed=SEED))
    assert own_requests(together) == own_requests(without)
    for other in others:
        upto = min(without.ended_at, together.ended_at)
        one, two = episodes_of(without, other), episodes_of(together, other)
        assert [row[:2] for row in one if row[1] < upto] == [row[:2] for row in two if row[1] < upto], other
        assert one, f"{other} did not strike"


def everything(seed: int = SEED) -> list[str]:
    """Digests with every policy and every fault on, in every discipline; also called by the subprocess below."""
    found = []
    for group in ({}, {"service.discipline": "ps"}, {"service.kind": "llm"}, {"balancer.kind": "join_idle_queue"}):
        config = fire_config(POLICIES, group, {"deadline_propagation": "kill"}, faults=KINDS, seed=seed)
        found.append(run_replication(config, 1).digest)
    return found


def test_everything_on_twice_in_one_process() -> None:
    assert everything() == everything()
    assert len({*everything(), *everything(SEED + 1)}) == 8


@pytest.mark.parametrize("hash_seed", ["1", "4711"])
def test_everything_on_in_another_process_under_another_hash_seed(repository: Path, hash_seed: str) -> None:
    script = "from tests.integration.test_fire_invariances import everything; print(*everything())"
    env = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(repository)}
    done = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.split() == everything()

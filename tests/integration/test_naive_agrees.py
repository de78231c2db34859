"""Every engine against the naive one: node, status and counts equal, instants within 1e-9, case by case."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from sim.bench.assemble import run_replication
from sim.bench.keys import known_keys
from sim.bench.schema import Config
from sim.types.records import STATUSES, RunRecord
from tests.integration.naive import NaiveCase, naive_run

CASES = 200
ENGINES = tuple(word for word in known_keys()["engine"].metadata["accepted"] if word != "auto")
TOLERANCE_S = 1e-9
RULES = ("round_robin", "random", "power_of_d", "least_connections")
REQUESTS = 240  # in the mean; a case is small, so that many shapes are tried


def drawn_case(number: int) -> NaiveCase:
    """Case `number`: every rule and discipline in turn, the rest drawn from a generator seeded with the number."""
    draw = random.Random(number)
    nodes, agents = draw.choice((1, 2, 3, 5, 8)), draw.choice((1, 2, 3, 12))
    sharing = number % 2 == 1
    poisson, exponential = draw.random() < 0.7, draw.random() < 0.7
    # sharing divides by the number present: equal instants would be told apart by rounding, in either engine
    exponential = exponential or (sharing and not poisson)
    speeds = tuple(draw.choice((0.5, 1.0, 1.5, 2.0)) for _ in range(draw.choice((1, 1, 2, 3))))
    mean_s = draw.choice((0.25, 1.0, 1.7))
    capacity_per_s = sum(speeds[node % len(speeds)] for node in range(nodes)) * agents / mean_s
    rate_per_s = capacity_per_s * draw.choice((0.3, 0.8, 1.0, 1.4))
    horizon_s = REQUESTS / rate_per_s
    return NaiveCase(
        seed=draw.randrange(2**62),
        replication=draw.randrange(5),
        nodes=nodes,
        agents=agents,
        speeds=speeds,
        queue_max=draw.choice((0, 1, 5, 1_000_000)),
        sharing=sharing,
        balancer=RULES[number // 2 % len(RULES)],
        dispatchers=draw.choice((1, 1, 2, 3)),
        poisson=poisson,
        rate_per_s=rate_per_s,
        exponential=exponential,
        mean_s=mean_s,
        horizon_s=horizon_s,
        drain_s=draw.choice((0.0, mean_s, 1e6)),
    )


def config_of(case: NaiveCase) -> Config:
    """The same case as the simulator's config."""
    config = Config(seed=case.seed, horizon_s=case.horizon_s, drain_s=case.drain_s)
    fleet, balancer = config.fleet, config.balancer
    fleet.nodes, fleet.agents_per_node, fleet.queue_max = case.nodes, case.agents, case.queue_max
    fleet.speeds = list(case.speeds)
    balancer.kind, balancer.dispatchers, balancer.ties = case.balancer, case.dispatchers, "lowest"
    config.arrivals.kind = "poisson" if case.poisson else "deterministic"
    config.arrivals.rate_per_s = case.rate_per_s
    config.service.kind = "exponential" if case.exponential else "deterministic"
    config.service.mean_s = case.mean_s
    config.service.discipline = "ps" if case.sharing else "fifo"
    return config


def record_of(case: NaiveCase, engine: str) -> RunRecord:
    record = run_replication(replace(config_of(case), engine=engine), case.replication)
    assert record.engine == engine
    return record


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("number", range(CASES))
def test_the_naive_engine_agrees(number: int, engine: str) -> None:
    case = drawn_case(number)
    naive, record = naive_run(case), record_of(case, engine)
    table, rows, said = record.attempts, naive.rows, str(case)
    assert record.arrivals_count == len(table) == len(rows), said
    assert table.request.tolist() == list(range(len(rows))), said
    assert table.node.tolist() == [row.node for row in rows], said
    assert [STATUSES[code] for code in table.status.tolist()] == [row.status for row in rows], said
    for name in ("arrived_at", "started_at", "finished_at"):
        instants = np.array([getattr(row, name) for row in rows])
        np.testing.assert_allclose(getattr(table, name), instants, rtol=0.0, atol=TOLERANCE_S, err_msg=f"{name} {said}")
    assert record.ended_at == pytest.approx(naive.ended_at, rel=0.0, abs=TOLERANCE_S), said


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("number", range(0, CASES, 6))
def test_the_books_of_the_nodes_agree(number: int, engine: str) -> None:
    case = drawn_case(number)
    naive, nodes, said = naive_run(case), record_of(case, engine).nodes, str(case)
    counted = Counter((row.node, row.status) for row in naive.rows)
    for ordinal, node in enumerate(naive.nodes):
        assert nodes.arrived[ordinal] == sum(counted[ordinal, status] for status in STATUSES), said
        assert nodes.answered[ordinal] == counted[ordinal, "ok"], said
        assert nodes.refused[ordinal] == counted[ordinal, "rejected"], said
        assert nodes.truncated[ordinal] == counted[ordinal, "truncated"], said
        assert nodes.area_present_s[ordinal] == pytest.approx(node.present_s, rel=1e-9, abs=TOLERANCE_S), said
        assert nodes.speed[ordinal] == node.speed, said


def test_the_cases_cover_what_they_should() -> None:
    assert ENGINES == ("compiled", "simpy")
    cases = [drawn_case(number) for number in range(CASES)]
    statuses = {row.status for case in cases[:12] for row in naive_run(case).rows}
    assert statuses == {"ok", "rejected", "truncated"}
    assert {(case.balancer, case.sharing) for case in cases} == set(itertools.product(RULES, (False, True)))
    assert {case.dispatchers for case in cases} == {1, 2, 3}
    assert {(case.poisson, case.exponential) for case in cases} == set(itertools.product((False, True), repeat=2))

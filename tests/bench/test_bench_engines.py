"""The yardstick's contestants as benchmarks, small: `make bench` keeps their medians and tells ratios to the last."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from sim.bench import yardstick as bench
from sim.bench.bench_peers import PEERS
from sim.bench.bench_turns import SHORT_REQUESTS, Absent, Contestant, check

SEED = 1
SIMPY_REQUESTS = 4_000
NAMES = [bench.COMPILED, bench.RECORDED, bench.COMPILED_ALL, bench.FLOOR, bench.LOOP, bench.SIMPY, bench.SIMPY_ALL,
         bench.IDIOMATIC, *PEERS]  # fmt: skip


@pytest.fixture(scope="module")
def contestants(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Contestant]:
    folder: Path = tmp_path_factory.mktemp("floor")
    return {contestant.name: contestant for contestant in bench.contestants(SIMPY_REQUESTS, {}, folder)}


@pytest.mark.parametrize("name", NAMES)
def test_bench_yardstick(name: str, contestants: dict[str, Contestant], benchmark: BenchmarkFixture) -> None:
    contestant = contestants[name]
    try:
        contestant.run(SHORT_REQUESTS, SEED)
    except Absent as error:
        pytest.skip(f"{name} is absent: {error}")
    run = benchmark.pedantic(contestant.run, args=(contestant.requests, SEED), rounds=3)
    check(contestant, [run])


def test_every_contestant_is_a_benchmark(contestants: dict[str, Contestant]) -> None:
    assert sorted(NAMES) == sorted(contestants)

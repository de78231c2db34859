"""The source's figures: what is measured, what counts as reached, and a page whose ratios follow from its numbers."""

from __future__ import annotations

import asyncio
import csv
from dataclasses import replace
from pathlib import Path

import pytest

from sim.live.source_bench import FACTOR, LIMIT, REQUESTS, Figure, LoadTest, _fleet, _gateway, _hooks
from sim.live.source_page import broken, lines_of, write
from sim.runtime.live import LiveRuntime

WHOLE = LoadTest(10, 3, 10, 0, 200, 101, 99, 1.0)


def test_fleet_gateway_and_hooks_do_what_the_load_test_asks(tmp_path: Path) -> None:
    test = LoadTest(models=3)

    async def body() -> list[Figure]:
        runtime = LiveRuntime()
        try:
            await _hooks(runtime, test, tmp_path)
            return [*await _fleet(runtime, test, tmp_path), *await _gateway(runtime, test, tmp_path)]
        finally:
            await runtime.close()

    figures = asyncio.run(body())
    assert [each.count for each in figures] == [10, 10, 1, LIMIT]
    assert all(each.cpu_s > 0.0 and each.wall_s > 0.0 for each in figures)
    assert test.requests == REQUESTS == test.let_in + test.limited
    assert test.missing() == []


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"deployed_at_once": 9}, "10 agents at once"),
        ({"models": 2}, "3 models"),
        ({"hook_errors": 1}, "10 hooks without an error"),
        ({"let_in": 104, "limited": 96}, "100 requests let in"),
        ({"let_in": 99, "limited": 101}, "100 requests let in"),
        ({"limited": 98}, "100 requests let in"),
    ],
)
def test_what_the_load_test_misses_is_named(change: dict[str, int], named: str) -> None:
    assert WHOLE.missing() == []
    [found] = replace(WHOLE, **change).missing()
    assert found.startswith(named)


def test_ten_times_under_by_processor_time_is_what_counts(tmp_path: Path) -> None:
    good = Figure("quick", 0.1, 0.05, 0.1 / FACTOR, 10)
    slow = Figure("slow", 0.1, 0.001, 0.0101, 10)
    assert broken([good], WHOLE) == []
    assert broken([good, slow], WHOLE) == ["slow: 9.9 times under, 10 asked"]
    path = tmp_path / "source" / "source.csv"
    write(path, [good, slow], WHOLE)
    rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    assert [float(row["cpu_ratio"]) for row in rows] == [10.0, 9.901]
    page = (path.parent / "README.md").read_text(encoding="utf-8")
    assert "| slow | 100 ms | 1 ms | 10.1 ms | 10 | 100 | 9.901 |" in page
    assert "victor-sim bench --source" in page
    assert lines_of([good], WHOLE)[-1].startswith("load test: 10 agents deployed at once, 3 models trained")

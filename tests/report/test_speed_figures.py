"""The figures of `bench`: who is drawn where, numbers in words, and where a state outgrows a cache."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from sim.bench.bench_turns import Contestant, Speed, SpeedRow, Timed
from sim.report.bench_pages import write_yardstick
from sim.report.growth import Curve, crossings, growth_svg
from sim.report.speed import EngineSpeed, short, speed_svg


def test_numbers_in_words() -> None:
    assert [short(value) for value in (7_123_000.0, 1e6, 43_210.0, 950.4, 2.5)] == [
        "7.12 M",
        "1 M",
        "43.2 k",
        "950",
        "2.5",
    ]


def test_rows_from_the_fastest_to_the_slowest() -> None:
    rows = [EngineSpeed("slow", 100.0, 90.0, 110.0, False), EngineSpeed("fast", 5e6, 4e6, 6e6, True)]
    svg = speed_svg(rows, ["gone"])
    assert "<title>Requests a CPU second: fast 5 M; slow 100.</title>" in svg
    assert "not measured here: gone" in svg
    assert svg == speed_svg(rows, ["gone"])
    assert "not measured" not in speed_svg(rows, [])


def test_a_cache_is_outgrown_between_two_sizes() -> None:
    state = [(10, 1_000), (100, 10_000), (1_000, 100_000)]
    found = crossings(state, {"L1": 10_000, "L2": 31_623, "L3": 1_000_000, "L0": 10})
    assert found["L1"] == 100.0
    assert found["L2"] == pytest.approx(10**2.5, rel=1e-4)
    assert set(found) == {"L1", "L2"}
    assert crossings([(10, 0), (100, 10)], {"L1": 5}) == {}


def test_curves_say_where_they_begin_and_end() -> None:
    points = ((10, 100.0, 90.0, 110.0), (100, 200.0, 190.0, 230.0))
    svg = growth_svg([Curve("power_of_d", True, points), Curve("power_of_d", False, points[:1])], {"L2": 30.0}, "words")
    assert "power_of_d, compiled: 100 ns at 10 nodes, 200 at 100; power_of_d, SimPy: 100 ns" in svg
    assert ">power_of_d, SimPy<" in svg
    assert ">words<" in svg


def test_the_page_stands_beside_its_tables(tmp_path: Path) -> None:
    here = Contestant("compiled engine, bare", 1, lambda *_: Timed(1, 1.0, 1.0), 1.0)
    speeds = [Speed(here, [Timed(10, 1.0, 1.0)]), Speed(Contestant("x", 1, here.run, 1.0), absent="away")]
    row = SpeedRow(here.name, "x", math.nan, math.nan, math.nan, "absent: away")
    write_yardstick(tmp_path / "bench.csv", speeds, [row], ["rounds=1"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["README.md", "bench.csv", "speeds.csv", "speeds.svg"]
    assert "`victor-sim bench rounds=1`" in (tmp_path / "README.md").read_text(encoding="utf-8")


def test_with_nobody_there_no_figure_is_drawn(tmp_path: Path) -> None:
    gone = Speed(Contestant("x", 1, lambda *_: Timed(1, 1.0, 1.0), 1.0), absent="away")
    write_yardstick(tmp_path / "bench.csv", [gone], [], [])
    assert not (tmp_path / "speeds.svg").exists()

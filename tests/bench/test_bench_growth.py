"""Growth curves: one small point through the whole house, who is absent, claims, and the files."""

from __future__ import annotations

import csv
from array import array
from pathlib import Path

import numpy as np
import pytest

from sim.bench import bench_growth as bench
from sim.bench.bench_growth import GrowthPoint
from sim.bench.bench_turns import Absent
from sim.report.bench_pages import curves_of, write_growth


class Part:
    """Two columns and a number."""

    __slots__ = ("columns", "rest", "size")

    def __init__(self) -> None:
        self.columns, self.rest, self.size = np.zeros(3), [array("q", [1, 2])], 4


def test_the_bytes_of_a_state_are_those_of_its_columns() -> None:
    assert bench.state_bytes(Part()) == 3 * 8 + 2 * 8
    assert bench.state_bytes(None) == 0


def test_a_point_counts_time_by_request_apart_from_set_up() -> None:
    point = bench.measure("simpy", "round_robin", 20, 4_000, 1)
    assert abs(point.requests - 4_000) < 4.0 * 4_000**0.5, "seed 1"
    assert 0.0 < point.ns_per_request_low <= point.ns_per_request <= point.ns_per_request_high
    assert point.setup_cpu_s > 0.0
    assert point.peak_rss_bytes > 1_000_000
    assert (point.engine, point.balancer, point.nodes, point.state_bytes) == ("simpy", "round_robin", 20, 0)


def test_an_engine_that_is_not_there_is_an_absent_point(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(bench.KEPT, "steam", ())
    with pytest.raises(Absent, match="engine=steam"):
        bench.measure("steam", "round_robin", 10, 100, 1)
    bench.main(["steam", "round_robin", "10", "100", "1"])
    assert '"absent": "engine=steam' in capsys.readouterr().out


def test_every_point_is_asked_for_in_turn_small_fleets_first(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str, int, int]] = []

    def elsewhere(engine: str, balancer: str, nodes: int, requests: int, seed: int) -> GrowthPoint:
        asked.append((engine, balancer, nodes, requests))
        return GrowthPoint(engine, balancer, nodes)

    monkeypatch.setattr(bench, "_elsewhere", elsewhere)
    bench.growth(1_000, 1, 100_000)
    once = 3 * (4 + 3)
    assert asked[:once] == asked[once : 2 * once] == asked[2 * once : -3]
    assert len(set(asked)) == once + 3
    assert [nodes for _, _, nodes, _ in asked[:once]] == sorted(nodes for _, _, nodes, _ in asked[:once])
    assert [nodes for _, _, nodes, _ in asked[-3:]] == [100_000] * 3
    assert ("compiled", "power_of_d", 100_000, 200_000) in asked
    assert max(nodes for engine, _, nodes, _ in asked if engine == "simpy") == 1_000
    asked.clear()
    said: list[str] = []
    bench.growth(1_000, 1, 10, said.append)
    assert {nodes for _, _, nodes, _ in asked} == {10}
    told = [GrowthPoint(engine, balancer, nodes).told() for engine, balancer, nodes, _ in asked]
    assert said[1::2] == told  # what was measured just now, in the second round too


def test_a_point_has_a_process_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "SHARES", {"simpy": 2})
    monkeypatch.setattr(bench, "BALANCERS", ("round_robin",))
    monkeypatch.setattr(bench, "ROUNDS", 1)
    (point,) = bench.growth(500, 1, 10)
    assert (point.engine, point.balancer, point.nodes, point.absent) == ("simpy", "round_robin", 10, "")
    assert point.requests > 500


def test_a_process_that_dies_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "SHARES", {"simpy": 0})
    monkeypatch.setattr(bench.sys, "executable", "false")
    kept: list[int] = []
    points = bench.growth(500, 1, 10, keep=lambda found: kept.append(len(found)))
    assert kept == [1, 2, 3, 3, 3, 3, 3, 3, 3]
    assert [point.absent for point in points] == ["its process died, exit 1: without a word"] * 3
    assert bench.too_steep(points)[0] == "simpy power_of_d 10 nodes: absent: its process died, exit 1: without a word"


def test_rounds_become_one_point() -> None:
    one, other, third = curve(200.0)[0], curve(300.0)[0], curve(210.0)[0]
    (point,) = bench.points_of([[one, other, third], []])
    assert (point.ns_per_request, point.ns_per_request_low, point.ns_per_request_high) == (210.0, 200.0, 300.0)
    gone = GrowthPoint("compiled", "power_of_d", 10, absent="no")
    assert bench.points_of([[one, gone]]) == [gone]


def curve(*values: float, balancer: str = "power_of_d") -> list[GrowthPoint]:
    """Points of a compiled curve at 10, 100, ... nodes."""
    return [
        GrowthPoint("compiled", balancer, 10 ** (place + 1), 100, value, value, value, 1.0, 1_000, 10_000 * 40**place)
        for place, value in enumerate(values)
    ]


def test_what_rises_too_much_is_told() -> None:
    assert bench.too_steep(curve(100.0, 100.0, 100.0, 200.0, 400.0)) == []
    assert bench.too_steep(curve(100.0, 100.0, 100.0, 210.0, 410.0)) == [
        "power_of_d, 10,000 nodes: 2.10 times, claimed is at most 2",
        "power_of_d, 100,000 nodes: 4.10 times, claimed is at most 4",
    ]
    assert bench.too_steep(curve(100.0, 300.0)) == []
    assert bench.too_steep(curve(100.0, 200.0, 300.0, 400.0, 500.0, balancer="least_connections")) == []
    assert bench.too_steep(curve(100.0, 100.0, 100.0, 410.0, 510.0, balancer="least_connections")) == [
        "least_connections, 10,000 nodes: 4.10 times, claimed is at most 4",
        "least_connections, 100,000 nodes: 5.10 times, claimed is at most 5",
    ]
    assert bench.too_steep([GrowthPoint("compiled", "power_of_d", 10, absent="no")]) == []


def test_the_files_of_the_curves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim.report.bench_pages.caches", lambda: {"L2 cache": 512 * 1024, "L3 cache": 1 << 40})
    points = [*curve(100.0, 150.0, 200.0), GrowthPoint("simpy", "power_of_d", 10, absent="not here")]
    write_growth(tmp_path, points)
    with (tmp_path / "growth.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert tuple(rows[0]) == bench.COLUMNS
    assert rows[1][:6] == ["compiled", "power_of_d", "10", "100", "100.0", "100.0"]
    assert rows[-1][-1] == "not here"
    svg = (tmp_path / "growth.svg").read_text(encoding="utf-8")
    assert "L2 cache, 512 KiB" in svg
    assert "L3 cache, 1024 GiB" not in svg  # never outgrown
    assert len(curves_of(points)) == 1
    assert points[0].told().startswith("compiled power_of_d 10 nodes: 100 ns a request (100 to 100), set-up 1.0 s")
    assert points[-1].told() == "simpy power_of_d 10 nodes: absent: not here"


def test_without_a_curve_there_is_no_figure(tmp_path: Path) -> None:
    write_growth(tmp_path, [GrowthPoint("compiled", "power_of_d", 10, absent="no")])
    assert [path.name for path in tmp_path.iterdir()] == ["growth.csv"]

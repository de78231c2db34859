"""The bench verb: what it runs, prints and leaves, and when it is exit 1."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sim.bench.bench_growth import GrowthPoint
from sim.bench.bench_long import LongRun
from sim.bench.bench_turns import Absent, Timed
from sim.bench.plugin_pages import WALLED
from sim.bench.plugin_speed import Speed
from sim.bench.yardstick import run_engine
from sim.integration.plugins.probes import PROBES, WANTED

Said = Callable[..., tuple[int, str, str]]


def test_bench_prints_and_writes_the_ratio(said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    def simpy_only(engine: str, *words: Any) -> Timed:
        if engine == "compiled":
            raise Absent("left out")
        return run_engine(engine, *words)

    monkeypatch.setattr("sim.bench.yardstick.run_engine", simpy_only)
    code, out, err = said("bench", "requests=20000", "rounds=1", "--out", "here/bench.csv")
    assert code in (0, 1)
    assert "compiled engine, bare / cimba: absent: left out\n" in out
    assert "simpy engine with records / idiomatic simpy, bare: " in out
    assert "bench: round 1 of 1: idiomatic simpy, bare\n" in err
    text = Path("here/bench.csv").read_text(encoding="utf-8")
    assert text.startswith("what,baseline,ratio,ratio_low,ratio_high,note\n")
    assert sorted(path.name for path in Path("here").iterdir()) == [
        "README.md",
        "bench.csv",
        "speeds.csv",
        "speeds.svg",
    ]


def test_bench_tells_long_runs_and_keeps_them(said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    starts = [LongRun("first use", 1, 3.0, 3.0), LongRun("later start", 1, 1.0, 1.0)]
    monkeypatch.setattr("sim.bench.bench_long.starts", lambda seed: starts)
    monkeypatch.setattr("sim.bench.bench_long.large", lambda seed: LongRun("large", seed, 1.0, 1.0, 10))
    monkeypatch.setattr("sim.bench.bench_long.day", lambda seed: LongRun("day", seed, 130.0, 1.0, 10))
    code, out, _ = said("bench", "--large", "--start", "seed=7")
    assert (code, out.splitlines()) == (
        0,
        [
            "first use: 1 requests, 3.0 s, CPU 3.0 s",
            "later start: 1 requests, 1.0 s, CPU 1.0 s",
            "large: 7 requests, 1.0 s, CPU 1.0 s, peak 0 MB",
        ],
    )
    code, out, _ = said("bench", "--day")
    assert (code, out.splitlines()[-1]) == (1, "not reached: day: wall_s 130, claimed is below 120")
    kept = Path("results/bench/long.csv").read_text(encoding="utf-8")
    assert [line.split(",")[0] for line in kept.splitlines()] == ["name", "large", "day", "first use", "later start"]


def test_bench_draws_growth(said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    def points(requests: int, seed: int, nodes_max: int, told: Any, keep: Any) -> list[GrowthPoint]:
        assert (requests, nodes_max) == (100_000, 50)
        found = [GrowthPoint("compiled", "round_robin", nodes, 9, nodes, nodes, nodes) for nodes in (10, 10_000)]
        keep(found[:1])
        assert len(Path("results/bench/growth.csv").read_text(encoding="utf-8").splitlines()) == 2
        keep(found)
        return found

    monkeypatch.setattr("sim.bench.bench_growth.growth", points)
    code, out, _ = said("bench", "--growth", "nodes_max=50")
    assert (code, out.splitlines()[-1]) == (
        1, "not reached: round_robin, 10,000 nodes: 1000.00 times, claimed is at most 2"
    )  # fmt: skip
    assert sorted(path.name for path in Path("results/bench").iterdir()) == ["growth.csv", "growth.svg"]


def test_bench_holds_timings_against_the_last(said: Said) -> None:
    test = {"fullname": "tests/test_a.py::one", "name": "one", "stats": {"median": 0.5, "rounds": 3}}
    Path("raw.json").write_text(json.dumps({"benchmarks": [test]}), encoding="utf-8")
    assert said("bench", "--timings=raw.json")[:2] == (0, "test_a::one      500.0000 ms  new\n")
    assert said("bench", "--timings=raw.json")[1].endswith("1.00 times the last\n")


def test_bench_tells_the_isolation_of_plugins_and_keeps_it(said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    denied = dict.fromkeys(PROBES, "denied EPERM") | dict.fromkeys(WANTED, "open")
    speed = Speed("call", 25e-6, 30e-6, 60e-6, 10, "echo", 10e-6, 150e-6)
    monkeypatch.setattr("sim.bench.plugin_probes.table", lambda: {WALLED: denied})
    monkeypatch.setattr("sim.bench.plugin_speed.measure", lambda: [speed])
    code, out, _ = said("bench", "--plugins")
    assert code == 0
    assert "| fork | denied EPERM |" in out
    assert sorted(path.name for path in Path("results/plugins").iterdir()) == [
        "README.md",
        "isolation.csv",
        "speed.csv",
    ]
    monkeypatch.setattr("sim.bench.plugin_probes.table", lambda: {WALLED: denied | {"fork": "open"}})
    code, out, _ = said("bench", "--plugins")
    assert (code, out.splitlines()[-1]) == (1, "not reached: worker (all), fork: open")

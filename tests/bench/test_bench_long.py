"""The long runs, made short: what they run, what they say, what is kept, and their limits."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from sim.bench import bench_long as bench
from sim.bench.bench_long import LongRun
from sim.errors import InvalidRun
from sim.measure.books import AuditResult


def test_many_requests_counted_and_not_kept() -> None:
    run = bench.large(2, 20_000, "simpy")
    assert abs(run.requests - 20_000) < 4.0 * 20_000**0.5, "seed 2"
    assert run.mean_sojourn_s == pytest.approx(1.045, rel=0.05), "seed 2"
    assert run.peak_rss_bytes > 1_000_000
    assert run.wall_s > 0.0
    assert run.cpu_s > 0.0


def test_a_day_has_the_load_and_the_control_plane_that_it_says() -> None:
    """Ten nodes for 20 minutes: 9.6 requests a second of mean 10 s, hardly any of which waits."""
    run = bench.day(2, 1_200.0, 10, "simpy")
    assert abs(run.requests - 11_520) < 4.0 * 11_520**0.5, "seed 2"
    assert run.mean_sojourn_s == pytest.approx(10.1, rel=0.05), "seed 2"


def test_the_day_of_the_claim_has_69_million_requests() -> None:
    assert pytest.approx(69.1e6, rel=1e-3) == bench.DAY_NODES * 12 * 0.8 / 10.0 * bench.DAY_S


def test_an_engine_that_is_not_there_is_absent() -> None:
    run = bench.large(1, 100, "steam")
    assert run.absent.startswith("engine=steam")
    assert run.told().startswith("large: absent: engine=steam")
    assert run.broken == ""


def test_a_run_that_breaks_an_audit_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "audit", lambda record: [AuditResult("books", False, "off")])
    with pytest.raises(InvalidRun, match="large is INVALID: books"):
        bench.large(1, 100, "simpy")


def test_limits_are_held_against_what_was_measured() -> None:
    run = LongRun("large", 10, 3.0, 2.0, 1_100_000_000, 1.04)
    assert run.broken == "large: peak_rss_bytes 1.1e+09, claimed is below 1e+09"
    assert run.told() == "large: 10 requests, 3.0 s, CPU 2.0 s, peak 1,100 MB, mean sojourn 1.0400 s"
    assert LongRun("large", 10, 3.0, 2.0, 900_000_000, 1.04).broken == ""
    assert LongRun("later start", 10, 2.5, 2.0).broken == "later start: wall_s 2.5, claimed is below 2"
    assert LongRun("later start", 10, 2.5, 2.0).told() == "later start: 10 requests, 2.5 s, CPU 2.0 s"
    told = LongRun("later start", 10, 2.5, 2.0, process_s=4.0).told()
    assert told == "later start: 10 requests, 2.5 s, CPU 2.0 s, 4.0 s with imports"


def test_starts_are_processes_with_a_cache_of_their_own() -> None:
    first, later = bench.starts(1, "simpy")
    assert (first.name, later.name) == ("first use", "later start")
    assert (first.absent, later.absent) == ("", "")
    assert 0.0 < first.wall_s < first.process_s
    assert 0.0 < later.wall_s < later.process_s
    assert later.requests == first.requests > 0


def test_a_kept_run_replaces_the_one_of_its_name(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    bench.keep(path, [LongRun("day", 1, 1.0, 1.0), LongRun("large", 2, 1.0, 1.0, 5, 1.04)])
    bench.keep(path, [LongRun("day", absent="gone")])
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["name"], row["requests"], row["absent"]) for row in rows] == [("large", "2", ""), ("day", "0", "gone")]
    assert (rows[0]["mean_sojourn_s"], rows[1]["wall_s"]) == ("1.0400", "")

"""Who runs the yardstick: the same work on every side, ratios and claims, and what is absent."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from sim.bench import assemble as assembling
from sim.bench import yardstick as bench
from sim.bench.bench_turns import Absent, Contestant, Speed, SpeedRow, Timed
from sim.errors import InvalidRun
from sim.types.records import RunRecord


def test_both_sides_do_the_same_work() -> None:
    """The same arrivals and demands by the same rule (idiomatic SimPy may draw one node twice): the known mean."""
    requests, seed = 20_000, 3
    ours = bench.run_engine("simpy", requests, seed, bench.RECORDS)
    theirs = bench.run_idiomatic(requests, seed)
    assert ours.mean_sojourn_s == pytest.approx(bench.MEAN_SOJOURN_S, rel=0.05)
    assert theirs.mean_sojourn_s == pytest.approx(bench.MEAN_SOJOURN_S, rel=0.05)
    assert abs(ours.requests - requests) < 4.0 * requests**0.5, f"seed {seed}"  # a Poisson count
    assert theirs.requests == requests
    assert ours.cpu_s > 0.0
    assert theirs.cpu_s > 0.0
    assert theirs.version.startswith("SimPy 4.")


def test_everything_on_changes_no_answer_and_fails_none() -> None:
    requests, seed = 5_000, 5
    plain = bench.run_engine("simpy", requests, seed, bench.RECORDS)
    full = bench.run_engine("simpy", requests, seed, (*bench.RECORDS, *bench.EVERYTHING))
    assert full.mean_sojourn_s == plain.mean_sojourn_s, f"seed {seed}"


def test_neither_counting_requests_nor_leaving_out_heartbeats_changes_the_answer() -> None:
    requests, seed = 5_000, 6
    plain = bench.run_engine("simpy", requests, seed, bench.RECORDS)
    bare = bench.run_engine("simpy", requests, seed, bench.BARE, heartbeats=False)
    assert bare.requests == plain.requests, f"seed {seed}"
    assert bare.mean_sojourn_s == pytest.approx(plain.mean_sojourn_s, rel=1e-9)


def test_an_engine_that_is_not_there_is_absent() -> None:
    with pytest.raises(Absent, match="engine=steam: accepted is one of"):
        bench.run_engine("steam", 100, 1)


def test_a_run_that_breaks_an_audit_is_no_yardstick(monkeypatch: pytest.MonkeyPatch) -> None:
    run = assembling.Assembly.run

    def broken(self: assembling.Assembly, heartbeats: bool = True) -> RunRecord:
        record = run(self, heartbeats)
        record.arrivals_count += 1
        return record

    monkeypatch.setattr(assembling.Assembly, "run", broken)
    with pytest.raises(InvalidRun, match="every arrival is in the table once"):
        bench.run_engine("simpy", 100, 1, bench.RECORDS)


def test_every_ratio_is_of_two_contestants(tmp_path: Path) -> None:
    found = bench.contestants(100_000, {}, tmp_path)
    names = [contestant.name for contestant in found]
    assert len(set(names)) == len(names)
    assert {name for pair in bench.RATIOS for name in pair} == set(names)
    requests = {contestant.name: contestant.requests for contestant in found}
    assert (requests[bench.SIMPY], requests[bench.COMPILED], requests["salabim"]) == (100_000, 5_000_000, 10_000)


def test_claims_are_held_against_what_was_measured() -> None:
    def speed(name: str, rate: float) -> Speed:
        contestant = Contestant(name, 1, lambda *_: Timed(1, 1.0, 1.0), 1.0)
        return Speed(contestant, [Timed(1_000, 1_000 / rate, 1.0)]) if rate else Speed(contestant, absent="not here")

    names = {name for pair in bench.RATIOS for name in pair}
    speeds = {name: speed(name, 0.0) for name in names}
    assert bench.below_claim(bench.rows_of(speeds)) == []
    speeds[bench.COMPILED], speeds[bench.FLOOR] = speed(bench.COMPILED, 4.0), speed(bench.FLOOR, 10.0)
    rows = bench.rows_of(speeds)
    assert rows[0] == SpeedRow(bench.COMPILED, bench.FLOOR, 0.4, 0.4, 0.4)
    assert all(math.isnan(row.ratio) for row in rows[1:])
    assert {row.note for row in rows[1:]} == {"absent: not here"}
    assert bench.below_claim(rows) == [f"{bench.COMPILED} / {bench.FLOOR}: 0.4, claimed is 0.5"]

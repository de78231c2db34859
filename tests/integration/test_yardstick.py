"""The speed yardstick on a clock that the test moves: ratios, turns, and the refusal of a side that does other work."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sim.bench import yardstick as bench
from sim.bench.assemble import run_replication
from sim.bench.schema import Config
from sim.errors import InvalidRun
from sim.types.records import RunRecord
from sim.world.idiomatic import idiomatic_mean_sojourn_s


class FakeClock:
    """`process_time` that only moves when work is done."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def process_time(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    fake = FakeClock()
    monkeypatch.setattr(bench, "time", fake)
    return fake


def working(clock: FakeClock, seconds: list[float], value: float, said: list[str], name: str) -> Callable[..., float]:
    left: Iterator[float] = iter(seconds)

    def work(*_: object) -> float:
        clock.now_s += next(left)
        said.append(name)
        return value

    return work


def test_the_two_run_in_turn(clock: FakeClock) -> None:
    said: list[str] = []
    ours = working(clock, [1.0, 2.0, 4.0], 7.0, said, "ours")
    baseline = working(clock, [3.0, 3.5, 5.0], 8.0, said, "baseline")
    assert bench.in_turn(ours, baseline, 3) == ([1.0, 2.0, 4.0], [3.0, 3.5, 5.0], [7.0, 8.0] * 3)
    assert said == ["ours", "baseline"] * 3


def fake_sides(
    monkeypatch: pytest.MonkeyPatch, clock: FakeClock, ours_s: list[float], baseline_s: list[float], value: float
) -> None:
    said: list[str] = []
    monkeypatch.setattr(bench, "engine_mean_sojourn_s", working(clock, ours_s, 1.045, said, "ours"))
    monkeypatch.setattr(bench, "idiomatic_mean_sojourn_s", working(clock, baseline_s, value, said, "baseline"))


def test_the_ratio_is_that_of_the_medians(monkeypatch: pytest.MonkeyPatch, clock: FakeClock) -> None:
    fake_sides(monkeypatch, clock, [2.0, 1.0, 4.0], [6.0, 4.0, 2.0], 1.05)
    row, line = bench.yardstick(1000, 1, 3)
    assert (row.ratio, row.ratio_low, row.ratio_high) == (4.0 / 2.0, 0.5, 4.0)
    assert "500 requests/s" in line
    assert "250 requests/s" in line
    assert "ratio 2.00 (0.50 to 4.00 in 3 rounds)" in line


def test_everything_on_is_held_against_itself_without(monkeypatch: pytest.MonkeyPatch, clock: FakeClock) -> None:
    said: list[tuple[str, ...]] = []

    def work(requests: int, seed: int, extra: tuple[str, ...] = ()) -> float:
        clock.now_s += 2.5 if extra else 2.0
        said.append(tuple(extra))
        return 1.045

    monkeypatch.setattr(bench, "engine_mean_sojourn_s", work)
    row, _ = bench.armored(1000, 1, 2)
    assert (row.what, row.baseline) == ("simpy engine with everything on and no fault", "the same without")
    assert (row.ratio, row.ratio_low, row.ratio_high) == (0.8, 0.8, 0.8)
    assert said == [bench.EVERYTHING, (), bench.EVERYTHING, ()]


def test_everything_on_changes_no_answer_and_fails_none() -> None:
    requests, seed = 5_000, 5
    plain = bench.engine_mean_sojourn_s(requests, seed)
    assert bench.engine_mean_sojourn_s(requests, seed, bench.EVERYTHING) == plain, f"seed {seed}"


def test_a_side_that_answers_otherwise_is_refused(monkeypatch: pytest.MonkeyPatch, clock: FakeClock) -> None:
    fake_sides(monkeypatch, clock, [1.0], [1.0], 1.2)
    with pytest.raises(InvalidRun, match=r"yardstick is INVALID: mean sojourn 1\.2000 s, known is 1\.045 s"):
        bench.yardstick(1000, 1, 1)


def test_rows_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "new" / "bench.csv"
    bench.write_rows([bench.SpeedRow("a, b", "c", 2.0, 1.23456, 3.0)], path)
    with path.open(newline="") as file:
        assert list(csv.reader(file)) == [
            ["what", "baseline", "ratio", "ratio_low", "ratio_high"],
            ["a, b", "c", "2.000", "1.235", "3.000"],
        ]


def test_both_sides_do_the_same_work() -> None:
    """The same arrivals and demands by the same rule (idiomatic SimPy may draw one node twice): the known mean."""
    requests, seed = 20_000, 3
    assert bench.engine_mean_sojourn_s(requests, seed) == pytest.approx(bench.MEAN_SOJOURN_S, rel=0.05)
    assert idiomatic_mean_sojourn_s(requests, seed) == pytest.approx(bench.MEAN_SOJOURN_S, rel=0.05)


def test_our_side_serves_as_many_requests_as_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    counts: list[int] = []

    def counting(config: Config, replication: int) -> RunRecord:
        record = run_replication(config, replication)
        counts.append(record.arrivals_count)
        return record

    monkeypatch.setattr(bench, "run_replication", counting)
    requests, seed = 10_000, 4
    bench.engine_mean_sojourn_s(requests, seed)
    assert abs(counts[0] - requests) < 4.0 * requests**0.5, f"seed {seed}"  # a Poisson count


def test_a_run_that_breaks_an_audit_is_no_yardstick(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(config: Config, replication: int) -> RunRecord:
        record = run_replication(config, replication)
        record.arrivals_count += 1
        return record

    monkeypatch.setattr(bench, "run_replication", broken)
    with pytest.raises(InvalidRun, match="every arrival is in the table once"):
        bench.engine_mean_sojourn_s(100, 1)

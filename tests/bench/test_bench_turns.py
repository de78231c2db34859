"""Turns, ratios and spreads, the refusal of a side that does other work, and the tables that come of it."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable
from pathlib import Path

import pytest

from sim.bench.bench_tables import RATIO_COLUMNS, SPEED_COLUMNS, lines_of, markdown, ratio_cells, speed_cells, write_csv
from sim.bench.bench_turns import SHORT_REQUESTS, Absent, Contestant, Speed, SpeedRow, Timed, check, in_turn, ratio
from sim.errors import InvalidRun

REQUESTS = 40_000


def working(name: str, seconds: list[float], said: list[tuple[str, int]], mean_s: float = 1.05) -> Contestant:
    left = iter([1.0, *seconds])

    def run(requests: int, seed: int) -> Timed:
        said.append((name, requests))
        return Timed(requests, next(left), mean_s, f"{name} 1.0")

    return Contestant(name, REQUESTS, run, 1.045)


def absent(name: str, after: int = 0) -> Contestant:
    runs = 0

    def run(requests: int, seed: int) -> Timed:
        nonlocal runs
        runs += 1
        if runs > after:
            raise Absent("not here")
        return Timed(requests, 1.0, 1.045)

    return Contestant(name, REQUESTS, run, 1.045)


def test_all_run_in_turn_after_a_short_run_that_does_not_count() -> None:
    said: list[tuple[str, int]] = []
    told: list[str] = []
    found = in_turn([working("a", [1.0, 2.0], said), working("b", [4.0, 5.0], said)], 1, 2, told.append)
    assert said == [("a", SHORT_REQUESTS), ("b", SHORT_REQUESTS), *[("a", REQUESTS), ("b", REQUESTS)] * 2]
    assert found["a"].rates == [40_000.0, 20_000.0]
    assert found["b"].median == (10_000.0 + 8_000.0) / 2.0
    assert told == ["ready? a", "ready? b", "round 1 of 2: a", "round 1 of 2: b", "round 2 of 2: a", "round 2 of 2: b"]


def test_the_ratio_is_that_of_the_medians_and_its_spread_is_within_rounds() -> None:
    found = in_turn([working("a", [2.0, 1.0, 4.0], []), working("b", [6.0, 4.0, 2.0], [])], 1, 3)
    row = ratio(found["a"], found["b"])
    assert (row.ratio, row.ratio_low, row.ratio_high) == (4.0 / 2.0, 0.5, 4.0)


@pytest.mark.parametrize("after", [0, 1, 2])
def test_who_is_absent_has_no_ratio_and_says_why(after: int) -> None:
    found = in_turn([working("a", [1.0, 1.0], []), absent("b", after)], 1, 2)
    assert (found["b"].absent, found["b"].runs) == ("not here", [])
    for row in (ratio(found["a"], found["b"]), ratio(found["b"], found["a"])):
        assert math.isnan(row.ratio)
        assert row.note == "absent: not here"


def test_a_side_that_answers_otherwise_is_refused() -> None:
    with pytest.raises(InvalidRun, match=r"yardstick is INVALID: a: mean sojourn 1\.2500 s, expected is 1\.0450 s"):
        in_turn([working("a", [1.0], [], 1.25)], 1, 1)
    with pytest.raises(InvalidRun, match="mean sojourn nan s"):
        in_turn([working("a", [1.0], [], math.nan)], 1, 1)


def test_few_requests_may_be_further_off() -> None:
    contestant = Contestant("a", 100, lambda *_: Timed(100, 1.0, 1.0), 1.0)
    check(contestant, [Timed(100, 1.0, 1.4)])  # five standard errors of 100 requests are .5
    with pytest.raises(InvalidRun, match=r"within 50\.0 %"):
        check(contestant, [Timed(100, 1.0, 1.6)])


def drawing_anew(means: list[float]) -> Contestant:
    """A contestant that cannot be given a seed."""
    rounds = iter([1.045, *means])
    return Contestant("b", 20_000, lambda requests, _: Timed(requests, 1.0, next(rounds)), 1.045)


def test_rounds_that_draw_anew_are_judged_together() -> None:
    found = in_turn([drawing_anew([1.108, 1.04, 1.01])], 1, 3)
    assert len(found["b"].runs) == 3
    with pytest.raises(InvalidRun, match=r"mean sojourn 1\.1067 s, expected is 1\.0450 s within 5\.0 %"):
        in_turn([drawing_anew([1.11, 1.10, 1.11])], 1, 3)
    with pytest.raises(InvalidRun, match=r"mean sojourn 1\.2100 s, expected is 1\.0450 s within 15\.0 %"):
        in_turn([drawing_anew([1.21, 1.0, 1.0])], 1, 3)


@pytest.fixture
def speeds() -> list[Speed]:
    here = Contestant("fast", 10, lambda *_: Timed(10, 1.0, 1.0), 1.045, "a note")
    away = Contestant("gone", 10, lambda *_: Timed(10, 1.0, 1.0), 1.0)
    runs = [Timed(1_000, 1.0, 1.041, "fast 2"), Timed(1_000, 0.5, 1.05, "fast 2")]
    return [Speed(here, runs), Speed(away, absent="no a|b")]


ROWS = [
    SpeedRow("fast", "slow", 2.0, 1.23456, 3.0, "n"),
    SpeedRow("fast", "gone", math.nan, math.nan, math.nan, "absent: x"),
]


def test_the_files_hold_ratios_and_speeds(speeds: list[Speed], tmp_path: Path) -> None:
    path = tmp_path / "new" / "bench.csv"
    write_csv(path, RATIO_COLUMNS, ratio_cells(ROWS))
    with path.open(newline="") as file:
        assert list(csv.reader(file)) == [
            ["what", "baseline", "ratio", "ratio_low", "ratio_high", "note"],
            ["fast", "slow", "2.000", "1.235", "3.000", "n"],
            ["fast", "gone", "", "", "", "absent: x"],
        ]
    assert speed_cells(speeds) == [
        ["fast", "1500", "1000", "2000", "1000", "2", "1.0500", "1.0450", "fast 2", "a note"],
        ["gone", "", "", "", "", "", "", "1.0000", "", "absent: no a|b"],
    ]
    assert len(SPEED_COLUMNS) == len(speed_cells(speeds)[0])


def lines_that(test: Callable[[str], bool], text: str) -> list[str]:
    return [line for line in text.splitlines() if test(line)]


def test_what_is_printed_and_the_page_say_the_same(speeds: list[Speed]) -> None:
    assert lines_of(speeds, ROWS) == [
        "fast         1,500 requests/s (1,000 to 2,000), mean sojourn 1.050 s; a note",
        "gone  absent: no a|b",
        "fast / slow: 2 (1.23 to 3)",
        "fast / gone: absent: x",
    ]
    page = markdown(speeds, ROWS, {"processor": "P", "cores": "2"}, "victor-sim bench rounds=2", "s.svg")
    assert lines_that(lambda line: line.startswith("| fast"), page) == [
        "| fast | 1,500 | 1,000 to 2,000 | 1.050 s | fast 2 | a note |",
        "| fast | slow | 2 | 1.23 to 3 |",
        "| fast | gone | absent | |",
    ]
    assert "| gone | absent | | | | no a\\|b |" in page
    assert "Machine: processor P; cores 2." in page
    assert "`victor-sim bench rounds=2`" in page
    assert "2 rounds" in page

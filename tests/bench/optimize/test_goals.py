"""Goals and page of a study whose every claim is written by hand, so that each value can be worked out beforehand."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

import pytest

from sim.bench.optimize.command import StudyFound
from sim.bench.optimize.goals import Goal, Scores
from sim.bench.optimize.study import StudyAsked
from sim.bench.optimize.yardstick import Yardstick
from sim.report.optimizer import write_optimizer

WINDOWS = [20, 50, 80, 100]
SEEDS = (1, 2)
INDICES = {"temperature": 0.6, "max_tokens": 0.3, "context": 0.1}
STICKS = {  # incumbent 100; what there is to win: 20, nothing, and after window 60 twice as much
    "llm": Yardstick("llm", dict.fromkeys(WINDOWS, 120.0), dict.fromkeys(WINDOWS, 100.0), INDICES, 0.05, None, None),
    "null": Yardstick("null", dict.fromkeys(WINDOWS, 100.0), dict.fromkeys(WINDOWS, 100.0), INDICES, 0.05, None, None),
    "drift_sudden": Yardstick(
        "drift_sudden", {20: 120.0, 50: 120.0, 80: 140.0, 100: 140.0}, dict.fromkeys(WINDOWS, 100.0), INDICES, 0.05,
        60, 60,
    ),
}  # fmt: skip


def claim(window: int, utility: float, claimed: float, **more: Any) -> dict[str, Any]:
    """What stands after a window is worth `utility` to the incumbent's 100, and `claimed` % more is said of it."""
    plain = {"ci_low": claimed - 5.0, "ci_high": claimed + 5.0, "confidence": 1.0, "applied": utility != 100.0,
             "stated": utility != 100.0, "verified": claimed, "error_rate": 0.01, "pairs": 0}  # fmt: skip
    return {"window": window, "utility": utility, "claimed": claimed, "true": utility - 100.0, **plain, **more}


def record(method: str, surface: str, seed: int, claims: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """A trial: a hundred windows worth as much as the incumbent, one in ten of them a fifth worse."""
    plain = {"asked": [(80.0 if at % 10 == 0 else 100.0, 100.0) for at in range(100)], "weights": INDICES,
             "stood_after": 110.0, "alarms": [], "cpu": {"ask_s": [0.01] * 99 + [0.2]}}  # fmt: skip
    return {"method": method, "surface": surface, "seed": seed, "claims": claims, **plain, **more}


def good(seed: int) -> list[dict[str, Any]]:
    """19 of 20 points found from the start; after the change 38 of 40, noticed with the second window."""
    llm = [claim(window, 119.0, 19.0) for window in WINDOWS]
    llm[0]["pairs"] = 20
    drift = [claim(20, 119.0, 19.0), claim(50, 119.0, 19.0), claim(80, 138.0, 38.0), claim(100, 138.0, 38.0)]
    still = [claim(window, 100.0, 0.0) for window in WINDOWS]
    return [record("victor", "llm", seed, llm), record("victor", "null", seed, still),
            record("victor", "drift_sudden", seed, drift, alarms=[61])]  # fmt: skip


def poor(seed: int) -> list[dict[str, Any]]:
    """Claims half as much again as there is, takes a loss of the null surface for a gain, and never notices."""
    llm = [claim(window, 110.0, 15.0, ci_low=math.nan, ci_high=math.nan, confidence=math.nan) for window in WINDOWS]
    null = [claim(window, 90.0, 10.0, confidence=0.9) for window in WINDOWS]
    drift = [claim(window, 110.0, 15.0, error_rate=0.2 if window == 100 else 0.01) for window in WINDOWS]
    asked = [(80.0, 100.0)] * 40 + [(100.0, 100.0)] * 60
    found = {"llm": llm, "null": null, "drift_sudden": drift}
    return [record("tpe", name, seed, claims, asked=asked, weights={}) for name, claims in found.items()]


@pytest.fixture
def found() -> StudyFound:
    records = [each for seed in SEEDS for each in (*good(seed), *poor(seed))]
    asked = StudyAsked(tuple(STICKS), ("victor", "tpe"), SEEDS)
    return StudyFound(asked, Scores(records, STICKS, WINDOWS))


def goal(found: StudyFound, start: str, method: str = "victor") -> Goal:
    (one,) = [each for each in found.goals(method) if each.name.startswith(start)]
    return one


@pytest.mark.parametrize(
    ("start", "victor", "tpe"),
    [  # value, reached
        ("normalized simple regret at 100", (0.05, True), ((0.5 + 1.0) / 2, False)),  # a broken guardrail: 1
        ("normalized simple regret at 50", (0.05, True), (0.5, False)),
        ("its ratio to tpe", (0.05 / 0.75, True), (1.0, True)),
        ("claim bias", (0.0, True), (0.5, False)),
        ("coverage", (1.0, False), (0.5, False)),  # of 8 with an interval the 4 of null are wrong; fewer than 500
        ("calibration error", (0.0, False), (0.45, False)),  # half of it sure by .9 and wrong
        ("applied and truly better", (1.0, True), (8 / 12, False)),
        ("harm", (0.0, True), (4 / 12, False)),
        ("bias of what is reported", (0.0, True), (0.5, False)),
        ("applied at 100 windows", (1.0, True), (1.0, True)),
        ("null: seeds with any", (0.0, True), (1.0, False)),
        ("utility while searching", (0.98, True), (0.92, False)),
        ("windows over 10 % worse", (0.75, False), (0.0, False)),  # 10 of 100 for 40
        ("sudden drift: alarm", (1.0, True), (0.0, False)),
        ("false alarms", (0.0, True), (0.0, True)),
        ("90 % recovered", (1.0, True), (0.0, False)),  # 28 of 30 lost points at window 80; none of 30
        ("ask, p95", (10.0, True), (10.0, True)),
    ],
)
def test_each_goal_is_what_the_claims_give(
    found: StudyFound, start: str, victor: tuple[float, bool], tpe: tuple[float, bool]
) -> None:
    for method, (value, reached) in (("victor", victor), ("tpe", tpe)):
        each = goal(found, start, method)
        assert each.measured.value == pytest.approx(value), (method, each)
        assert each.reached is reached, (method, each)


def test_what_was_not_run_is_not_measured(found: StudyFound) -> None:
    assert goal(found, "importance").measured.value == pytest.approx(1.0)
    assert goal(found, "importance", "tpe").reached is None  # says no weights
    brief = [{**each, "claims": each["claims"][:3]} for each in good(1)]
    alone = Scores(brief, STICKS, WINDOWS[:3])
    assert {each.name for each in alone.goals("victor") if each.reached is None} == {
        "normalized simple regret at 100 windows", "its ratio to tpe at 100 windows",
        "applied at 100 windows when a gain of 5 % exists",
        "windows over 10 % worse than the incumbent, fewer than tpe's by",
    }  # fmt: skip
    still = Scores([good(1)[1]], {"null": STICKS["null"]}, WINDOWS)
    assert [each.name for each in still.goals("victor") if each.reached] == [
        "null: seeds with any false promotion, looked at all the time",
        "utility while searching over that of standing still",
        "importance against true Sobol indices, mean Spearman, randomized windows", "ask, p95 in CPU ms",
    ]  # fmt: skip


def test_the_page_says_what_the_goals_say(found: StudyFound, tmp_path: Path) -> None:
    write_optimizer(tmp_path, found, "victor-sim optimize seeds=1..2")
    page = (tmp_path / "README.md").read_text(encoding="utf-8")
    reached = sum(each.reached is True for each in found.goals())
    assert f"`victor` reaches {reached} of 18 goals" in page
    assert "| normalized simple regret at 100 windows | at most 0.1 | 0.05 [0.05, 0.05] | reached |" in page
    assert "| normalized simple regret at 100 windows | 0.05 [0.05, 0.05] | 0.75 [0.75, 0.75] |" in page
    _, at_50, at_100 = page.split("## Normalized regret at ")
    assert at_50.startswith("50 windows by surface")
    assert "| drift_sudden | 0.05 [0.05, 0.05] | 0.50 [0.50, 0.50] |" in at_50
    assert at_100.startswith("100 windows by surface")
    assert "| drift_sudden | 0.05 [0.05, 0.05] | 1.00 [1.00, 1.00] |" in at_100
    assert "## What noise leaves of the gain, windows of 200 tasks" in at_100
    assert "| drift_sudden | 40.66 | 48.17 | 0.49 | – | – |" in at_100
    assert "| null |" not in at_100  # what is best already has nothing to gain
    # a proof of 20 pairs, before the first of three later looks, on one of two surfaces
    assert "Proofs took 20 windows a trial besides" in page
    for name in ("regret", "claims", "reliability", "drift"):
        assert f"({name}.svg)" in page
        assert (tmp_path / f"{name}.svg").read_text(encoding="utf-8").startswith("<")
    with (tmp_path / "claims.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(SEEDS) * len(STICKS) * len(WINDOWS)
    assert {(row["true"], row["claimed"], row["applied"]) for row in rows} == {
        ("19", "19", "true"), ("38", "38", "true"), ("0", "0", "false"),
    }  # fmt: skip
    with (tmp_path / "goals.csv").open(encoding="utf-8") as file:
        assert [row["method"] for row in csv.DictReader(file)] == ["victor"] * 18 + ["tpe"] * 18

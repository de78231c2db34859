"""What is committed under results/ still follows from the data beside it: ratios, differences, counts, verdicts."""

from __future__ import annotations

import csv
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

RESULTS = Path(__file__).parents[2] / "results"
STUDIES = sorted(path.parent for path in (RESULTS / "published").glob("*/points.csv"))
Rows = list[dict[str, str]]


def rows_of(path: Path) -> Rows:
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


def test_ratios_of_speed_are_those_of_the_speeds() -> None:
    speeds = {row["engine"]: float(row["requests_per_s"] or "nan") for row in rows_of(RESULTS / "bench" / "speeds.csv")}
    checked = 0
    for row in rows_of(RESULTS / "bench" / "bench.csv"):
        if row["ratio"]:
            over, under = speeds[row["what"]], speeds[row["baseline"]]
            rounding = 0.5 / over + 0.5 / under  # both are whole requests a second; the ratio has three decimals
            assert abs(float(row["ratio"]) - over / under) <= over / under * rounding + 5e-4, row
            assert float(row["ratio_low"]) <= float(row["ratio"]) <= float(row["ratio_high"])
            checked += 1
    assert checked >= 5


def test_ratios_to_the_source_are_those_of_the_seconds() -> None:
    rows = rows_of(RESULTS / "source" / "source.csv")
    page = (RESULTS / "source" / "README.md").read_text(encoding="utf-8")
    assert len(rows) >= 9
    for row in rows:
        for clock in ("wall", "cpu"):
            found = float(row["source_s"]) / float(row[f"{clock}_s"])
            assert float(row[f"{clock}_ratio"]) == pytest.approx(found, rel=1e-3)
        assert re.search(rf"\| {re.escape(row['what'])} \|.*\| {row['wall_ratio']} \| {row['cpu_ratio']} \|", page)


@pytest.mark.parametrize("folder", STUDIES, ids=lambda folder: folder.name)
def test_differences_are_those_of_the_points(folder: Path) -> None:
    means = {(row["point"], row["metric"]): float(row["mean"] or "nan") for row in rows_of(folder / "points.csv")}
    assert len(means) > 0
    for row in rows_of(folder / "comparisons.csv"):
        found = means[row["point"], row["metric"]] - means[row["baseline"], row["metric"]]
        told = float(row["difference"])
        assert told == pytest.approx(found, rel=1e-6, abs=1e-9), row
        assert float(row["ci_low"]) <= told <= float(row["ci_high"])
        assert 0.0 <= float(row["p_adjusted"]) <= 1.0


def test_the_front_page_tells_what_the_study_found() -> None:
    """The verdict that README quotes is that of the published points."""
    means = {(row["balancer"], row["situation"]): row for row in rows_of(RESULTS / "published/balancers/points.csv")
             if row["metric"] == "sojourn_s_p99"}  # fmt: skip
    best = min((key for key in means if key[1] == "hetero"), key=lambda key: float(means[key]["mean"]))
    row = means[best]
    low, high = float(row["ci_low"]), float(row["ci_high"])
    quoted = " ".join((RESULTS.parent / "README.md").read_text(encoding="utf-8").replace("\n> ", " ").split())
    assert (
        f"`{best[0]}` has the lowest p99 sojourn ({float(row['mean']):.2f} s, 95 % CI {low:.2f} to {high:.2f})"
        in quoted
    )


def test_errors_of_the_calibration_are_those_of_its_rows() -> None:
    rows = rows_of(RESULTS / "live" / "calibration.csv")
    timed = [row for row in rows if row["error_ratio"] and float(row["measured"])]
    assert len(timed) >= 8
    for row in timed:
        found = float(row["predicted"]) / float(row["measured"]) - 1.0
        assert float(row["error_ratio"]) == pytest.approx(found, abs=1e-4), row
    recorded = [float(row["latency_s"]) for row in rows_of(RESULTS / "live" / "recorded-round_robin-.5.csv")]
    fitted = {row["metric"]: row for row in rows if "(fitted)" in row["run"]}
    assert int(fitted["sojourn_s_p50"]["requests"]) == len(recorded)
    assert float(fitted["sojourn_s_mean"]["measured"]) == pytest.approx(np.mean(recorded), rel=1e-3)
    assert float(fitted["sojourn_s_p50"]["measured"]) == pytest.approx(np.median(recorded), rel=2e-3)


def test_the_kills_told_are_those_of_the_rounds() -> None:
    rows = rows_of(RESULTS / "live" / "kills.csv")
    kinds = Counter(row["kind"] for row in rows)
    accepted, done, failed = (sum(int(row[name]) for row in rows) for name in ("accepted", "done", "failed"))
    assert accepted == done + failed
    violations = sum(bool(row["violations"]) for row in rows)
    readme = (RESULTS / "README.md").read_text(encoding="utf-8")
    assert f"a node ({kinds['node']} times), the control plane ({kinds['server']}) or both ({kinds['both']})" in readme
    told = (
        f"{violations} violations in {len(rows)} kills: of {accepted} accepted tasks {done} answered, {failed} failed"
    )
    assert told in readme


def test_the_optimizers_goals_are_those_of_its_claims() -> None:
    applied = [row for row in rows_of(RESULTS / "optimizer" / "claims.csv") if row["applied"] == "true"]
    better = sum(float(row["true"]) > 0.0 for row in applied)
    goals = {row["goal"]: row for row in rows_of(RESULTS / "optimizer" / "goals.csv") if row["method"] == "victor"}
    goal = goals["applied and truly better"]
    assert goal["note"] == f"{len(applied)} applied"
    assert (float(goal["measured"]) == 1.0) == (better == len(applied))
    assert goal["reached"] == ("reached" if better == len(applied) else goal["reached"])

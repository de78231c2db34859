"""A/A end to end: a study that names one rule twice runs it once, and says that the two are one."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from sim.bench.outcome import finish
from sim.bench.plan import make_plan
from sim.bench.study import store_of, summarize
from sim.report.table_files import comparisons_csv
from tests.bench.small_study import TINY, no_report


@pytest.fixture
def plan_words(here: Path) -> list[str]:
    """An experiment in a folder of the user's: one rule under two names, and another."""
    path = here / "experiment" / "same.yaml"
    path.parent.mkdir()
    path.write_text(
        """# @package _global_
study:
  sweep:
    rule: {first: [balancer=random], second: [balancer=random], third: [balancer=power_of_d]}
""",
        encoding="utf-8",
    )
    return ["experiment=same", *TINY]


@pytest.mark.parametrize("select", ["none", "best"])
def test_one_rule_under_two_names(plan_words: list[str], here: Path, select: str) -> None:
    grow = [] if select == "none" else ["stats.select=best", "stats.replications_max=5"]
    plan = make_plan([*plan_words, *grow, "objective=sojourn_s_mean"], here)
    assert finish(plan, no_report) == 0
    assert len({point.key for point in plan.points}) == 2
    assert len(list(store_of(plan).root.glob("*/*/rep-*.json"))) < 3 * 5, "it is run once"
    summary = summarize(plan)
    zero = [row for row in csv.DictReader(comparisons_csv(summary).splitlines()) if row["point"] == "rule=second"]
    assert len(zero) > 10
    assert {row[name] for row in zero for name in ("difference", "ci_low", "ci_high")} == {"0.0"}
    assert {row["p_adjusted"] for row in zero} == {"1.0"}
    assert "first and second are one system under two names (every figure is equal)" in summary.verdicts[0].text

"""The sweep as a whole in page, Markdown and CSV; the front of cost over fleets of several sizes."""

from __future__ import annotations

import csv
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from sim.bench.compose import compose
from sim.bench.swept import figures_of, metrics_of
from sim.errors import ConfigError
from sim.measure.compare import compare_points
from sim.measure.summary import PointSummary, StudySummary
from sim.measure.sweep import sweep_of
from sim.measure.verdict import judge
from sim.report.content import build
from sim.report.figures import pareto
from sim.report.groups import groups, priced
from sim.report.markdown import markdown
from sim.report.page import html, write_report
from tests.measure.points import point
from tests.report.synthetic import study

LUCK = np.array([-0.3, 0.1, 0.4, -0.2, 0.0])
P99 = {("a", "2"): 9.0, ("b", "2"): 8.0, ("a", "4"): 5.0, ("b", "4"): 2.0}


def sweep(success: dict[tuple[str, str], float] | None = None) -> StudySummary:
    """Two strategies on two sizes of a fleet, p99 as in `P99`, cost as the nodes."""
    points: list[PointSummary] = []
    for nodes, strategy in product(("2", "4"), ("a", "b")):
        keys = {"balancer": strategy, "fleet.nodes": nodes}
        base = P99[strategy, nodes]
        own = 0.01 * LUCK * (len(points) - 1.5)
        points.append(
            point(
                f"balancer={strategy},fleet.nodes={nodes}", keys,
                sojourn_s_p99=(base + LUCK + own).tolist(), cost=[float(nodes)] * 5,
                success_ratio=[(success or {}).get((strategy, nodes), 1.0)] * 5,
            )
        )  # fmt: skip
    return study(
        points=points, comparisons=compare_points(points, "a", "balancer"), baseline="a", figures=["pareto"],
        verdicts=judge(points, "sojourn_s_p99", "balancer"), sweep=sweep_of(points, ["sojourn_s_p99", "cost"], 0.95),
    )  # fmt: skip


def test_effects_are_told_with_interval_and_adjusted_p() -> None:
    content = build(sweep())
    assert content.whole is not None
    # p99 means 9 5 / 8 2: grand 6; a +1, b -1; nodes 2 +2.5, 4 -2.5; together .5: squares 1, 6.25, .25 of 7.5
    assert content.whole.text[0] == (
        "Of the variation of p99 latency between the points: nodes 83 %, strategy 13 %, strategy x nodes 3.3 %."
    )
    assert content.whole.text[1] == (
        "Of the variation of cost between the points: nodes 100 %, strategy 0 %, strategy x nodes 0 %."
    )
    assert content.whole.text[2].startswith("Of all 12 pairs of points in p99 latency, cost, 10 stay apart with 95 % ")
    assert content.whole.effects is not None
    first = content.whole.effects.rows[0]
    assert [cell.text for cell in first.cells[:3]] == ["strategy", "a", "p99 latency"]
    assert first.cells[3].sort == pytest.approx(1.0)
    assert first.cells[3].half_width.endswith(" s")
    assert first.cells[4].text == "< 0.001"
    text = markdown(content)
    assert text.index("## The sweep as a whole") < text.index("## Losses")
    assert "| strategy x nodes | a, 2 | p99 latency |" in text
    page = html(content)
    assert page.index('id="whole"') < page.index('id="losses"')
    assert 'aria-label="Effects of the factors"' in page


def test_groups_are_judged_again_under_one_family() -> None:
    content = build(sweep())
    assert content.whole is not None
    assert content.whole.apart is not None
    assert [[cell.text for cell in row.cells] for row in content.whole.apart.rows] == [
        ["fleet.nodes=2", "b", "none: it is the best", "1", "1"],
        ["fleet.nodes=4", "b", "none: it is the best", "1", "1"],
    ]


def test_files_hold_every_effect_and_pair(tmp_path: Path) -> None:
    summary = sweep()
    write_report(summary, tmp_path)
    effects = list(csv.DictReader((tmp_path / "effects.csv").read_text().splitlines()))
    pairs = list(csv.DictReader((tmp_path / "pairs.csv").read_text().splitlines()))
    assert len(effects) == 2 * (2 + 2 + 4)
    assert len(pairs) == 2 * 6
    assert summary.sweep is not None
    for row, effect in zip(effects, summary.sweep.effects, strict=True):
        assert float(row["effect"]) == effect.effect
        assert float(row["p_adjusted"]) == effect.p_adjusted
    assert (effects[4]["key"], effects[4]["value"], effects[4]["key_2"], effects[4]["value_2"]) == (
        "balancer", "a", "fleet.nodes", "2",
    )  # fmt: skip
    write_report(replace(summary, sweep=None), tmp_path / "none")
    assert not (tmp_path / "none/effects.csv").exists()
    assert build(replace(summary, sweep=None)).whole is None


def test_the_front_joins_fleets_of_several_sizes() -> None:
    summary = sweep()
    (joined,) = priced(summary)
    assert len(joined.points) == 4
    result = pareto.analyze(summary, joined)
    assert result is not None
    assert [(spot.name, spot.standing) for spot in result.spots] == [
        ("a, 2", "dominated"), ("b, 2", "front"), ("a, 4", "dominated"), ("b, 4", "front"),
    ]  # fmt: skip
    content = build(summary)
    assert content.curves_head == "Over what costs"
    assert [drawn.file for drawn in content.curves] == ["figures/pareto.svg"]
    assert "b, 2" in content.curves[0].svg
    dropping = sweep({("a", "2"): 0.5, ("b", "2"): 0.5})
    result = pareto.analyze(dropping, priced(dropping)[0])
    assert result is not None
    assert [spot.standing for spot in result.spots] == ["excluded", "excluded", "dominated", "front"]


def test_load_and_situation_are_no_choice_of_cost() -> None:
    summary = study(loads=(0.5, 0.8))
    assert priced(summary) == groups(summary)
    summary = sweep()
    for one in summary.points:
        one.keys = {"balancer": one.keys["balancer"], "situation": one.keys["fleet.nodes"]}
    assert len(priced(summary)) == 2


def test_cost_is_asked_where_it_differs() -> None:
    config = compose([])
    points = sweep().points
    assert metrics_of(config, points) == ["sojourn_s_p99", "cost"]
    assert figures_of(config, points) == ["forest", "tail", "pareto"]
    assert metrics_of(config, points[:2]) == ["sojourn_s_p99"]
    assert figures_of(config, points[:2]) == ["forest", "tail"]
    assert metrics_of(compose(["study.metrics=[wait_s_mean,cost]"]), points[:2]) == ["wait_s_mean", "cost"]
    with pytest.raises(ConfigError, match=r"^study.metrics=latency: accepted is one of "):
        compose(["study.metrics=[latency]"])

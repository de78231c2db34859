"""What the page and the Markdown file say, and in which order."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from sim.report.content import build
from sim.report.markdown import markdown
from sim.report.page import html, write_report
from sim.report.validity import changed
from tests.report.synthetic import point, study


def test_order_of_the_page() -> None:
    text = html(build(study()))
    marks = ['class="badge', 'class="verdict ', 'class="question"', "<table", "<figure", 'id="losses"', 'id="validity"',
             'id="differences"', 'id="notes"', 'id="again"']  # fmt: skip
    at = [text.index(mark) for mark in marks]
    assert at == sorted(at)
    assert text.count("<figure ") == 8
    assert text.count('role="img"') == text.count('aria-label="') - text.count('role="region"') == 8


def test_verdict_and_effect_are_told_for_each_group() -> None:
    content = build(study(figures=[]))
    assert [section.label for section in content.sections] == [
        "situation=equal nodes, 1 dispatcher",
        "situation=speeds 0.5 1 2, 8 dispatchers",
    ]
    first = content.sections[0]
    assert first.text.startswith("least_connections has the lowest sojourn_s_p99 (")
    assert "not separable from it: weighted_least_connections, join_idle_queue" in first.text
    assert first.effect.startswith("p99 latency of least_connections against the baseline round_robin: −34.3 % [")
    assert first.effect.endswith("Holm p < 0.001")


def test_key_table_marks_the_best_and_those_beside_it() -> None:
    table = build(study(figures=[])).sections[0].table
    assert [(row.cells[0].text, row.mark) for row in table.rows[:4]] == [
        ("least_connections", "best"),
        ("join_idle_queue", "near"),
        ("weighted_least_connections", "near"),
        ("response_time", ""),
    ]
    assert [(column.head, column.unit) for column in table.columns] == [
        ("strategy", ""), ("p99", "s"), ("mean", "s"), ("p50", "s"), ("p95", "s"), ("p99.9", "s"),
        ("success", "%"), ("utilization", "%"), ("cost", "price units"), ("lost", ""),
    ]  # fmt: skip
    best = table.rows[0].cells[1]
    assert (best.text, best.half_width) == ("1.735", "0.078")
    assert table.rows[0].cells[-1].text == "0"
    baseline = next(row for row in table.rows if row.cells[0].text == "round_robin")
    assert baseline.tags == ("baseline",)


def test_an_invalid_point_is_seen_everywhere() -> None:
    summary = study(figures=[])
    broken = summary.points[3]
    broken.valid, broken.problems = False, ["replication 2: Little's law: 3.1 against 2.9"]
    summary.valid = False
    summary.points[5].losses = {"rejected": 24, "truncated": 2376}
    content = build(summary)
    text = html(content)
    assert [section.valid for section in content.sections] == [False, True]
    assert '<span class="badge alarm">INVALID</span>' in text
    assert "1 of 20 points INVALID" in text
    assert "replication 2: Little&#39;s law: 3.1 against 2.9" in text
    assert "2,400 (1 %)" in text
    assert content.losses_text == "2,400 of 4,800,000 requests were not answered, at 1 of 20 points."
    said = markdown(content)
    assert "- **INVALID** situation=equal nodes, 1 dispatcher: " in said
    assert "INVALID" in said[said.index("## Validity") :]


def test_config_differences_name_what_was_swept_and_nothing_volatile() -> None:
    table = build(study(figures=[])).differences
    assert table is not None
    rows = [tuple(cell.text for cell in row.cells) for row in table.rows]
    assert ("situation=equal nodes, 1 dispatcher: prequal", "balancer.kind", "round_robin", "prequal") in rows
    between = [row for row in rows if row[0] == "situation=speeds 0.5 1 2, 8 dispatchers: round_robin"]
    first = "situation=equal nodes, 1 dispatcher: round_robin"
    assert [row[1:] for row in between] == [
        ("balancer.dispatchers", f"1 ({first})", "8"),
        ("fleet.speeds", f"[1.0] ({first})", "[0.5, 1.0, 2.0]"),
    ]
    assert not any(row[1] in ("command", "name") for row in rows)
    assert changed({"a": {"b": 1}, "c": {}}, {"a": {"b": 2}, "d": 3}) == [
        ("a.b", "1", "2"), ("c", "{}", "–"), ("d", "–", "3"),
    ]  # fmt: skip


def test_a_sweep_of_loads_folds_its_groups_and_marks_what_was_lost() -> None:
    content = build(study(loads=(0.5, 0.8, 0.9, 0.95), situations=("",), figures=["load"]))
    assert [figure.file for figure in content.curves] == ["figures/load.svg"]
    text = html(content)
    assert text.count("<details>\n<summary><h2>") == 3
    assert text.count("<details open>\n<summary><h2>") == 1
    assert "within the SLO up to" in content.curves[0].alt
    assert "(unstable)" in content.curves[0].alt  # random, at the highest load


def test_a_single_point_reports_without_comparison(tmp_path: Path) -> None:
    alone = replace(point("power_of_d", 0, "", None), keys={}, point="run", terminating=True, cut_s=0.0)
    alone.notes.append("p99.9 of one hour rests on 9 requests: not reported")
    summary = study(situations=("",), points=[alone], comparisons=[], verdicts=[], compared_key="", baseline=None)
    write_report(summary, tmp_path)
    content = build(summary)
    assert content.sections[0].text == "p99 latency: 1.907 ± 0.093 s over 10 replications."
    assert [figure.file for figure in content.sections[0].figures] == [
        "figures/quantiles.svg", "figures/tail.svg", "figures/heat.svg",
    ]  # fmt: skip
    assert content.differences is None
    assert (
        content.validity_text
        == "1 points, all VALID; terminating runs, no warm-up cut; 240,000 requests a point; engine simpy."
    )
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "none (terminating)" in text
    assert "9 requests: not reported" in text


def test_one_replication_has_no_interval() -> None:
    summary = study(situations=("",))
    nan = float("nan")
    for single in summary.points:
        single.estimates = {
            metric: replace(estimate, ci_low=nan, ci_high=nan, replications=1)
            for metric, estimate in single.estimates.items()
        }
    summary.comparisons = [
        replace(c, ci_low=nan, ci_high=nan, p_value=1.0, p_adjusted=1.0) for c in summary.comparisons
    ]
    content = build(summary)
    assert all(not cell.half_width for row in content.sections[0].table.rows for cell in row.cells)
    assert "±" not in html(content).replace("± half-width of", "")


def test_markdown_links_its_figures() -> None:
    said = markdown(build(study()))
    assert "![Difference from the baseline](figures/forest-1.svg)" in said
    assert "| **least\\_connections** (best) | **1.735 ± 0.078** |" in said
    assert "```\nvictor-sim run experiment=balancers seed=7\n```" in said


def test_without_a_verdict_nothing_is_claimed() -> None:
    content = build(study(verdicts=[], comparisons=[], figures=[]))
    assert {section.text for section in content.sections} == {"Nothing was judged here."}
    assert {section.effect for section in content.sections} == {""}


def test_best_may_be_the_baseline_itself() -> None:
    summary = study(situations=("",), baseline="least_connections", figures=[])
    assert build(summary).sections[0].effect == "least_connections is the baseline itself."


def test_an_objective_that_is_not_reported_is_shown_as_missing() -> None:
    summary = study(situations=("",), figures=[], question="", notes=[], versions={})
    for single in summary.points:
        del single.estimates["sojourn_s_p99"]
    content = build(summary)
    assert {row.cells[1].text for row in content.sections[0].table.rows} == {"–"}
    assert {row.cells[-3].text for row in content.validity.rows} == {"–"}
    assert 'id="notes"' not in html(content)
    assert "## Notes" not in markdown(content)


def test_a_note_may_name_code_and_nothing_more() -> None:
    content = build(study(figures=[], notes=["a `none` of <b>, `x_1<y`, a lone ` and *stars*"]))
    assert "<li>a <code>none</code> of &lt;b&gt;, <code>x_1&lt;y</code>, a lone ` and *stars*</li>" in html(content)
    assert r"- a `none` of \<b\>, `x_1<y`, a lone \` and \*stars\*" in markdown(content)


def test_groups_that_differ_in_nothing_else_say_so_nowhere() -> None:
    summary = study(situations=("",), figures=[], points=[point("random", 0, "", None)], verdicts=[], comparisons=[])
    content = build(summary)
    assert content.differences is None
    assert content.sections[0].effect == ""
    assert "Differences in config" not in markdown(content)

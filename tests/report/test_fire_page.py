"""The page of a study under fire: what happened, new metrics and losses, wide figures."""

from __future__ import annotations

from dataclasses import replace

from sim.measure.summary import EpisodeSpan, OutageSpan
from sim.report.content import build
from sim.report.markdown import markdown
from sim.report.page import html
from tests.report.synthetic import study
from tests.report.synthetic_fire import NAN, autoscalers, detectors


def test_what_happened_is_told_by_point() -> None:
    content = build(detectors(figures=[]))
    assert content.happened is not None
    assert [column.head for column in content.happened.columns] == [
        "health checks", "crash", "pause", "zone outage", "overload", "outages founded", "outages false",
        "outages by cause", "back at 95 % after",
    ]  # fmt: skip
    rows = {row.cells[0].text: [cell.text for cell in row.cells[1:]] for row in content.happened.rows}
    assert rows["none"] == ["4", "1", "3", "1", "0", "0", "–", "not back"]
    assert rows["phi_accrual"] == ["4", "1", "3", "1", "8", "11", "health\u00a08, ejection\u00a011", "0 s"]
    marks = {row.cells[0].text: row.cells[6].mark for row in content.happened.rows}
    assert (marks["none"], marks["phi_accrual"]) == ("", "alarm")
    assert content.happened_text == (
        "Replication 0 of 6 points: 54 faults, one a node struck; "
        "46 outages declared by the control plane, 14 of them false."
    )
    text = html(content)
    assert text.index('id="happened"') < text.index('id="losses"')
    said = markdown(content)
    assert said.index("## What happened") < said.index("## Losses")


def test_open_ends_and_full_lists_are_said() -> None:
    summary = detectors(figures=[])
    one, two = summary.points[:2]
    assert one.timeline is not None
    assert two.timeline is not None
    one.timeline = replace(one.timeline, episodes=[EpisodeSpan("slow", "node-1", at, NAN) for at in range(200)])
    two.timeline = replace(two.timeline, episodes=[], outages=[OutageSpan("node-1", "breaker", 1.0, 2.0, False)])
    content = build(summary)
    assert content.happened is not None
    assert [row.cells[-1].text for row in content.happened.rows[:2]] == ["fault on at the end", "–"]
    assert content.happened.rows[1].cells[-2].text == "breaker\u00a01"
    assert content.happened_text.endswith(" A point shows its earliest 200 of each.")


def test_where_nothing_happened_nothing_is_said() -> None:
    for summary in (study(situations=("",), figures=[]), autoscalers(figures=[])):
        content = build(summary)
        assert content.happened is None
        assert content.happened_text == ""
        assert 'id="happened"' not in html(content)
        assert "What happened" not in markdown(content)


def test_new_metrics_and_losses_stand_in_the_tables() -> None:
    content = build(detectors(figures=[]))
    section = content.sections[0]
    assert [(column.head, column.unit) for column in section.table.columns] == [
        ("health checks", ""), ("p99", "s"), ("success", "%"), ("failure detection", "s"), ("failover", "s"),
        ("false outages", "1/h"), ("cost", "price units"), ("lost", ""),
    ]  # fmt: skip
    assert section.further is not None
    assert ("requests lost", "%") in [(column.head, column.unit) for column in section.further.columns]
    losses = {row.cells[0].text: [cell.text for cell in row.cells[1:]] for row in content.losses.rows}
    # requests, then failed, rejected, timed out, shed, truncated
    assert losses["victor_os"] == ["240,000", "1,240", "0", "6,200", "12", "0"]


def test_wide_figures_take_a_row_and_carry_their_notes() -> None:
    content = build(autoscalers())
    files = [figure.file for figure in content.sections[0].figures]
    assert files == ["figures/timeline.svg", "figures/pareto.svg", "figures/bars.svg"]  # no incident, no figure of it
    assert [figure.wide for figure in content.sections[0].figures] == [True, False, True]
    assert content.sections[0].figures[0].caption.endswith(" Left out, 6 panels at most: threshold.")
    assert html(content).count('class="wide"') == 2

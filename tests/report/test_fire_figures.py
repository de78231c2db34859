"""Figures of a fleet under fire: what their `analyze` keeps, and that every case can be drawn."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import numpy as np
import pytest

from sim.measure.summary import EpisodeSpan, FleetTimeline, OutageSpan, StudySummary
from sim.report import svg
from sim.report.catalogue import figure_named
from sim.report.figures import bars, incidents, pareto, timeline
from sim.report.groups import groups
from sim.report.multiples import PANELS_MAX
from tests.report.synthetic import study
from tests.report.synthetic_fire import DETECTORS, NAN, POLICIES, autoscalers, detectors, summary_of


def line_of(summary: StudySummary, name: str) -> FleetTimeline:
    """The timeline of the point with this name."""
    found = next(point for point in summary.points if point.keys[summary.compared_key] == name).timeline
    assert found is not None
    return found


def incidents_of(line: FleetTimeline) -> incidents.Panel:
    """The panel of a study of one point with this timeline."""
    point = summary_of("health", "one", {"sojourn_s_p99": np.array([1.0, 2.0])}, line, {})
    summary = detectors(points=[point], comparisons=[], verdicts=[], baseline=None)
    result = incidents.analyze(summary, groups(summary)[0])
    assert result is not None
    assert "<svg" in svg.render(figure_named("incidents"), result)
    return result.panels[0]


def empty_line(**changes: object) -> FleetTimeline:
    """Four bins of 10 s on one node, all answered, nothing happened."""
    line = FleetTimeline(
        np.linspace(0, 40, 5), np.full(4, 5.0), np.ones(4), np.full(4, 6.0), np.ones(4), np.zeros(4),
        np.full(4, NAN), [], [],
    )  # fmt: skip
    return replace(line, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["timeline", "incidents", "pareto", "bars"])
def test_a_study_without_the_data_has_no_such_figure(name: str) -> None:
    plain = study(situations=("",))
    for point in plain.points:
        for metric in ("cost", "node_hours"):
            del point.estimates[metric]
    assert figure_named(name).analyze(plain, groups(plain)[0]) is None


def test_timeline_keeps_the_baseline_and_says_what_is_left_out() -> None:
    summary = autoscalers()
    summary.points[4].timeline = None  # predictive
    result = timeline.analyze(summary, groups(summary)[0])
    assert result is not None
    assert [panel.title for panel in result.panels] == [
        "scheduled (best)", "kpa", "none (baseline)", "hpa", "on_demand", "threshold",
    ]  # fmt: skip
    assert result.note == "Left out, no timeline: predictive."
    summary = autoscalers(baseline="threshold")  # the worst of seven
    result = timeline.analyze(summary, groups(summary)[0])
    assert result is not None
    assert len(result.panels) == PANELS_MAX < len(POLICIES)
    assert result.panels[-1].title == "threshold (baseline)"
    assert result.note == "Left out, 6 panels at most: on_demand."


def test_timeline_tells_shortage_from_ready_agents() -> None:
    line = empty_line(demand_agents=np.array([6.0, 13.0, NAN, 30.0]), nodes_ready=np.array([1.0, 1.0, 2.0, 3.0]))
    summary = autoscalers()
    summary.points[0].timeline = line
    summary.points = [summary.points[0]]
    result = timeline.analyze(summary, groups(summary)[0])
    assert result is not None
    (panel,) = result.panels
    assert panel.title == "none"
    assert panel.capacity_agents.tolist() == [12.0, 12.0, 24.0, 36.0]  # 12 agents a node
    assert panel.short_ratio == pytest.approx(1 / 3)
    assert (panel.nodes_mean, panel.peak_agents) == (1.75, 30.0)
    assert panel.desired_nodes is None
    summary.points[0].timeline = replace(line, agents_ready=np.array([12.0, 14.0, 24.0, 29.0]))
    result = timeline.analyze(summary, groups(summary)[0])
    assert result is not None
    assert result.panels[0].short_ratio == pytest.approx(1 / 3)  # the last bin now, the second no longer
    text = svg.render(figure_named("timeline"), result)
    assert ">wanted<" not in text
    assert ">time since the start of load (s)<" in text


@pytest.mark.parametrize(("at", "words"), [(0, "← peak 900"), (3, "peak 900 →")])
def test_demand_beyond_the_axis_is_cut_and_said(at: int, words: str) -> None:
    demand = np.full(4, 6.0)
    demand[at] = 900.0
    summary = autoscalers()
    summary.points[0].timeline = empty_line(demand_agents=demand)
    summary.points = [summary.points[0]]
    result = timeline.analyze(summary, groups(summary)[0])
    assert result is not None
    assert f">{words}<" in svg.render(figure_named("timeline"), result)
    assert "peak demand 900 agents" in timeline.describe(result)


def test_timeline_of_little_seen_is_drawn_and_of_nothing_is_not() -> None:
    nothing = np.full(4, NAN)
    summary = autoscalers()
    summary.points[0].timeline = empty_line(demand_agents=nothing, nodes_ready=np.array([NAN, 2.0, 2.0, NAN]))
    summary.points = [summary.points[0]]
    result = timeline.analyze(summary, groups(summary)[0])
    assert result is not None
    assert math.isnan(result.panels[0].short_ratio)
    assert "short – of the time, 2 nodes on average" in timeline.describe(result)
    assert "<svg" in svg.render(figure_named("timeline"), result)
    summary.points[0].timeline = empty_line(nodes_ready=nothing)
    result = timeline.analyze(summary, groups(summary)[0])
    assert result is not None
    assert math.isnan(result.panels[0].nodes_mean)
    assert "<svg" in svg.render(figure_named("timeline"), result)
    summary.points[0].timeline = empty_line(demand_agents=nothing, nodes_ready=nothing)  # only faults were recorded
    assert timeline.analyze(summary, groups(summary)[0]) is None


def test_incidents_count_what_was_believed_and_when_it_was_over() -> None:
    summary = detectors()
    result = incidents.analyze(summary, groups(summary)[0])
    assert result is not None
    assert len(result.panels) == len(DETECTORS)
    panel = next(panel for panel in result.panels if panel.title == "phi_accrual")
    assert [kind for kind, _ in panel.faults] == ["crash", "pause", "zone outage", "overload"]
    assert [len(spans) for _, spans in panel.faults] == [4, 1, 1, 1]  # three nodes of one zone are one span
    assert (panel.founded_count, panel.false_count) == (8, 11)
    assert (panel.last_end_s, panel.recovered_at_s) == (960.0, 960.0)
    down = next(panel for panel in result.panels if panel.title == "none")
    assert math.isnan(down.recovered_at_s)
    text = svg.render(figure_named("incidents"), result)
    assert text.count(">time since the start of load (min)<") == 2  # below the last of each column
    said = incidents.describe(result)
    assert "none: crash, pause, zone outage, overload, worst bin 35 %, not back at 95 %, outages: 0 founded" in said
    assert "back 0 s after the last fault, outages: 8 founded, 11 false" in said
    summary.points[0].timeline = empty_line()
    result = incidents.analyze(summary, groups(summary)[0])
    assert result is not None
    assert result.note == "Left out, neither faults nor outages: none."


def test_lanes_keep_the_nodes_with_most_rows_in_the_order_of_their_names() -> None:
    outages = [OutageSpan(f"node-{1 + at % 12}", "health", at, at + 0.5, at % 2 == 0) for at in range(30)]
    outages += [OutageSpan("node-11", "breaker", 33.0, NAN, False)]
    panel = incidents_of(empty_line(outages=outages))
    assert [lane.name for lane in panel.lanes] == [
        "node-1", "node-2", "node-3", "node-4", "node-5", "node-6", "node-11", "5 others",
    ]  # fmt: skip
    assert sum(len(lane.outages) for lane in panel.lanes) == 31
    assert panel.lanes[6].outages[-1].span.end_s == 40.0  # still out: to the end of the drawing
    assert panel.faults == ()
    assert len(panel.lanes) == incidents.LANES_MAX


def test_kinds_beyond_the_bound_share_a_row() -> None:
    kinds = ["crash", "crash", "slow", "slow", "pause", "pause", "partition", "errors"]
    episodes = [EpisodeSpan(kind, "", at, at + 2.0) for at, kind in enumerate(kinds)]
    panel = incidents_of(empty_line(episodes=episodes))
    assert [kind for kind, _ in panel.faults] == ["crash", "slow", "pause", "2 other kinds"]
    assert [(span.start_s, span.end_s) for span in panel.faults[-1][1]] == [(6.0, 9.0)]
    assert panel.lanes == ()  # none struck a node


def test_recovery_is_told_in_words() -> None:
    def facts(**changes: object) -> str:
        return incidents._facts(incidents_of(empty_line(**changes)))

    pause = [EpisodeSpan("pause", "node-1", 5.0, 12.0)]
    low = np.array([1.0, 0.3, 0.94, 1.0])
    assert facts(episodes=pause, goodput_ratio=low) == "worst bin 30 %, back 18 s after the last fault"
    assert facts(episodes=pause, goodput_ratio=low[::-1].copy()) == "worst bin 30 %, back 18 s after the last fault"
    assert facts(episodes=pause, goodput_ratio=np.full(4, 0.2)) == "worst bin 20 %, not back at 95 %"
    on = [*pause, EpisodeSpan("slow", "node-1", 20.0, NAN)]
    assert facts(episodes=on) == "worst bin 100 %, fault on at the end"
    false = [OutageSpan("node-1", "health", 3.0, 4.0, False)]
    assert facts(outages=false, goodput_ratio=np.full(4, NAN)) == "worst bin –, no fault"


def test_founded_and_false_outages_differ_in_shape() -> None:
    outage = OutageSpan("node-1", "health", 3.0, 30.0, True)
    texts = []
    for founded in (True, False):
        line = empty_line(outages=[replace(outage, founded=founded)])
        summary = detectors(points=[summary_of("health", "one", {"sojourn_s_p99": np.ones(2)}, line, {})], verdicts=[])
        result = incidents.analyze(summary, groups(summary)[0])
        assert result is not None
        texts.append(re.sub(r"#[0-9a-f]{6}|<title>.*?</title>", "", svg.render(figure_named("incidents"), result)))
    shapes = [re.findall(r' d="([^"]+)"', text) for text in texts]
    assert sorted(shapes[0]) != sorted(shapes[1])


def test_pareto_front_of_policies() -> None:
    summary = autoscalers()
    result = pareto.analyze(summary, groups(summary)[0])
    assert result is not None
    assert (result.metrics.cost, result.metrics.objective) == ("cost", "sojourn_s_p99")
    assert {spot.name: spot.standing for spot in result.spots} == {
        "on_demand": "front", "predictive": "front", "scheduled": "front", "kpa": "near",
        "threshold": "dominated", "hpa": "dominated", "none": "dominated",
    }  # fmt: skip
    costs = [spot.cost.mean for spot in result.spots]
    assert costs == sorted(costs)
    assert "predictive 434.2 price units, 1.98 s (on the front)" in pareto.describe(result)
    text = svg.render(figure_named("pareto"), result)
    assert all(f">{name}<" in text for name in (*POLICIES, "not separable from it", "dominated"))
    assert "(log scale)" in text


def test_what_answers_less_is_crossed_out_of_the_front() -> None:
    summary = detectors()
    result = pareto.analyze(summary, groups(summary)[0])
    assert result is not None
    assert {spot.name for spot in result.spots if spot.standing == "excluded"} == {
        "none", "victor_os", "heartbeat_timeout", "success_rate",
    }  # fmt: skip
    assert ">not eligible<" in svg.render(figure_named("pareto"), result)


def test_pareto_falls_back_to_node_hours_and_says_who_is_missing() -> None:
    summary = autoscalers(objective="success_ratio", verdicts=[])
    for point in summary.points:
        del point.estimates["cost"]
    del summary.points[0].estimates["node_hours"]
    for estimates in (summary.points[1].estimates, summary.points[2].estimates):
        estimates["node_hours"] = replace(estimates["node_hours"], ci_low=NAN, ci_high=NAN)
        estimates["success_ratio"] = replace(estimates["success_ratio"], ci_low=NAN, ci_high=NAN)
    summary.points[3].estimates["node_hours"] = replace(summary.points[3].estimates["node_hours"], mean=2000.0)
    result = pareto.analyze(summary, groups(summary)[0])
    assert result is not None
    assert result.note == "Left out, no cost or success: none."
    assert len(result.spots) == 6
    text = svg.render(figure_named("pareto"), result)
    assert ">node hours (h, log scale)<" in text
    assert ">success (%)<" in text
    assert "on_demand 148.8 h, 100 (on the front)" in pareto.describe(result)


def test_cost_against_itself_or_one_point_is_no_front() -> None:
    summary = autoscalers(objective="cost")
    assert pareto.analyze(summary, groups(summary)[0]) is None
    summary = autoscalers()
    summary.points = summary.points[:1]
    assert pareto.analyze(summary, groups(summary)[0]) is None


def test_bars_show_the_metrics_that_were_measured() -> None:
    summary = detectors()
    result = bars.analyze(summary, groups(summary)[0])
    assert result is not None
    assert [(column.label, column.unit) for column in result.columns] == [
        ("failure detection", "s"), ("failover", "s"), ("requests lost", "%"), ("false outages", "1/h"),
        ("node hours", "h"),
    ]  # fmt: skip
    assert result.names[0] == "consecutive_failures"
    assert result.columns[0].dots[0].value == pytest.approx(4.0, abs=0.3)
    assert math.isnan(result.columns[0].dots[-1].value)  # `none` detects nothing
    assert "none failure detection – s, failover – s, requests lost 6." in bars.describe(result)
    text = svg.render(figure_named("bars"), result)
    assert ">s, less is better<" in text
    assert ">–<" in text


def test_bars_of_one_point_are_left_to_the_table() -> None:
    summary = detectors()
    summary.points = summary.points[:1]
    assert bars.analyze(summary, groups(summary)[0]) is None


def test_bars_are_bounded_and_name_what_is_left_out() -> None:
    values = {"sojourn_s_p99": np.array([1.0, 1.1]), "goodput_ratio_min": np.zeros(2)}
    points = [summary_of("health", f"h{at:02}", values, None, {}) for at in range(bars.ROWS_MAX + 1)]
    points += [summary_of("health", "bare", {"sojourn_s_p99": np.array([0.5, 0.6])}, None, {})]
    summary = detectors(points=points, comparisons=[], verdicts=[], baseline=None)
    result = bars.analyze(summary, groups(summary)[0])
    assert result is not None
    assert len(result.names) == bars.ROWS_MAX
    dots = result.columns[0].dots
    result = replace(result, columns=(replace(result.columns[0], dots=(bars.Dot(3.0, NAN, NAN), *dots[1:])),))
    assert result.note == "Left out, 12 rows at most: h12. Left out, none of these was measured: bare."
    assert "<svg" in svg.render(figure_named("bars"), result)

"""What the figures are drawn from: the frozen results of `analyze`, looks, ticks and labels that keep apart."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from itertools import combinations, pairwise
from typing import Any

import matplotlib.figure
import numpy as np
import pytest
from matplotlib.backends.backend_svg import FigureCanvasSVG

from sim.measure.summary import HeatMap, StudySummary, TailCurve
from sim.report import effects, svg
from sim.report.catalogue import figure_named, figure_names
from sim.report.drawing import STYLE, TICK_GAP, log_ticks, spread
from sim.report.figures import forest, heat, load, quantiles, tail
from sim.report.groups import groups, panels
from sim.report.numbers import duration
from sim.report.palette import FIXED, LOOKS, looks, variable_of, variables
from tests.report.synthetic import STRATEGIES, study


def single(**changes: Any) -> StudySummary:
    """Ten strategies, one group."""
    return study(situations=("",), **changes)


def test_every_module_is_a_figure() -> None:
    assert figure_names() == [
        "bars", "flapping", "forest", "heat", "incidents", "load", "pareto", "quantiles", "slo_edge", "tail",
        "timeline",
    ]  # fmt: skip
    for name in figure_names():
        figure = figure_named(name)
        assert figure.title
        assert figure.caption.endswith(".")
        assert figure.scope in ("group", "panel", "cost")


def test_forest_rows_are_shares_of_the_baseline_sorted_by_effect() -> None:
    summary = single()
    result = effects.analyze(summary, groups(summary)[0])
    assert result is not None
    assert [row.name for row in result.rows][:2] == ["least_connections", "join_idle_queue"]
    assert result.rows[-1].name == "random"
    assert [row.difference for row in result.rows] == sorted(row.difference for row in result.rows)
    pair = next(c for c in summary.comparisons if c.metric == "sojourn_s_p99" and "random" in c.point)
    assert result.rows[-1].difference == pytest.approx(pair.relative_ratio, rel=1e-12)
    apart = {row.name: row.separable for row in result.rows}
    assert not apart.pop("weighted_round_robin")  # the same as round robin on equal nodes
    assert all(apart.values())


def test_forest_sorts_the_other_way_where_more_is_better() -> None:
    summary = single(objective="goodput_per_s")
    result = effects.analyze(summary, groups(summary)[0])
    assert result is not None
    assert not result.smaller_is_better
    assert result.rows[0].difference == max(row.difference for row in result.rows)


@pytest.mark.parametrize("baseline", [None, "nobody"])
def test_without_a_baseline_there_is_no_forest(baseline: str | None) -> None:
    summary = single(baseline=baseline)
    assert effects.analyze(summary, groups(summary)[0]) is None


def test_a_baseline_of_zero_has_no_shares() -> None:
    summary = single()
    base = next(point for point in summary.points if point.keys["balancer"] == "round_robin")
    base.estimates["sojourn_s_p99"] = replace(base.estimates["sojourn_s_p99"], mean=0.0)
    assert effects.analyze(summary, groups(summary)[0]) is None


def test_effect_text_has_the_interval_s_digits() -> None:
    row = effects.Row("a", -0.12345, -0.141, -0.1059, 0.01, True, LOOKS[0])
    assert effects.effect_text(row) == "−12.3 % [−14.1, −10.6]"
    assert effects.effect_text(replace(row, low=math.nan, high=math.nan)) == "−12.3 %"
    assert effects.effect_text(replace(row, difference=3.2, low=1.0, high=5.4)) == "+320 % [100, 540]"
    assert effects.effect_text(replace(row, difference=0.0, low=0.0, high=0.0)) == "0.0 % [0.0, 0.0]"


def test_a_wide_forest_is_drawn_on_a_ratio_axis() -> None:
    row = effects.Row("far", 37.0, 34.0, 40.0, 1e-9, True, LOOKS[0])
    near = effects.Row("near", -0.999, -1.2, -0.7, 0.2, False, LOOKS[1])
    text = svg.render(figure_named("forest"), effects.Forest("base", "sojourn_s_p99", 0.95, True, (near, row)))
    assert "(%, log ratio)" in text
    assert ">+900<" in text
    assert ">0<" in text


def test_words_of_a_forest_do_not_meet() -> None:
    """A long effect beside its p-value, small differences along the axis: no two texts of a row overlap."""
    rows = [
        effects.Row("ejection_undone_by_checks", -0.570300, -0.576200, -0.564300, 1e-9, True, LOOKS[0]),
        effects.Row("weighted_least_connections", 0.000783, -0.000123, 0.001683, 0.081, False, LOOKS[1]),
    ]
    for shown in ([rows[0]], [rows[1]], rows):
        result = effects.Forest("base", "sojourn_s_p99", 0.95, True, tuple(shown))
        with matplotlib.rc_context(STYLE):
            figure = matplotlib.figure.Figure(figsize=figure_named("forest").size_in(result), layout="constrained")
            FigureCanvasSVG(figure)
            forest.draw(figure, result)
            figure.draw_without_rendering()
        axes, words = figure.axes
        texts = [text for text in [*words.texts, *axes.get_xticklabels()] if text.get_text()]
        boxes = [(text.get_text(), text.get_window_extent()) for text in texts]
        meet = [(a, b) for (a, one), (b, other) in combinations(boxes, 2) if one.overlaps(other.padded(6.0))]
        assert meet == []


def test_equal_pictures_inside_a_page_share_no_id() -> None:
    picture = '<image xlink:href="data:x" id="image1" transform="s"/>'
    page = svg.inline(f'<?xml?><svg viewBox="0 0 100 50" width="1" height="1"><g id="g"/>{picture}{picture}</svg>', "p")
    assert page.count("<image ") == 2
    assert re.findall(r' id="([^"]*)"', page) == ["p-g"]


def test_tail_keeps_the_ends_and_thins_the_middle() -> None:
    summary = single()
    prob = 1 - 10.0 ** (-np.linspace(0.05, 4.0, 1000))
    values = np.linspace(1.0, 2.0, 1000)
    summary.points[0].tail = TailCurve(prob, values, values * 0.9, values * 1.1)
    result = tail.analyze(summary, groups(summary)[0])
    assert result is not None
    assert result.slo_s == 4.0
    curve = next(curve for curve in result.curves if curve.name == "round_robin")
    assert len(curve.beyond) <= tail.POINTS_MAX
    assert (curve.beyond[0], curve.latency_s[0]) == (pytest.approx(10**0.05), 1.0)
    assert (curve.beyond[-1], curve.latency_s[-1]) == (pytest.approx(1e4), 2.0)
    for point in summary.points:
        point.tail = None
    assert tail.analyze(summary, groups(summary)[0]) is None


def test_quantiles_leave_out_what_is_not_reported() -> None:
    summary = single()
    for point in summary.points:
        del point.estimates["sojourn_s_p999"]
    summary.points[0].estimates.clear()
    result = quantiles.analyze(summary, groups(summary)[0])
    assert result is not None
    assert len(result.rows) == len(STRATEGIES) - 1
    assert {dot.label for row in result.rows for dot in row.dots} == {"p50", "p95", "p99"}
    for point in summary.points:
        point.estimates.clear()
    assert quantiles.analyze(summary, groups(summary)[0]) is None


def test_load_curves_rank_by_capacity_and_mark_unstable_points() -> None:
    summary = single(loads=(0.5, 0.8, 0.95))
    (panel,) = panels(summary)
    result = load.analyze(summary, panel)
    assert result is not None
    assert (result.key, result.metric, result.slo_max) == ("arrivals.utilization_ratio", "sojourn_s_p99", 4.0)
    assert result.series[0].name == "least_connections"
    assert result.series[-1].name == "random"
    assert [point.unstable for point in result.series[-1].points] == [False, False, True]
    assert [point.load for point in result.series[0].points] == [0.5, 0.8, 0.95]
    found = result.series[-1].capacity
    assert found is not None
    assert (found.kind, found.low, found.high) == ("between", 0.8, 0.95)


def test_load_curves_without_an_objective_show_the_studys_metric() -> None:
    summary = single(loads=(0.5, 0.8), slo_max=None, objective="goodput_per_s")
    for point in summary.points:
        point.keys["balancer.refresh_s"] = point.keys.pop("arrivals.utilization_ratio")
    (panel,) = panels(summary)
    result = load.analyze(summary, panel)
    assert result is not None
    assert (result.key, result.metric, result.unit, result.slo_max) == (
        "balancer.refresh_s", "goodput_per_s", "1/s", None,
    )  # fmt: skip
    text = svg.render(figure_named("load"), result)
    assert "refresh period of the load signal (s)" in text


def test_a_study_of_loads_alone_is_one_series() -> None:
    summary = single(loads=(0.5, 0.8), compared_key="arrivals.utilization_ratio", baseline=None)
    (panel, *_) = panels(summary)
    result = load.analyze(summary, panel)
    assert result is not None
    assert [series.name for series in result.series] == ["balancers"]


def test_one_load_makes_no_panel() -> None:
    summary = single(loads=(0.5,))
    assert panels(summary) == []
    assert load.analyze(summary, groups(summary)[0]) is None


def test_loads_that_are_no_numbers_make_no_panel() -> None:
    summary = single(loads=(0.5, 0.8))
    summary.points[0].keys["arrivals.utilization_ratio"] = "null"
    assert panels(summary) == []


def test_heat_shows_best_baseline_and_worst_once() -> None:
    summary = single()
    result = heat.analyze(summary, groups(summary)[0])
    assert result is not None
    assert [(part.name, part.role) for part in result.maps] == [
        ("least_connections", "best"), ("round_robin", "baseline"), ("random", "worst"),
    ]  # fmt: skip
    same = single(baseline="random")
    shared = heat.analyze(same, groups(same)[0])
    assert shared is not None
    assert [part.role for part in shared.maps] == ["best", "baseline, worst"]


def test_a_large_heat_map_is_averaged_and_keeps_its_facts() -> None:
    summary = single()
    grid = np.tile(np.array([[0.2, 0.4], [0.6, 0.8]]), (60, 240))  # 120 nodes, 480 bins
    grid[:2, :] = np.nan  # two nodes that never were there
    for point in summary.points:
        point.heat = HeatMap(np.linspace(0, 10, 481), [f"n{i}" for i in range(120)], grid)
    result = heat.analyze(summary, groups(summary)[0])
    assert result is not None
    part = result.maps[0]
    assert part.utilization.shape == (heat.ROWS_MAX, heat.COLUMNS_MAX)
    assert np.isnan(part.utilization[0]).all()
    assert np.allclose(part.utilization[1:], 0.5)
    assert part.node_ids[:2] == ("n0", "n2")
    assert part.mean_ratio == pytest.approx(0.5)
    assert part.imbalance_ratio == pytest.approx(0.7 / 0.5)
    assert "<image" in svg.render(figure_named("heat"), result)
    for point in summary.points:
        point.heat = None
    assert heat.analyze(summary, groups(summary)[0]) is None


def test_looks_are_fixed_by_name_and_differ() -> None:
    chosen = looks(["mine", *STRATEGIES, "yours"])
    assert set(FIXED) == set(STRATEGIES)
    assert len({look.color for look in chosen.values()}) == 12
    assert len({(look.dash, look.marker) for look in chosen.values()}) == 12
    assert looks(["prequal"])["prequal"] == chosen["prequal"]
    assert len(looks([f"s{at}" for at in range(40)])) == 40  # repeats, does not fail
    assert variables(dark=True).keys() == variables(dark=False).keys()
    assert variable_of("#0072B2") == "--look-blue"
    assert variable_of("#123456") is None


def luminance(color: str) -> float:
    """Relative luminance (WCAG 2.1)."""
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else math.pow((p + 0.055) / 1.055, 2.4) for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("dark", [False, True])
def test_lines_stand_out_from_the_paper(dark: bool) -> None:
    colors = variables(dark)
    paper = luminance(colors["--card"])
    for name, color in colors.items():
        if name.startswith("--look") or name in ("--ink", "--muted", "--alarm"):
            one, other = sorted((luminance(color), paper))
            wanted = 4.5 if name in ("--ink", "--muted", "--alarm") else 3.0  # WCAG 2.1: text, graphics
            assert (other + 0.05) / (one + 0.05) >= wanted, name


@pytest.mark.parametrize(("low", "high"), [(0.5, 2.4), (0.41, 0.54), (1, 1.5), (0.001, 900.0), (0.05, 0.4)])
def test_ticks_keep_apart(low: float, high: float) -> None:
    ticks = log_ticks(low, high)
    assert all(low <= tick <= high for tick in ticks)
    gaps = [math.log(after / before) / math.log(high / low) for before, after in pairwise(ticks)]
    assert min(gaps) >= TICK_GAP
    assert len(ticks) >= 3
    assert len({duration(tick) for tick in ticks}) == len(ticks)


def test_labels_are_spread_as_little_as_needed() -> None:
    assert spread([0.0, 1.0, 2.0], 0.5) == [0.0, 1.0, 2.0]
    assert spread([1.0, 1.0], 0.4) == pytest.approx([0.8, 1.2])
    placed = spread([0.5, 0.52, 0.1, 0.51], 0.1)
    assert placed == pytest.approx([0.41, 0.61, 0.1, 0.51])
    assert spread([], 0.1) == []

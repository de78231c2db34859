"""The figure of who flaps: decisions step by step, numbers with intervals, and what has nothing to show."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sim.measure.summary import StudySummary
from sim.report import svg
from sim.report.figures import flapping
from sim.report.groups import groups
from tests.report.synthetic import study
from tests.report.synthetic_fire import autoscalers


def moving(still: tuple[str, ...] = ("none",), **changes: object) -> StudySummary:
    """The synthetic policies, each with a decision every hour of its day; `still` ones never change."""
    summary = autoscalers(**changes)
    for at, point in enumerate(summary.points):
        assert point.timeline is not None
        name = point.keys["autoscaler"]
        hours = 1 if name in still else 24
        nodes = 5.0 + at % 3 + np.arange(hours) % 2
        point.timeline = replace(point.timeline, scale_at=3600.0 * np.arange(hours), scale_nodes=nodes)
    return summary


def result_of(summary: StudySummary) -> flapping.Flapping:
    result = flapping.analyze(summary, groups(summary)[0])
    assert result is not None
    return result


def test_rows_from_calm_to_restless_with_what_sets_them_apart() -> None:
    result = result_of(moving(baseline="threshold"))
    calm = [float(row.reversals.split(" ")[0]) for row in result.rows]
    assert calm == sorted(calm)
    assert "none" not in [row.name for row in result.rows]
    assert result.note.endswith("Left out, never changed: none.")
    own = next(row for row in result.rows if row.name == "threshold")
    assert (own.difference, own.p_value, result.baseline) == ("", "", "threshold")
    hpa = next(row for row in result.rows if row.name == "hpa")
    assert hpa.difference.startswith("−")
    assert f"hpa {hpa.reversals} ({hpa.difference} against threshold, Holm p {hpa.p_value})" in result.note
    text = svg.render(flapping.FIGURE, result)
    assert f">{hpa.difference}<" in text
    assert ">against the baseline<" in text
    assert hpa.difference in flapping.describe(result)


def test_without_a_baseline_or_an_interval_the_numbers_stand_alone() -> None:
    summary = moving(baseline=None, comparisons=[])
    result = result_of(summary)
    assert all(not row.difference for row in result.rows)
    assert "against the baseline" not in svg.render(flapping.FIGURE, result)
    once = moving(baseline="threshold")
    once.comparisons = [replace(pair, ci_low=np.nan, ci_high=np.nan) for pair in once.comparisons]
    assert {row.difference.count("[") for row in result_of(once).rows} == {0}


def test_the_calmest_are_left_out_where_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flapping, "ROWS_MAX", 2)
    result = result_of(moving())
    assert len(result.rows) == 2
    assert "Left out, 2 rows at most: " in result.note


def test_nothing_to_show() -> None:
    plain = study(situations=("",))
    assert flapping.analyze(plain, groups(plain)[0]) is None
    names = tuple(point.keys["autoscaler"] for point in autoscalers().points)
    summary = moving(still=names)
    assert flapping.analyze(summary, groups(summary)[0]) is None

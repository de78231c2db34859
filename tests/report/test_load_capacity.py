"""Capacity at the objective: where a load curve crosses it, and what is said where it does not."""

from __future__ import annotations

import math

import pytest

from sim.report.capacity import LoadPoint, capacity


def points(*values: float, spread: float = 1.1, unstable: tuple[int, ...] = ()) -> list[LoadPoint]:
    """A curve over loads .5, .6, ...; interval ends a factor `spread` apart from the value."""
    return [
        LoadPoint(0.5 + 0.1 * at, value, value / spread, value * spread, at in unstable)
        for at, value in enumerate(values)
    ]


def test_crossing_is_interpolated_on_the_logarithm() -> None:
    found = capacity(points(1.0, 4.0), slo_max=2.0)
    assert found.kind == "at"
    assert found.load == pytest.approx(0.55)  # 2 is halfway from 1 to 4 on a logarithmic axis


def test_range_is_where_the_interval_ends_cross() -> None:
    found = capacity(points(1.0, 4.0, 16.0, spread=2.0), slo_max=4.0 * math.sqrt(2.0))
    # value crosses a quarter of the way from .6 to .7; the upper end a half earlier, the lower end a half later
    assert found.load == pytest.approx(0.625)
    assert found.low == pytest.approx(0.575)
    assert found.high == pytest.approx(0.675)
    assert found.text() == "0.625 ± 0.050"


def test_outside_of_what_was_swept() -> None:
    assert capacity(points(3.0, 4.0), 2.0).text() == "< 0.5"
    assert capacity(points(1.0, 1.5), 2.0).text() == "> 0.6"


def test_a_range_that_leaves_the_sweep_is_one_sided() -> None:
    assert capacity(points(1.0, 2.1), 2.0).text() == "0.593 (at least 0.581)"
    assert capacity(points(1.95, 4.0), 2.0).text() == "0.504 (at most 0.517)"


def test_nothing_is_interpolated_to_an_unstable_load() -> None:
    found = capacity(points(1.0, 1.5, 1.2, unstable=(2,)), 2.0)
    assert found.kind == "between"
    assert [found.low, found.high] == pytest.approx([0.6, 0.7])
    assert found.text() == "0.6 to 0.7"
    assert capacity(points(1.0, unstable=(0,)), 2.0).text() == "< 0.5"


def test_a_load_without_a_value_is_passed_over() -> None:
    curve = points(1.0, math.nan, 4.0)
    assert capacity(curve, 2.0).load == pytest.approx(0.6)
    only = capacity([LoadPoint(0.5, 1.0, math.nan, math.nan, False), LoadPoint(0.6, 4.0, math.nan, math.nan, False)], 2)
    assert only.text() == "0.55"

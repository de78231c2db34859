"""Scores of claims on rows made by hand, where every number is known."""

from __future__ import annotations

import math

import pytest

from sim.bench.optimize.spread import over_seeds
from sim.bench.optimize.truths import (
    Judged,
    brier,
    calibration_error,
    is_covered,
    is_harm,
    ratio_over_seeds,
    reliability,
    share,
)


def _row(seed: int, claimed: float, true: float, confidence: float = 0.9, half: float = 2.0) -> Judged:
    return Judged("llm", seed, 100, claimed, claimed - half, claimed + half, confidence, True, true)


def test_bias_is_the_sum_of_what_was_claimed_too_much_over_the_true_gain() -> None:
    rows = [_row(1, 12.0, 10.0), _row(2, 9.0, 10.0)]
    found = ratio_over_seeds(rows, [1, 2], lambda row: row.claimed - row.true, lambda row: row.true)
    assert found.value == pytest.approx(0.05)
    assert found.low == pytest.approx(-0.1)  # both draws the second seed
    assert found.high == pytest.approx(0.2)


def test_coverage_and_harm_are_shares() -> None:
    rows = [_row(1, 10.0, 11.9), _row(1, 10.0, 12.1), _row(2, 10.0, -0.9), _row(2, 10.0, -1.1)]
    assert share(rows, [1, 2], is_covered).value == 0.25
    assert share(rows, [1, 2], is_harm).value == 0.25


def test_calibration_error_of_the_sure_who_are_right_half_the_time() -> None:
    rows = [_row(seed, 5.0, 5.0 if seed % 2 else -5.0, confidence=1.0) for seed in range(100)]
    bins = reliability(rows)
    assert [each.count for each in bins] == [10] * 10
    assert calibration_error(bins) == pytest.approx(0.5)
    assert brier(rows) == pytest.approx(0.5)
    honest = [_row(seed, 5.0, 5.0 if seed % 10 < 7 else -5.0, confidence=0.7) for seed in range(100)]
    assert calibration_error(reliability(honest)) == pytest.approx(0.0)
    assert brier(honest) == pytest.approx(0.21)


def test_without_rows_nothing_is_known() -> None:
    assert reliability([]) == ()
    assert math.isnan(calibration_error(()))
    assert math.isnan(brier([]))


def test_one_seed_has_no_interval_and_the_bootstrap_is_the_same_again() -> None:
    assert math.isnan(over_seeds(1, lambda chosen: 1.0).low)
    values = [1.0, 2.0, 4.0, 8.0]

    def mean(chosen: object) -> float:
        return sum(values[at] for at in chosen) / 4  # type: ignore[attr-defined]

    assert over_seeds(4, mean) == over_seeds(4, mean)
    assert over_seeds(4, mean).low < 3.75 < over_seeds(4, mean).high

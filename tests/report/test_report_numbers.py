"""Numbers, units and names as people read them."""

from __future__ import annotations

import math

import pytest

from sim.report.names import key_label, metric_name, scale_of
from sim.report.numbers import (
    MILLISECONDS,
    MISSING,
    PERCENT,
    SECONDS,
    Scale,
    duration,
    fixed,
    p_text,
    signed,
    significant,
    time_scale,
    with_half_width,
)


@pytest.mark.parametrize(
    ("mean", "half_width", "shown"),
    [
        (1.23456, 0.01234, ("1.235", "0.012")),
        (812.4, 14.2, ("812", "14")),
        (12345.6, 123.0, ("12,350", "120")),
        (0.5, 0.0996, ("0.500", "0.100")),
        (-3.21, 0.55, ("−3.21", "0.55")),
        (0.001, 0.02, ("0.001", "0.020")),
        (13.888888, 0.0, ("13.89", "")),
        (2.0, math.nan, ("2", "")),
        (math.nan, 1.0, (MISSING, "")),
        (0.0, 0.0, ("0", "")),  # nothing ever waits
    ],
)
def test_digits_follow_the_interval(mean: float, half_width: float, shown: tuple[str, str]) -> None:
    assert with_half_width(mean, mean - half_width, mean + half_width) == shown


@pytest.mark.parametrize(
    ("value", "digits", "shown"),
    [
        (0.0, 4, "0"),
        (1.0, 4, "1"),
        (1234567.0, 3, "1,230,000"),
        (0.00012345, 3, "0.000123"),
        (1.5e-9, 3, "1.50e−09"),
        (math.inf, 3, MISSING),
        (1000.0, 4, "1,000"),
    ],
)
def test_significant_digits(value: float, digits: int, shown: str) -> None:
    assert significant(value, digits) == shown


def test_signs_and_zero() -> None:
    assert fixed(-0.0004, 2) == "0.00"
    assert signed(3.14159, 1) == "+3.1"
    assert signed(-3.14159, 1) == "−3.1"
    assert signed(0.004, 1) == "0.0"


def test_p_values_and_durations() -> None:
    assert [p_text(p) for p in (0.00099, 0.001, 0.0421, 1.0, math.nan)] == ["< 0.001", "0.001", "0.042", "1.000", "–"]
    assert [duration(s) for s in (0.0, 0.25, 0.9999, 1.0, 2.5, 120.0, math.nan)] == [
        "0 s", "250 ms", "1,000 ms", "1 s", "2.5 s", "120 s", MISSING,
    ]  # fmt: skip


def test_a_column_is_in_milliseconds_when_its_median_is_below_a_second() -> None:
    assert time_scale([0.2, 0.4, 30.0]) == MILLISECONDS
    assert time_scale([0.2, 4.0, 30.0, math.nan]) == SECONDS
    assert time_scale([]) == SECONDS


def test_metric_names() -> None:
    assert metric_name("sojourn_s_p999").label == "p99.9 latency"
    assert metric_name("sojourn_s_p999").short == "p99.9"
    assert metric_name("ttft_s_p99").short == "time to first token p99"
    assert metric_name("detection_s").label == "failure detection"
    assert metric_name("my_own").label == "my_own"
    assert metric_name("cost").smaller_is_better
    assert not metric_name("goodput_per_s").smaller_is_better
    assert key_label("balancer.refresh_s") == "refresh period of the load signal (s)"
    assert key_label("some.key") == "some.key"


def test_scales() -> None:
    assert scale_of("success_ratio", "1", [0.5]) == PERCENT
    assert scale_of("imbalance_ratio", "1", [1.1]) == Scale(1.0, "")
    assert scale_of("cost", "price units", [3.0]) == Scale(1.0, "price units")
    assert scale_of("wait_s_mean", "s", [0.1]) == MILLISECONDS
    assert scale_of("my_own", "1", [3.0]) == Scale(1.0, "")
    assert scale_of("my_own_bytes", "B", [3.0]) == Scale(1.0, "B")

"""Timestamps: units, ISO text, exact differences."""

from __future__ import annotations

import pytest

from sim.world.traces.instants import TICKS_PER_S, ticks, unit_of


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("0.25", "s"),
        ("1700000000.123", "s"),
        ("1700000000123", "ms"),
        ("1700000000123456", "us"),
        ("1700000000123456789", "ns"),
        ("2023-11-16 18:17:03.9799600", "iso"),
        ("2023-11-16T18:17:03Z", "iso"),
    ],
)
def test_auto_tells_the_unit_by_size_or_form(text: str, unit: str) -> None:
    assert unit_of(text, "auto") == unit
    assert unit_of(text, "us") == "us"  # what is said is not guessed


def test_what_is_neither_number_nor_time_is_refused() -> None:
    for text in ("", "yesterday", "2023-13-01", "nan", "-sNaN1"):
        with pytest.raises(ValueError, match=r"."):
            unit_of(text, "auto")


@pytest.mark.parametrize(
    ("text", "unit", "seconds"),
    [("1.5", "s", 1.5), ("1500", "ms", 1.5), ("1500000", "us", 1.5), ("15e8", "ns", 1.5), ("-2", "s", -2.0)],
)
def test_numbers_in_their_unit(text: str, unit: str, seconds: float) -> None:
    assert ticks(text, unit) == int(seconds * TICKS_PER_S)


@pytest.mark.parametrize("text", ["nan", "inf", "1e31", "1:30", ""])
def test_numbers_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"no number|out of range"):
        ticks(text, "s")


def test_iso_times_keep_every_digit() -> None:
    first, second = (ticks(f"2023-11-16 18:17:03.97996{tail}", "iso") for tail in ("00", "01"))
    assert second - first == 10**5  # 100 ns in picoseconds
    assert ticks("1970-01-01 00:00:01.5", "iso") == 3 * TICKS_PER_S // 2
    assert ticks("1970-01-02", "iso") == 86_400 * TICKS_PER_S
    assert ticks("1970-01-01T00:00:00.123456789012345", "iso") == 123456789012


def test_time_zones_are_differences() -> None:
    plain = ticks("2024-02-29 12:00:00.25", "iso")
    assert ticks("2024-02-29 12:00:00.25Z", "iso") == plain
    assert ticks("2024-02-29T14:00:00.25+02:00", "iso") == plain
    assert ticks("2024-02-29T07:30:00.25-04:30", "iso") == plain


@pytest.mark.parametrize("text", ["2024-02-30 00:00:00", "12:00", "2024-02-29 12:00:00.x", "1700000000"])
def test_iso_times_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        ticks(text, "iso")

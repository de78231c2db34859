"""Timestamps of a trace as whole picoseconds: numbers with a unit, or ISO 8601 text with up to 12 fraction digits.

Instants are differences of whole numbers to the first row, turned into float seconds by one correctly rounded division,
so that a timestamp of today keeps its last digit. `auto` tells epoch numbers by their size (above 1e17 ns, 1e14 us,
1e11 ms), takes other numbers as seconds and the rest as ISO.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache

TICKS_PER_S = 10**12
DIGITS = {"s": 12, "ms": 9, "us": 6, "ns": 3}  # decimal places from the unit to a picosecond
ACCEPTED = "a number or an ISO 8601 time such as 2023-11-16 18:17:03.9799600"
EPOCH = datetime(1970, 1, 1)
EPOCH_UTC = EPOCH.replace(tzinfo=UTC)
SECONDS_KEPT_MAX = 1024
LARGEST = Decimal("1e30")


def unit_of(text: str, unit: str) -> str:
    """The unit in which a first timestamp is written; raises ValueError when it is neither number nor ISO."""
    if unit != "auto":
        return unit
    try:
        value = Decimal(text).copy_abs()  # `abs` rounds, and may overflow
    except InvalidOperation:
        ticks(text, "iso")
        return "iso"
    if value.is_nan():  # a number by its type, and not to be compared
        raise ValueError(f"{text!r} is no number")
    for name, bound in (("ns", "1e17"), ("us", "1e14"), ("ms", "1e11")):
        if value > Decimal(bound):
            return name
    return "s"


def ticks(text: str, unit: str) -> int:
    """Whole picoseconds (digits beyond are dropped); raises ValueError."""
    if unit == "iso":
        head, _, tail = text.partition(".")
        fraction = tail if tail.isdecimal() else tail[: _digits_count(tail)]
        return _seconds(head + tail[len(fraction) :]) * TICKS_PER_S + int((fraction + "0" * 12)[:12])
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{text!r} is no number") from None
    if not (value.is_finite() and value.copy_abs() < LARGEST):
        raise ValueError(f"{text!r} is out of range")
    return int(value.scaleb(DIGITS[unit]))


def _digits_count(tail: str) -> int:
    """Leading digits of what follows the decimal point (the rest is a time zone)."""
    return len(tail) - len(tail.lstrip("0123456789"))


@lru_cache(maxsize=SECONDS_KEPT_MAX)
def _seconds(text: str) -> int:
    """Whole seconds since 1970 of an ISO time without fraction; without a zone it is taken as UTC."""
    moment = datetime.fromisoformat(text)
    since = moment - (EPOCH if moment.tzinfo is None else EPOCH_UTC)
    return since.days * 86_400 + since.seconds

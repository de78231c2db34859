"""Numbers as people read them: as many digits as the interval supports, in a unit that keeps them short.

A half-width is shown with two significant digits and its mean to the same decimal place (GUM, JCGM 100:2008, 7.2.6).
Without a usable interval a mean gets four significant digits. Only labels change: files keep full precision.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

MISSING = "–"  # what is shown where nothing was estimated


@dataclass(frozen=True, slots=True)
class Scale:
    """A factor and the unit it leads to, e.g. 1000 and `ms`."""

    factor: float
    unit: str


SECONDS, MILLISECONDS = Scale(1.0, "s"), Scale(1000.0, "ms")
PERCENT, PLAIN = Scale(100.0, "%"), Scale(1.0, "")


def time_scale(values_s: Iterable[float]) -> Scale:
    """Milliseconds if the typical (median) of the finite values is below one second, else seconds."""
    finite = sorted(abs(value) for value in values_s if math.isfinite(value))
    return MILLISECONDS if finite and finite[len(finite) // 2] < 1.0 else SECONDS


def decimals(half_width: float) -> int:
    """Decimal places that show `half_width` with two significant digits (negative: round to tens, hundreds)."""
    return 1 - math.floor(math.log10(half_width))


def fixed(value: float, places: int) -> str:
    """`value` rounded to `places` decimals, with thousands set apart by commas and a true minus sign."""
    rounded = round(value, places)
    if rounded == 0:
        rounded = 0.0  # no minus before a zero
    text = f"{rounded:,.{max(places, 0)}f}"
    return text.replace("-", "−")


def significant(value: float, digits: int = 4) -> str:
    """`value` to `digits` significant digits, without an exponent between 1e-6 and 1e9."""
    if not math.isfinite(value):
        return MISSING
    if value == 0:
        return "0"
    if not 1e-6 <= abs(value) < 1e9:
        return f"{value:.{digits - 1}e}".replace("-", "−")
    places = digits - 1 - math.floor(math.log10(abs(value)))
    text = fixed(value, places)
    return text.rstrip("0").rstrip(".") if "." in text else text


def percent(ratio: float, digits: int = 2) -> str:
    """A share as `12 %`, the missing mark where there is none."""
    return f"{significant(100 * ratio, digits)} %" if math.isfinite(ratio) else MISSING


def with_half_width(mean: float, low: float, high: float) -> tuple[str, str]:
    """The mean and its half-width as texts; the second is empty where there is no interval (one replication)."""
    if not math.isfinite(mean):
        return MISSING, ""
    half_width = (high - low) / 2
    if not math.isfinite(half_width) or half_width <= abs(mean) * 1e-9:
        return significant(mean), ""
    places = min(decimals(half_width), 9)
    return fixed(mean, places), fixed(half_width, places)


def signed(value: float, places: int) -> str:
    """As `fixed`, with a plus before what is above zero."""
    text = fixed(value, places)
    return text if value <= 0 or not any(digit in text for digit in "123456789") else "+" + text


def p_text(p_value: float) -> str:
    """A p-value: three decimals, `< 0.001` below that."""
    if not math.isfinite(p_value):
        return MISSING
    return "< 0.001" if p_value < 0.001 else f"{p_value:.3f}"


def duration(value_s: float) -> str:
    """An instant or a duration for prose and axis ticks: `250 ms`, `2.5 s`."""
    if not math.isfinite(value_s):
        return MISSING
    if value_s != 0 and abs(value_s) < 1.0:
        return f"{significant(value_s * 1000, 3)} ms"
    return f"{significant(value_s, 3)} s"

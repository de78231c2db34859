"""Demands from a measured distribution: CDF points (value in s, F), linear in between, by inversion.

What lies above the last F of the file (some stop at .999) is put on the last value, and what lies below the first F on
the first: what was not measured is not invented. `service.scale` multiplies the values. `service.mean_s` is not read:
the mean is that of the points.
"""

from __future__ import annotations

import math
from array import array
from pathlib import Path

from sim.errors import ConfigError, InputError
from sim.registry import register
from sim.world.params import ServiceParams
from sim.world.service.laws import InversionLaw
from sim.world.traces.lines import Lines
from sim.world.traces.sources import missing

VALUE = "seconds, 0 or more, not below the row above"
LEVEL = "a share in 0..1, not below the row above"


def read_points(path: str) -> tuple[list[float], list[float]]:
    """Values (s) and F of a file of two columns (blank or comma between); raises `InputError` naming row and column."""
    if not Path(path).is_file():
        raise InputError(path, None, None, missing(path))
    values: list[float] = [0.0]
    levels: list[float] = [0.0]
    with Lines(path) as lines:
        for line in lines:
            cells = line.replace(",", " ").split()
            if cells:
                values.append(_number(path, lines.number, cells, 0, values[-1], math.inf))
                levels.append(_number(path, lines.number, cells, 1, levels[-1], 1.0))
    if len(values) < 3:
        raise InputError(path, None, None, f"{len(values) - 1} points; accepted are two or more (value s, F a row)")
    return values[1:], levels[1:]


def _number(path: str, row: int, cells: list[str], column: int, low: float, high: float) -> float:
    text = cells[column] if column < len(cells) else ""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (low <= value <= high and value < math.inf and len(cells) == 2):
        name, accepted = ("value", VALUE) if column == 0 else ("F", LEVEL)
        raise InputError(path, row, name, f"{text!r} is not accepted; accepted is {accepted}, two columns a row")
    return value


def mean_of(values: list[float], levels: list[float]) -> float:
    """Mean of the distribution that is linear between the points, in the unit of the values."""
    pieces = zip(values, values[1:], levels, levels[1:], strict=False)
    inner = math.fsum((low + high) * 0.5 * (f_high - f_low) for low, high, f_low, f_high in pieces)
    return inner + values[0] * levels[0] + values[-1] * (1.0 - levels[-1])


class Points:
    """Values (seconds) and their levels F, both ascending."""

    __slots__ = ("levels", "values")

    def __init__(self, values: list[float], levels: list[float]) -> None:
        self.values, self.levels = array("d", values), array("d", levels)


def empirical_work(of: Points, u: float) -> float:
    """Linear between the points, seconds; a plain function."""
    levels, values = of.levels, of.values
    low, high = 0, len(levels)
    while low < high:
        middle = (low + high) >> 1
        if levels[middle] < u:
            low = middle + 1
        else:
            high = middle
    if low == 0:
        return values[0]
    if low == len(levels):
        return values[low - 1]
    before, after = levels[low - 1], levels[low]
    return values[low - 1] + (values[low] - values[low - 1]) * (u - before) / (after - before)


@register("service", "empirical")
def empirical(params: ServiceParams) -> InversionLaw:
    """The distribution of `service.path`; raises `ConfigError` without one or for a mean of 0."""
    if params.path is None:
        raise ConfigError("service.path", None, "the path of a file of CDF points (value s, F)")
    points, levels = read_points(params.path)
    values = [value * params.scale for value in points]
    mean_s = mean_of(values, levels)
    if mean_s == 0.0:
        raise ConfigError("service.path", params.path, "a distribution with a mean above 0")

    return InversionLaw(mean_s, empirical_work, Points(values, levels))

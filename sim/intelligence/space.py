"""The parameters as a unit cube: linear or logarithmic between their bounds, whole numbers once snapped.

Points are arrays (m, p) in the order of the parameters; a mapping of names is what the rest of the world sees. Whatever
goes out is finite, inside its bounds and whole where it must be.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from sim.errors import ConfigError
from sim.intelligence.protocol import Parameter

Floats = NDArray[np.float64]
PARAMETERS_MAX = 16


class Space:
    """Bounds and scales; raises `ConfigError` for what is no box."""

    def __init__(self, parameters: Sequence[Parameter]) -> None:
        if not 1 <= len(parameters) <= PARAMETERS_MAX:
            raise ConfigError("space", len(parameters), f"1..{PARAMETERS_MAX} parameters")
        for each in parameters:
            if not (math.isfinite(each.low) and math.isfinite(each.high) and each.low < each.high):
                raise ConfigError(f"space.{each.name}", (each.low, each.high), "finite bounds, low below high")
            if each.is_log and each.low <= 0.0:
                raise ConfigError(f"space.{each.name}.low", each.low, "above 0 on a logarithmic scale")
        self.parameters = tuple(parameters)
        self.names = tuple(each.name for each in parameters)

    def __len__(self) -> int:
        return len(self.parameters)

    def to_unit(self, params: Mapping[str, float]) -> Floats:
        """Shape (p,): a setting in the unit cube, clipped to it. Raises `ConfigError` if a parameter is missing."""
        unit = np.empty(len(self))
        for at, each in enumerate(self.parameters):
            if each.name not in params:
                raise ConfigError(f"params.{each.name}", None, "a number")
            value = min(max(float(params[each.name]), each.low), each.high)
            if each.is_log:
                unit[at] = math.log(value / each.low) / math.log(each.high / each.low)
            else:
                unit[at] = (value - each.low) / (each.high - each.low)
        return unit

    def to_units(self, settings: Sequence[Mapping[str, float]]) -> Floats:
        """Shape (m, p): many settings at once, as `to_unit`."""
        values = np.array([[float(params[name]) for name in self.names] for params in settings], dtype=np.float64)
        values = values.reshape(len(settings), len(self))
        for at, each in enumerate(self.parameters):
            column = np.clip(values[:, at], each.low, each.high)
            if each.is_log:
                values[:, at] = np.log(column / each.low) / math.log(each.high / each.low)
            else:
                values[:, at] = (column - each.low) / (each.high - each.low)
        return values

    def to_params(self, unit: Floats) -> dict[str, float]:
        """A point (p,) of the unit cube as parameters, snapped."""
        found = {}
        for at, each in enumerate(self.parameters):
            share = min(max(float(unit[at]), 0.0), 1.0)
            value = each.low * (each.high / each.low) ** share if each.is_log else each.low + share * self._width(at)
            value = min(max(value, each.low), each.high)
            found[each.name] = float(round(value)) if each.is_whole else value
        return found

    def contains(self, params: Mapping[str, float]) -> bool:
        """Whether every parameter is given, finite and within its bounds."""
        values = [float(params.get(each.name, math.nan)) for each in self.parameters]
        return all(each.low <= value <= each.high for each, value in zip(self.parameters, values, strict=True))

    def _width(self, at: int) -> float:
        return self.parameters[at].high - self.parameters[at].low

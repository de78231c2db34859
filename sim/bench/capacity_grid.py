"""The grid that a search for capacity walks: from `capacity.low` to `capacity.high` in steps of one ordered key.

Index 0 is the value that should serve worst (the fewest nodes, the highest load), the last one that should serve best.
What would move the load along with the key, or makes no grid, is refused by its key before anything runs.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass

from sim.bench.keys import Key, accepted, find, near
from sim.bench.schema import Config
from sim.errors import ConfigError
from sim.measure.metrics import MAXIMIZED

VALUES_MAX = 100_000
MOVES_LOAD = ("fleet.", "service.")  # what arrivals.utilization_ratio is a share of
DIGITS = 12


@dataclass(frozen=True, slots=True)
class Grid:
    """Values of `key`: `low + j step`, turned round where the largest is wanted."""

    key: str
    low: float
    step: float
    count: int
    whole: bool
    rising: bool  # in the order of the indices

    def value(self, index: int) -> int | float:
        """The key's value at an index."""
        steps = index if self.rising else self.count - 1 - index
        value = float(f"{self.low + steps * self.step:.{DIGITS}g}")
        return round(value) if self.whole else value

    def text(self, index: int) -> str:
        """As it stands in a label."""
        return f"{self.value(index):.{DIGITS}g}"

    def index(self, text: str) -> int:
        """Of a value that `text` gave."""
        steps = round((float(text) - self.low) / self.step)
        return steps if self.rising else self.count - 1 - steps


def is_searched(config: Config) -> bool:
    """Whether a study looks for an edge."""
    return config.capacity.key is not None


def grid_of(config: Config) -> Grid:
    """The grid that the config asks for; raises `ConfigError`."""
    wanted = config.capacity
    key = _key(wanted.key or "")
    whole = key.annotation.startswith("int")
    for name, value in (("capacity.low", wanted.low), ("capacity.high", wanted.high), ("capacity.step", wanted.step)):
        if not math.isfinite(value) or (whole and value != round(value)):
            raise ConfigError(name, value, f"a {'whole ' if whole else ''}number, as {key.name} takes it")
    if not wanted.high > wanted.low:
        raise ConfigError("capacity.high", wanted.high, f"a number above capacity.low ({wanted.low:g})")
    steps = (wanted.high - wanted.low) / wanted.step if wanted.step > 0.0 else 0.0
    if not 1 <= round(steps) < VALUES_MAX or not math.isclose(steps, round(steps), rel_tol=1e-9):
        one = f"{wanted.low:g} plus a whole number of steps of {wanted.step:g}, fewer than {VALUES_MAX:,} of them"
        raise ConfigError("capacity.high", wanted.high, one)
    return Grid(key.name, wanted.low, wanted.step, round(steps) + 1, whole, wanted.wanted == "smallest")


def _key(name: str) -> Key:
    key = find(name)
    if key is None or key.mapping:
        raise ConfigError("capacity.key", name, near(name))
    if not key.annotation.startswith(("int", "float")):
        raise ConfigError("capacity.key", name, f"a key that takes numbers ({name} takes {accepted(key)})")
    return key


def check_capacity(config: Config) -> None:
    """Raises `ConfigError` for a search that could not end in an answer."""
    if not is_searched(config):
        return
    grid = grid_of(config)
    if config.slo.max is None:
        raise ConfigError(
            "slo.max",
            None,
            "a number above 0: the objective that capacity.key is searched for",
            "slo.max=20 asks for a p99 of 20 s",
        )
    if config.slo.metric in MAXIMIZED:
        raise ConfigError("slo.metric", config.slo.metric, "a metric of which less is better, with capacity.key")
    if config.arrivals.utilization_ratio is not None and grid.key.startswith(MOVES_LOAD):
        wanted = f"null with capacity.key={grid.key} (give arrivals.rate_per_s: a share of the fleet grows with it)"
        raise ConfigError("arrivals.utilization_ratio", config.arrivals.utilization_ratio, wanted)
    stats = config.stats
    if stats.replications < 2:
        raise ConfigError("stats.replications", stats.replications, "2 or more with capacity.key (a bound needs them)")
    if stats.select != "none":
        raise ConfigError("stats.select", stats.select, "none with capacity.key")
    if stats.precision_ratio is not None:
        raise ConfigError("stats.precision_ratio", stats.precision_ratio, "null with capacity.key")


def with_value(config: Config, key: str, value: int | float) -> Config:
    """A copy of the config with another value of the key."""
    changed = copy.deepcopy(config)
    *sections, last = key.split(".")
    part = changed
    for name in sections:
        part = getattr(part, name)
    setattr(part, last, value)
    return changed

"""A folder of results as two that are compared need it: values, replications, what made them, how long they took.

`points.csv` must be there; without `manifest.json`, `replications.csv` or `timings.json` less can be said.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from sim.bench.broken_csv import refused_where_broken
from sim.errors import InputError
from sim.measure.summary import Floats

COLUMNS = ("point", "metric", "mean", "ci_low", "ci_high")
TIMINGS = "timings.json"
Key = tuple[str, str]  # point and metric
SAME_BITS = ("code", "numpy", "scipy", "simpy", "libm", "machine", "cpu_features")  # what equal bits are promised for


@dataclass(frozen=True, slots=True)
class Value:
    """A metric of a point; NaN where the file has no number."""

    mean: float
    ci_low: float
    ci_high: float

    def apart(self, other: Value) -> bool:
        """True when the two intervals do not meet."""
        return self.ci_low > other.ci_high or other.ci_low > self.ci_high

    def same(self, other: Value) -> bool:
        """True when the means are the same number."""
        return self.mean == other.mean or (math.isnan(self.mean) and math.isnan(other.mean))


@dataclass(frozen=True, slots=True)
class Results:
    """What a folder holds; `versions` and `designs` (point -> what it simulated) are empty without a manifest."""

    folder: Path
    values: dict[Key, Value]
    replications: dict[Key, Floats]
    versions: dict[str, str] = field(default_factory=dict)
    designs: dict[str, Any] = field(default_factory=dict)
    wall_s: dict[str, list[float]] = field(default_factory=dict)


def results_in(folder: Path) -> Results:
    """Read a folder; raises `InputError` for one without results, or with files that are broken."""
    path = folder / "manifest.json"
    manifest = _json(path)
    points, made_by = manifest.get("points", []), manifest.get("versions", {})
    if not isinstance(points, list) or not isinstance(made_by, dict):
        raise InputError(str(path), None, None, "a list of points and versions by name were expected")
    designs = {
        str(point["point"]): {name: point.get(name) for name in ("config", "seed", "engine", "inputs")}
        for point in points
        if isinstance(point, dict) and "point" in point
    }
    versions = {str(name): str(text) for name, text in made_by.items()}
    try:
        wall_s = {str(point): [float(s) for s in taken] for point, taken in _json(folder / TIMINGS).items()}
    except (TypeError, ValueError, OverflowError):
        raise InputError(str(folder / TIMINGS), None, None, "lists of seconds by point were expected") from None
    return Results(folder, points_of(folder), dict(_replications(folder)), versions, designs, wall_s)


MAKES = "victor-sim run makes one in results/NAME"


def points_of(folder: Path) -> dict[Key, Value]:
    """(point, metric) -> value, as `points.csv` of `folder` has them; raises `InputError`."""
    path = folder / "points.csv"
    if not path.is_file():
        raise InputError(str(path), None, None, "no such file; a results folder holds points.csv", MAKES)
    found = {}
    with refused_where_broken(path), path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
        if missing:
            raise InputError(str(path), 1, missing[0], "no such column; accepted is a points.csv as `run` writes it")
        for number, row in enumerate(reader, start=2):
            numbers = (_number(path, number, name, row[name]) for name in COLUMNS[2:])
            found[row["point"], row["metric"]] = Value(*numbers)
    return found


def _replications(folder: Path) -> Iterator[tuple[Key, Floats]]:
    path = folder / "replications.csv"
    if not path.is_file():
        return
    with refused_where_broken(path), path.open(newline="", encoding="utf-8") as file:
        rows = csv.reader(file)
        next(rows, None)
        for number, row in enumerate(rows, start=2):
            if len(row) < 2:
                raise InputError(str(path), number, None, "a point, a metric and its replications were expected")
            yield (row[0], row[1]), np.array([_number(path, number, "value", text) for text in row[2:] if text])


def _json(path: Path) -> dict[str, Any]:
    """A JSON object; empty where there is no such file."""
    if not path.is_file():
        return {}
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(str(path), None, None, f"no JSON that can be read: {error}") from error
    if not isinstance(tree, dict):
        raise InputError(str(path), None, None, "a JSON object was expected")
    return tree


def _number(path: Path, row: int, column: str, text: str) -> float:
    try:
        return float(text) if text else math.nan
    except ValueError:
        raise InputError(str(path), row, column, f"{text!r} is no number") from None

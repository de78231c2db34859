"""Two results side by side: the points and metrics that both `points.csv` have, and where their intervals part."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from pathlib import Path

from sim.errors import InputError

COLUMNS = ("point", "metric", "mean", "ci_low", "ci_high")


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


def against(one: Path, other: Path) -> tuple[str, bool]:
    """A table as text, and whether all shared numbers are equal; raises `InputError` for a folder without results."""
    ours, theirs = points_of(one), points_of(other)
    shared = [key for key in ours if key in theirs]
    lines = [
        f"{point}  {metric}: {_told(ours[point, metric], theirs[point, metric])}"
        for point, metric in shared
        if not ours[point, metric].same(theirs[point, metric])
    ]
    head = f"{len(shared)} numbers in both, {len(lines)} differ; only in {one}: {len(ours) - len(shared)}, "
    head += f"only in {other}: {len(theirs) - len(shared)}"
    return "\n".join([head, *lines]), not lines


def _told(ours: Value, theirs: Value) -> str:
    change = f"{(theirs.mean / ours.mean - 1.0) * 100.0:+.2f} %" if ours.mean else "from 0"
    apart = ", intervals apart" if ours.apart(theirs) else ""
    return f"{ours.mean:.6g} -> {theirs.mean:.6g} ({change}{apart})"


def points_of(folder: Path) -> dict[tuple[str, str], Value]:
    """(point, metric) -> value, as `points.csv` of `folder` has them; raises `InputError`."""
    path = folder / "points.csv"
    if not path.is_file():
        raise InputError(str(path), None, None, "no such file; a results folder holds points.csv")
    found = {}
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
        if missing:
            raise InputError(str(path), 1, missing[0], "no such column; accepted is a points.csv as `run` writes it")
        for number, row in enumerate(reader, start=2):
            numbers = (_number(path, number, name, row[name]) for name in COLUMNS[2:])
            found[row["point"], row["metric"]] = Value(*numbers)
    return found


def _number(path: Path, row: int, column: str, text: str) -> float:
    try:
        return float(text) if text else math.nan
    except ValueError:
        raise InputError(str(path), row, column, f"{text!r} is no number") from None

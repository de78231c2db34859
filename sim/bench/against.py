"""Two results side by side: the points and metrics that both `points.csv` have, and where their intervals part."""

from __future__ import annotations

import csv
from pathlib import Path

from sim.errors import InputError

COLUMNS = {"point", "metric", "mean", "ci_low", "ci_high"}


def against(one: Path, other: Path) -> tuple[str, bool]:
    """A table as text, and whether every shared number is equal; raises `InputError` for a folder without results."""
    ours, theirs = _points(one), _points(other)
    shared = [key for key in ours if key in theirs]
    lines, same = [], True
    for key in shared:
        a, b = ours[key], theirs[key]
        if a == b:
            continue
        same = False
        apart = a[1] > b[2] or b[1] > a[2]
        change = f"{(b[0] / a[0] - 1) * 100:+.2f} %" if a[0] else "from 0"
        lines.append(f"{key[0]}  {key[1]}: {a[0]:.6g} -> {b[0]:.6g} ({change}{', intervals apart' if apart else ''})")
    head = f"{len(shared)} numbers in both, {len(lines)} differ; only in {one}: {len(ours) - len(shared)}, "
    head += f"only in {other}: {len(theirs) - len(shared)}"
    return "\n".join([head, *lines]), same


def _points(folder: Path) -> dict[tuple[str, str], tuple[float, float, float]]:
    path = folder / "points.csv"
    if not path.is_file():
        raise InputError(str(path), None, None, "no such file; a results folder holds points.csv")
    with path.open(newline="") as file:
        reader = csv.DictReader(file)
        if not COLUMNS <= set(reader.fieldnames or ()):
            raise InputError(str(path), 1, None, "accepted is a points.csv as `run` writes it")
        return {
            (row["point"], row["metric"]): (float(row["mean"]), float(row["ci_low"] or "nan"), float(row["ci_high"] or "nan"))
            for row in reader
        }

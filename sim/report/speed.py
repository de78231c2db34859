"""The speed of engines as a figure: one row an engine, requests a CPU second on a logarithmic axis, its spread a line.

Dots, not bars, since a logarithmic axis has no zero that a length could start at. Ours stand out by color and marker.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import matplotlib.figure

from sim.report.drawing import fixed_ticks, plain_rows
from sim.report.figure import Figure
from sim.report.palette import INK, LOOKS, MUTED
from sim.report.svg import render

OURS, OTHERS = LOOKS[1], LOOKS[10]
DECADES = range(2, 10)


@dataclass(frozen=True, slots=True)
class EngineSpeed:
    """One row: requests a CPU second, the median and the spread."""

    name: str
    median: float
    low: float
    high: float
    ours: bool


@dataclass(frozen=True, slots=True)
class Speeds:
    """Rows from the fastest to the slowest, and who is absent."""

    rows: tuple[EngineSpeed, ...]
    absent: tuple[str, ...]


def draw(figure: matplotlib.figure.Figure, result: Speeds) -> None:
    """Rows with their numbers at the right of the dots."""
    axes = figure.subplots()
    plain_rows(axes, [row.name for row in result.rows])
    axes.set_xscale("log")
    low, high = min(row.low for row in result.rows), max(row.high for row in result.rows)
    axes.set_xlim(low / 1.6, high * 4.5)  # room for the number at the right
    ticks = [10.0**decade for decade in DECADES if low / 1.6 <= 10.0**decade <= high * 4.5]
    fixed_ticks(axes.xaxis, ticks, [short(tick) for tick in ticks])
    for place, row in enumerate(result.rows):
        look = OURS if row.ours else OTHERS
        axes.plot([row.low, row.high], [place, place], color=look.color, linewidth=2.4, solid_capstyle="butt")
        axes.plot([row.median], [place], color=look.color, marker=look.marker, markersize=7, linestyle="none")
        weight = "bold" if row.ours else "normal"
        axes.annotate(
            short(row.median), (row.high, place), xytext=(8, 0), textcoords="offset points", va="center",
            color=INK, fontsize=9.5, fontweight=weight,
        )  # fmt: skip
    axes.set_xlabel("requests a CPU second, logarithmic; median, line from the slowest to the fastest round")
    if result.absent:
        axes.set_title(f"not measured here: {', '.join(result.absent)}", color=MUTED, fontsize=9, fontweight="normal")


def short(value: float) -> str:
    """`7.1 M`, `520 k`, `43 k`, `950`."""
    for unit, size in ((" M", 1e6), (" k", 1e3)):
        if value >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"


def describe(result: Speeds) -> str:
    """In words."""
    return "Requests a CPU second: " + "; ".join(f"{row.name} {short(row.median)}" for row in result.rows) + "."


def _drawn(draw_it: Callable[[matplotlib.figure.Figure, Speeds], None]) -> Figure[Speeds]:
    return Figure(
        title="Speed on the yardstick", caption="", scope="group", analyze=lambda *_: None, draw=draw_it,
        describe=describe, size_in=lambda result: (8.0, 1.2 + 0.33 * len(result.rows)),
    )  # fmt: skip


def speed_svg(rows: Sequence[EngineSpeed], absent: Sequence[str]) -> str:
    """The drawing as a document."""
    ordered = sorted(rows, key=lambda row: -row.median)
    return render(_drawn(draw), Speeds(tuple(ordered), tuple(absent)))

"""Small multiples: which points get a panel of their own, what the rest is called, and the grid and clock they share.

At most `PANELS_MAX` panels, best first; the baseline always has one. Seconds are shown up to ten minutes, minutes up to
three hours, then hours: only labels change.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import matplotlib.figure
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from sim.measure.summary import PointSummary, StudySummary
from sim.report.groups import Group, name_of, ranked
from sim.report.numbers import significant
from sim.report.palette import MUTED

PANELS_MAX = 6
COLUMN_IN, SINGLE_IN = 4.7, 7.2  # width of one of two columns, and of a panel alone


@dataclass(frozen=True, slots=True)
class Choice:
    """Points with a panel, what they are called, and a note on those without."""

    points: tuple[PointSummary, ...]
    titles: tuple[str, ...]
    note: str


def choose(summary: StudySummary, group: Group, shows: Callable[[PointSummary], bool], missing: str) -> Choice:
    """The points that hold what is shown, from best to worst; `missing` says what the others lack."""
    order = ranked(group, summary.objective)
    having = [point for point in order if shows(point)]
    kept = having[:PANELS_MAX]
    if group.baseline is not None and shows(group.baseline) and group.baseline not in kept:
        kept[-1] = group.baseline
    cut = [name_of(summary, point) for point in having if point not in kept]
    without = [name_of(summary, point) for point in order if point not in having]
    said = [f"Left out, {PANELS_MAX} panels at most: {', '.join(cut)}."] if cut else []
    said += [f"Left out, {missing}: {', '.join(without)}."] if without else []
    return Choice(tuple(kept), tuple(_title(summary, group, point) for point in kept), " ".join(said))


def _title(summary: StudySummary, group: Group, point: PointSummary) -> str:
    best = group.verdict is not None and group.verdict.best == point.point
    baseline = group.baseline is not None and group.baseline.point == point.point and len(group.points) > 1
    roles = [role for role, there in (("best", best), ("baseline", baseline)) if there]
    return name_of(summary, point) + (f" ({', '.join(roles)})" if roles else "")


def shape_of(count: int) -> tuple[int, int]:
    """Rows and columns of a grid of panels."""
    columns = 1 if count == 1 else 2
    return -(-count // columns), columns


def width_in(count: int) -> float:
    """Width of a grid of panels, inches."""
    return SINGLE_IN if count == 1 else 2 * COLUMN_IN


def stacks(figure: matplotlib.figure.Figure, count: int, heights: tuple[float, ...]) -> list[list[Axes]]:
    """For each panel its axes from top to bottom, all on one time axis; those alike share their vertical axis."""
    rows, columns = shape_of(count)
    grid = figure.add_gridspec(rows * len(heights), columns, height_ratios=heights * rows)
    panels: list[list[Axes]] = []
    for at in range(count):
        stack: list[Axes] = []
        for level in range(len(heights)):
            above = stack[0] if stack else (panels[0][0] if panels else None)
            axes = figure.add_subplot(grid[at // columns * len(heights) + level, at % columns], sharex=above)
            if level < len(heights) - 1:
                axes.tick_params(axis="x", labelbottom=False, length=0)
            stack.append(axes)
        panels.append(stack)
    return panels


def clock_axis(axes: Axes, end_s: float) -> None:
    """The time axis below a stack, from 0 to `end_s`, in seconds, minutes or hours."""
    factor, unit = (1.0, "s") if end_s <= 600 else (60.0, "min") if end_s <= 3 * 3600 else (3600.0, "h")
    axes.set_xlim(0.0, end_s)
    locator = MaxNLocator(6, steps=[1, 2, 3, 5, 6, 10] if unit != "s" else [1, 2, 5, 10])
    axes.set_xticks([tick * factor for tick in locator.tick_values(0.0, end_s / factor) if tick * factor <= end_s])
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: significant(value / factor, 3)))
    axes.set_xlabel(f"time since the start of load ({unit})")


def head(axes: Axes, title: str, facts: str) -> None:
    """A panel's name, and below it in small print what it says."""
    axes.set_title(title, pad=17)
    axes.annotate(
        facts,
        (0.0, 1.0),
        xytext=(0, 5),
        xycoords="axes fraction",
        textcoords="offset points",
        fontsize=8.5,
        color=MUTED,
        in_layout=False,
    )


def subhead(axes: Axes, facts: str) -> None:
    """Small print above a lower level of a panel."""
    axes.set_title(facts, fontsize=8, fontweight="normal", color=MUTED, pad=2)

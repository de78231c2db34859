"""Bars of several metrics side by side: one row a point, one column a metric, each a dot with its interval and number.

For studies where no single number decides: how fast failures are detected and repaired, what was lost, how often the
control plane was wrong. Each column has an axis of its own from zero, so that lengths can be compared.
"""

from __future__ import annotations

import math
import textwrap
from dataclasses import dataclass

import matplotlib.figure
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from sim.measure.summary import StudySummary
from sim.report.drawing import plain_rows
from sim.report.figure import Figure
from sim.report.front import measured
from sim.report.groups import Group, name_of, names_of, ranked
from sim.report.names import metric_name, scale_of
from sim.report.numbers import MISSING, significant, with_half_width
from sim.report.palette import INK, MUTED, Look, looks

SHOWN = (
    "detection_s",
    "failover_s",
    "lost_ratio",
    "false_outages_per_hour",
    "recovered_ratio",
    "recovery_s",
    "goodput_ratio_min",
    "reversals_count",
    "node_hours",
)
COLUMNS_MAX = 6
ROWS_MAX = 12
TITLE_MAX = 16  # characters of a column's title on one line


@dataclass(frozen=True, slots=True)
class Dot:
    """One metric of one point, in the unit shown; NaN where it has no observation or no interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Column:
    """One metric: its words, its unit, and a dot for each row."""

    label: str
    unit: str
    smaller_is_better: bool
    dots: tuple[Dot, ...]


@dataclass(frozen=True, slots=True)
class Bars:
    """Rows from best to worst by the objective."""

    names: tuple[str, ...]
    looks: tuple[Look, ...]
    columns: tuple[Column, ...]
    note: str


def analyze(summary: StudySummary, group: Group) -> Bars | None:
    """The metrics of `SHOWN` that at least one point has; None for fewer than two points, which the table tells."""
    metrics = [metric for metric in SHOWN if any(measured(point, metric) for point in group.points)][:COLUMNS_MAX]
    if not metrics:
        return None
    order = ranked(group, summary.objective)
    having = [point for point in order if any(measured(point, metric) for metric in metrics)]
    if len(having) < 2:
        return None
    kept = having[:ROWS_MAX]
    chosen = looks(names_of(summary))
    names = tuple(name_of(summary, point) for point in kept)
    columns = []
    for metric in metrics:
        found = [point.estimates[metric] for point in kept if measured(point, metric)]
        scale = scale_of(metric, found[0].unit, [estimate.mean for estimate in found])
        dots = tuple(
            Dot(e.mean * scale.factor, e.ci_low * scale.factor, e.ci_high * scale.factor)
            if (e := point.estimates.get(metric)) is not None
            else Dot(math.nan, math.nan, math.nan)
            for point in kept
        )
        told = metric_name(metric)
        columns.append(Column(told.short, scale.unit, told.smaller_is_better, dots))
    cut = [name_of(summary, point) for point in having[ROWS_MAX:]]
    without = [name_of(summary, point) for point in order if point not in having]
    note = [f"Left out, {ROWS_MAX} rows at most: {', '.join(cut)}."] if cut else []
    note += [f"Left out, none of these was measured: {', '.join(without)}."] if without else []
    return Bars(names, tuple(chosen[name] for name in names), tuple(columns), " ".join(note))


def draw(figure: matplotlib.figure.Figure, result: Bars) -> None:
    """Columns side by side; the number stands at the right of its cell."""
    row = figure.subplots(1, len(result.columns), sharey=True, squeeze=False)[0]
    engine = figure.get_layout_engine()
    assert engine is not None
    engine.set(wspace=0.08)  # type: ignore[call-arg]  # typed by the base class alone
    for axes, column in zip(row, result.columns, strict=True):
        plain_rows(axes, list(result.names))
        axes.tick_params(axis="y", pad=10)
        if axes is not row[0]:
            axes.tick_params(axis="y", labelleft=False)
        _draw_column(axes, column, result.looks)


def _draw_column(axes: Axes, column: Column, chosen: tuple[Look, ...]) -> None:
    ends = [end for dot in column.dots for end in (dot.value, dot.high) if math.isfinite(end)]
    axes.set_xlim(0.0, 1.08 * (max(ends) or 1.0))
    wide = max(ends) >= 1000.0  # numbers of four digits and more stand on each other otherwise
    axes.xaxis.set_major_locator(MaxNLocator(1 if wide else 3, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: significant(value, 3)))
    across = axes.get_yaxis_transform()
    for at, (dot, look) in enumerate(zip(column.dots, chosen, strict=True)):
        text, half = with_half_width(dot.value, dot.low, dot.high)
        tone = MUTED if text == MISSING else INK
        axes.annotate(text, (1.04, at), xycoords=across, va="center", fontsize=8.5, color=tone)
        if half:
            axes.annotate(f"± {half}", (1.04, at), xytext=(0, -9), xycoords=across, textcoords="offset points",
                          va="center", fontsize=7, color=MUTED)  # fmt: skip
        if not math.isfinite(dot.value):
            continue
        axes.plot([0.0, dot.value], [at, at], color=look.color, linewidth=0.9, alpha=0.6)
        if math.isfinite(dot.low):
            axes.plot([max(dot.low, 0.0), dot.high], [at, at], color=look.color, linewidth=5, alpha=0.35,
                      solid_capstyle="butt")  # fmt: skip
        axes.plot(dot.value, at, look.marker, color=look.color, markersize=6.5, clip_on=False, zorder=3)
    axes.set_title("\n".join(textwrap.wrap(column.label, TITLE_MAX)), fontsize=9, pad=16, loc="left")
    aim = "less is better" if column.smaller_is_better else "more is better"
    axes.annotate(f"{column.unit}, {aim}" if column.unit else aim, (0.0, 1.0), xytext=(0, 5), xycoords="axes fraction",
                  textcoords="offset points", fontsize=8, color=MUTED)  # fmt: skip


def describe(result: Bars) -> str:
    """Every row in words."""
    said = "; ".join(
        f"{name} " + ", ".join(_told(column, column.dots[at]) for column in result.columns)
        for at, name in enumerate(result.names)
    )
    return f"Metrics by point with intervals, best first: {said}."


def _told(column: Column, dot: Dot) -> str:
    text, half = with_half_width(dot.value, dot.low, dot.high)
    interval = f" ± {half}" if half else ""
    return f"{column.label} {text}{interval} {column.unit}".rstrip()


def _size_in(result: Bars) -> tuple[float, float]:
    return 9.4, 0.85 + 0.36 * max(len(result.names), 3)


FIGURE = Figure(
    title="Metrics side by side",
    caption="Wide bars are intervals. Every column has its own axis from zero; rows are in the order of the objective.",
    scope="group",
    analyze=analyze,
    draw=draw,
    describe=describe,
    size_in=_size_in,
    note=lambda result: result.note,
    wide=True,
)

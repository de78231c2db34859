"""Quantile dots: p50, p95, p99 and p99.9 of the latency with their intervals, one row a strategy, best on top.

Quantiles of the pooled sample with sectioning half-widths; a logarithmic axis, so that equal steps are equal ratios.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import matplotlib.figure
from matplotlib.lines import Line2D

from sim.measure.summary import PointSummary, StudySummary
from sim.report.drawing import log_time_axis, plain_rows
from sim.report.figure import Figure
from sim.report.groups import Group, name_of, names_of, ranked
from sim.report.numbers import duration
from sim.report.palette import INK, MUTED, PAPER, Look, looks

SHOWN = (
    ("sojourn_s_p50", "p50", "o"),
    ("sojourn_s_p95", "p95", "s"),
    ("sojourn_s_p99", "p99", "D"),
    ("sojourn_s_p999", "p99.9", "^"),
)


@dataclass(frozen=True, slots=True)
class Dot:
    """One quantile of one strategy, seconds."""

    label: str
    marker: str
    value_s: float
    low_s: float
    high_s: float


@dataclass(frozen=True, slots=True)
class Row:
    """One strategy."""

    name: str
    look: Look
    dots: tuple[Dot, ...]


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Rows from best to worst; `requests_count` of the smallest sample."""

    rows: tuple[Row, ...]
    requests_count: int


def analyze(summary: StudySummary, group: Group) -> Quantiles | None:
    """The quantiles that were estimated."""
    chosen = looks(names_of(summary))
    rows = [
        Row(name_of(summary, point), chosen[name_of(summary, point)], _dots(point))
        for point in ranked(group, summary.objective)
    ]
    rows = [row for row in rows if row.dots]
    return Quantiles(tuple(rows), min(point.requests_count for point in group.points)) if rows else None


def _dots(point: PointSummary) -> tuple[Dot, ...]:
    found = []
    for metric, label, marker in SHOWN:
        estimate = point.estimates.get(metric)
        if estimate is not None and math.isfinite(estimate.mean) and estimate.mean > 0:
            found.append(Dot(label, marker, estimate.mean, estimate.ci_low, estimate.ci_high))
    return tuple(found)


def draw(figure: matplotlib.figure.Figure, result: Quantiles) -> None:
    """A thin line joins a row's quantiles; intervals are thick bars under the markers."""
    axes = figure.add_subplot()
    plain_rows(axes, [row.name for row in result.rows])
    axes.set_xscale("log")
    values = [dot.value_s for row in result.rows for dot in row.dots]
    low, high = min(values), max(values)
    axes.set_xlim(low / 1.15, high * 1.15)
    for at, row in enumerate(result.rows):
        color = row.look.color
        axes.plot([row.dots[0].value_s, row.dots[-1].value_s], [at, at], color=color, linewidth=0.8, alpha=0.7)
        for dot in row.dots:
            if math.isfinite(dot.low_s) and dot.high_s > 0:
                ends = [max(dot.low_s, low / 2), dot.high_s]
                axes.plot(ends, [at, at], color=color, linewidth=5, alpha=0.35, solid_capstyle="butt")
            (marker,) = axes.plot(dot.value_s, at, dot.marker, color=color, markersize=6.5)
            marker.set_markeredgecolor(PAPER)
            marker.set_markeredgewidth(0.6)
    shown = {dot.label: dot.marker for row in result.rows for dot in row.dots}
    handles = [Line2D([], [], color=MUTED, marker=marker, linestyle="none") for marker in shown.values()]
    axes.legend(handles, list(shown), loc="lower left", bbox_to_anchor=(0, 0.98), ncols=len(shown), handletextpad=0.1)
    log_time_axis(axes.xaxis, *axes.get_xlim())
    axes.set_xlabel(f"latency (log scale), at least {result.requests_count:,} requests a strategy", color=INK)


def describe(result: Quantiles) -> str:
    """Every row in words."""
    rows = "; ".join(
        f"{row.name} " + ", ".join(f"{dot.label} {duration(dot.value_s)}" for dot in row.dots) for row in result.rows
    )
    return f"Latency quantiles with intervals, best first: {rows}."


FIGURE = Figure(
    title="Latency quantiles",
    caption="Wide bars are intervals. Equal steps on the axis are equal ratios.",
    scope="group",
    analyze=analyze,
    draw=draw,
    describe=describe,
    size_in=lambda result: (7.2, 1.25 + 0.3 * max(len(result.rows), 4)),
)

"""Where an objective begins to hold: the metric over an ordered key, its objective, and the edge that was found.

Drawn for a study whose compared key takes numbers and which has an objective (`slo.max`), as `capacity.key` leaves it.
Values that lost requests are crossed out, since what was answered there does not tell how long the others waited.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import matplotlib.figure
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from sim.measure.summary import StudySummary
from sim.report.capacity import LoadPoint, load_point
from sim.report.drawing import fixed_ticks, line_label, log_time_axis
from sim.report.figure import Figure
from sim.report.groups import Group, is_number
from sim.report.names import key_label, metric_name
from sim.report.numbers import duration, significant
from sim.report.palette import ALARM, INK, LOOKS, MUTED, PAPER

LOG_ABOVE = 6.0  # largest over smallest value beyond which the key's axis is logarithmic
TICK_GAP = 0.05  # least distance of two ticks, in shares of the axis
LOOK = LOOKS[0]


@dataclass(frozen=True, slots=True)
class Edge:
    """Points in rising order of the key; `at` is the value that was named, None where none was."""

    key: str
    metric: str
    unit: str
    limit: float
    points: tuple[LoadPoint, ...]
    at: float | None


def analyze(summary: StudySummary, group: Group) -> Edge | None:
    """The group's points with the objective's metric; at least two."""
    key, limit = summary.compared_key, summary.slo_max
    metric = str(summary.config.get("slo", {}).get("metric", summary.objective))
    points = [point for point in group.points if metric in point.estimates and is_number(point.keys.get(key, ""))]
    if limit is None or len(points) < 2 or len(points) < len([p for p in group.points if metric in p.estimates]):
        return None
    found = tuple(sorted((load_point(point, key, metric) for point in points), key=lambda point: point.load))
    best = group.verdict.best if group.verdict else ""
    at = next((float(point.keys[key]) for point in points if point.point == best), None)
    return Edge(key, metric, points[0].estimates[metric].unit, limit, found, at)


def draw(figure: matplotlib.figure.Figure, result: Edge) -> None:
    """Intervals, the objective, and a line down to the edge."""
    axes = figure.add_subplot()
    axes.set_yscale("log")
    keys = [point.load for point in result.points]
    if min(keys) > 0 and max(keys) > LOG_ABOVE * min(keys):
        axes.set_xscale("log")
    values = [end for point in result.points for end in (point.value, point.low, point.high) if end > 0]
    low, high = min([*values, result.limit]) / 1.15, max([*values, result.limit]) * 1.2
    axes.set_ylim(low, high)
    axes.plot(keys, [point.value for point in result.points], color=LOOK.color, linewidth=1.0, alpha=0.5)
    for point in result.points:
        _draw_point(axes, point, named=point.load == result.at, bottom=low)
    axes.axhline(result.limit, color=ALARM, linewidth=1.0, linestyle=(0, (3, 2)))
    line_label(axes, keys[0], result.limit, f"SLO {_words(result.limit, result.unit)}", ALARM)
    fixed_ticks(axes.xaxis, keys, _ticks(axes, result))
    if result.unit == "s":
        log_time_axis(axes.yaxis, low, high)
    else:
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: significant(value, 3)))
    axes.set_xlabel(key_label(result.key))
    axes.set_ylabel(f"{metric_name(result.metric).label} (log scale)")


def _draw_point(axes: Axes, point: LoadPoint, named: bool, bottom: float) -> None:
    if math.isfinite(point.low):
        axes.plot([point.load] * 2, [max(point.low, bottom), point.high], color=LOOK.color, linewidth=1.4)
    face = LOOK.color if named else PAPER
    axes.plot(point.load, point.value, LOOK.marker, color=LOOK.color, markerfacecolor=face, markersize=7)
    if point.unstable:
        axes.plot(point.load, point.value, "x", color=ALARM, markersize=9, markeredgewidth=1.3)
    if named:
        axes.plot([point.load] * 2, [bottom, point.value], color=MUTED, linewidth=0.9, linestyle=(0, (2, 2)), zorder=1)
        axes.annotate(significant(point.load, 4), (point.load, point.value), xytext=(8, 6), color=INK,
                      textcoords="offset points", fontweight="bold", fontsize=10)  # fmt: skip


def _ticks(axes: Axes, result: Edge) -> list[str]:
    """Labels of the values, the edge's first of all; one that would run into its neighbor is left out."""
    keys = [point.load for point in result.points]
    scale = math.log if axes.get_xscale() == "log" else float
    span = scale(keys[-1]) - scale(keys[0])
    shown: list[float] = []
    for key in sorted(keys, key=lambda value: (value != result.at, value)):
        if all(abs(scale(key) - scale(other)) >= TICK_GAP * span for other in shown):
            shown.append(key)
    return [significant(key, 4) if key in shown else "" for key in keys]


def _words(value: float, unit: str) -> str:
    return duration(value) if unit == "s" else significant(value, 3)


def describe(result: Edge) -> str:
    """The edge, and the metric at every value."""
    label = key_label(result.key)
    values = ", ".join(f"{_words(p.value, result.unit)} at {significant(p.load)}" for p in result.points)
    edge = "no value is shown to hold it" if result.at is None else f"{significant(result.at)} is named"
    limit = _words(result.limit, result.unit)
    return f"{metric_name(result.metric).label} by {label} against {limit}: {edge}; {values}."


FIGURE = Figure(
    title="Where the objective holds",
    caption="Every value that was run, with its interval; the full one is named by the search. "
    "Crossed-out values lost requests.",
    scope="group",
    analyze=analyze,
    draw=draw,
    describe=describe,
    size_in=lambda result: (7.2, 4.4),
)

"""Latency against load: the hockey stick of every strategy, and the load it carries within the objective.

The metric is the one the service level objective is about (the objective of the study if there is none). Loads at
which requests were lost or not finished are unstable: their point is crossed out and no line leads to it, since what
was answered there does not tell how long the others would have waited.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import matplotlib.figure
from matplotlib.ticker import FuncFormatter

from sim.measure.summary import PointSummary, StudySummary
from sim.report.capacity import Capacity, LoadPoint, capacity, load_point
from sim.report.drawing import fixed_ticks, line_label, log_time_axis
from sim.report.figure import Figure
from sim.report.groups import Group, load_key, name_of, names_of
from sim.report.names import key_label, metric_name
from sim.report.numbers import duration, significant
from sim.report.palette import ALARM, INK, PAPER, Look, looks


@dataclass(frozen=True, slots=True)
class Series:
    """One strategy over rising loads; `capacity` is None without an objective."""

    name: str
    look: Look
    points: tuple[LoadPoint, ...]
    capacity: Capacity | None


@dataclass(frozen=True, slots=True)
class LoadCurves:
    """Series in the order of their capacity, or of the metric at the highest load."""

    key: str
    metric: str
    unit: str
    slo_max: float | None
    series: tuple[Series, ...]


def analyze(summary: StudySummary, group: Group) -> LoadCurves | None:
    """All strategies of a panel over the load key."""
    key = load_key(summary)
    if key is None:
        return None
    slo_metric = str(summary.config.get("slo", {}).get("metric", summary.objective))
    metric = summary.objective if summary.slo_max is None else slo_metric
    slo_max = summary.slo_max if summary.slo_max and metric_name(metric).smaller_is_better else None
    chosen = looks(names_of(summary))
    members: dict[str, list[PointSummary]] = {}
    for point in group.points:
        if metric in point.estimates and key in point.keys:
            members.setdefault(_series_name(summary, point, key), []).append(point)
    if not members:
        return None
    unit = next(iter(members.values()))[0].estimates[metric].unit
    series = []
    for name, points in members.items():
        loads = tuple(sorted((load_point(point, key, metric) for point in points), key=lambda p: p.load))
        look = chosen.get(name, next(iter(chosen.values())))
        series.append(Series(name, look, loads, None if slo_max is None else capacity(loads, slo_max)))
    series.sort(key=_rank)
    return LoadCurves(key, metric, unit, slo_max, tuple(series))


def _series_name(summary: StudySummary, point: PointSummary, key: str) -> str:
    """The strategy; the whole study is one series where the load itself is what is compared."""
    return summary.name if summary.compared_key == key else name_of(summary, point)


def _rank(series: Series) -> tuple[float, float]:
    """Largest capacity first, then the smallest value at the highest load."""
    last = series.points[-1].value
    if series.capacity is None:
        return (0.0, last)
    bound = series.capacity.low if series.capacity.kind == "above" else series.capacity.load
    return (-bound if math.isfinite(bound) else math.inf, last)


def draw(figure: matplotlib.figure.Figure, result: LoadCurves) -> None:
    """Lines over stable loads, crossed-out unstable ones, the objective and where each line meets it."""
    axes = figure.add_subplot()
    axes.set_yscale("log")
    if result.key == "balancer.refresh_s":
        axes.set_xscale("log")
    values = [point.value for series in result.series for point in series.points if point.value > 0]
    if result.slo_max is not None:
        values.append(result.slo_max)
    low, high = min(values) / 1.15, max(values) * 1.2
    axes.set_ylim(low, high)
    for series in reversed(result.series):
        _draw_series(axes, series, low)
    loads = sorted({point.load for series in result.series for point in series.points})
    if result.slo_max is not None:
        words = duration(result.slo_max) if result.unit == "s" else significant(result.slo_max, 3)
        axes.axhline(result.slo_max, color=ALARM, linewidth=1.0, linestyle=(0, (3, 2)))
        line_label(axes, loads[0], result.slo_max, f"SLO {words}", ALARM)
    fixed_ticks(axes.xaxis, loads, [significant(load, 3) for load in loads])
    if result.unit == "s":
        log_time_axis(axes.yaxis, low, high)
    else:
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: significant(value, 3)))
    axes.set_xlabel(key_label(result.key))
    axes.set_ylabel(f"{metric_name(result.metric).label} (log scale)")
    title = "strategy" if result.slo_max is None else "strategy: load within the SLO"
    handles, labels = axes.get_legend_handles_labels()
    legend = axes.legend(
        handles[::-1],
        labels[::-1],
        loc="upper left",
        bbox_to_anchor=(1.01, 1.02),
        title=title,
        alignment="left",
        handlelength=3.2,
        labelspacing=0.55,
        borderaxespad=0,
    )
    legend.get_title().set_color(INK)


def _draw_series(axes: matplotlib.axes.Axes, series: Series, bottom: float) -> None:
    stable = [point for point in series.points if not point.unstable and math.isfinite(point.value)]
    unstable = [point for point in series.points if point.unstable and math.isfinite(point.value)]
    look = series.look
    label = series.name if series.capacity is None else f"{series.name}: {series.capacity.text()}"
    loads, middles = [p.load for p in stable], [p.value for p in stable]
    if stable and all(math.isfinite(p.low) for p in stable):
        lows, highs = [max(p.low, bottom) for p in stable], [p.high for p in stable]
        axes.fill_between(loads, lows, highs, color=look.color, alpha=0.12, linewidth=0)
    axes.plot(loads, middles, color=look.color, linestyle=look.dash, marker=look.marker, label=label)
    for point in unstable:
        axes.plot(point.load, point.value, look.marker, color=look.color, markerfacecolor=PAPER)
        axes.plot(point.load, point.value, "x", color=ALARM, markersize=9, markeredgewidth=1.3)
    if series.capacity is not None and series.capacity.kind == "at":
        at = series.capacity.load
        axes.plot([at, at], [0.0, 0.03], color=look.color, linewidth=2.4, transform=axes.get_xaxis_transform())


def describe(result: LoadCurves) -> str:
    """The value at each end, and the capacity."""
    said = []
    for series in result.series:
        first, last = series.points[0], series.points[-1]
        told = duration if result.unit == "s" else significant
        words = f"{series.name} {told(first.value)} at {significant(first.load)}, {told(last.value)} at"
        words += f" {significant(last.load)}" + (" (unstable)" if last.unstable else "")
        said.append(words if series.capacity is None else f"{words}, within the SLO up to {series.capacity.text()}")
    return f"{metric_name(result.metric).label} against {key_label(result.key)}: {'; '.join(said)}."


FIGURE = Figure(
    title="Latency against load",
    caption="Crossed-out points lost requests or did not finish them; no line leads there. "
    "Ticks on the lower axis mark where a line meets the SLO, interpolated between swept loads.",
    scope="panel",
    analyze=analyze,
    draw=draw,
    describe=describe,
    size_in=lambda result: (9.4, 4.4),
)

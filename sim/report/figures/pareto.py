"""Pareto front: what the fleet costs against what its clients wait, and the points that no other beats in both.

Cost is the price of the node-hours (the node-hours themselves where no cost was estimated), the other axis the study's
objective. The staircase joins the non-dominated points: what is above it is beaten by some point of it, on means.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import matplotlib.figure
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from sim.measure.summary import Estimate, PointSummary, StudySummary
from sim.measure.verdict import unsuccessful
from sim.report.drawing import fixed_ticks, log_ticks, log_time_axis
from sim.report.figure import Figure
from sim.report.front import Metrics, Standing, measured, standings
from sim.report.groups import Group, name_of, names_of, ranked
from sim.report.labels import Box, place
from sim.report.names import metric_name, scale_of
from sim.report.numbers import duration, significant, with_half_width
from sim.report.palette import ALARM, INK, MUTED, PAPER, Look, looks

COSTS = ("cost", "node_hours")
LOG_ABOVE = 3.0  # largest over smallest value beyond which an axis is logarithmic
LABEL_PT = 8.5
CHARACTER_RATIO = (0.6, 0.68)  # width of a character over its size, plain and bold
MARKER_PT = 9.0
WORDS = {"front": "on the front", "near": "not separable from it", "dominated": "dominated", "excluded": "not eligible"}


@dataclass(frozen=True, slots=True)
class Spot:
    """One point of the study."""

    name: str
    look: Look
    cost: Estimate
    value: Estimate
    standing: Standing


@dataclass(frozen=True, slots=True)
class Pareto:
    """Spots in rising order of cost."""

    metrics: Metrics
    spots: tuple[Spot, ...]
    note: str


def analyze(summary: StudySummary, group: Group) -> Pareto | None:
    """All points with a cost and the objective; at least two."""
    objective = summary.objective
    cost = next((metric for metric in COSTS if any(measured(point, metric) for point in group.points)), None)
    if cost is None or objective in COSTS:
        return None
    points = [p for p in ranked(group, cost) if measured(p, cost) and measured(p, objective)]
    if len(points) < 2:
        return None
    ratio = next((verdict.confidence_ratio for verdict in summary.verdicts), 0.95)
    metrics = Metrics(cost, objective, ratio)
    excluded = frozenset(group.verdict.excluded if group.verdict else unsuccessful(points, ratio))
    stand = standings(points, metrics, excluded)
    chosen = looks(names_of(summary))
    spots = tuple(_spot(summary, group, point, metrics, stand[point.point], chosen) for point in points)
    missing = [_name(summary, group, point) for point in group.points if point not in points]
    note = f"Left out, no cost or {metric_name(objective).label}: {', '.join(missing)}." if missing else ""
    return Pareto(metrics, spots, note)


def _spot(
    summary: StudySummary,
    group: Group,
    point: PointSummary,
    metrics: Metrics,
    standing: Standing,
    chosen: dict[str, Look],
) -> Spot:
    cost, value = point.estimates[metrics.cost], point.estimates[metrics.objective]
    return Spot(_name(summary, group, point), chosen[name_of(summary, point)], cost, value, standing)


def _name(summary: StudySummary, group: Group, point: PointSummary) -> str:
    """The point's name, and the values of the keys over which its group was joined."""
    more = [
        value for key, value in point.keys.items() if key != summary.compared_key and (key, value) not in group.keys
    ]
    return ", ".join([name_of(summary, point), *more])


def draw(figure: matplotlib.figure.Figure, result: Pareto) -> None:
    """Crosses of intervals, the staircase, names placed where they cover nothing."""
    axes = figure.add_subplot()
    _scale(axes, "x", result.metrics.cost, [spot.cost for spot in result.spots])
    _scale(axes, "y", result.metrics.objective, [spot.value for spot in result.spots])
    front = [spot for spot in result.spots if spot.standing == "front"]
    axes.step([s.cost.mean for s in front], [s.value.mean for s in front], where="post", color=MUTED, linewidth=1.2,
              linestyle=(0, (4, 2)), zorder=1)  # fmt: skip
    for spot in reversed(result.spots):
        _draw_spot(axes, spot)
    handles = _handles({spot.standing for spot in result.spots})
    axes.legend(handles=handles, loc="lower left", bbox_to_anchor=(0, 1.0), ncols=len(handles), handletextpad=0.3,
                columnspacing=1.3, borderaxespad=0.2)  # fmt: skip
    _names(figure, axes, sorted(result.spots, key=lambda spot: spot.standing != "front"))


def _scale(axes: Axes, side: str, metric: str, estimates: list[Estimate]) -> None:
    """Limits, ticks and label of one axis."""
    axis = axes.xaxis if side == "x" else axes.yaxis
    name, unit = metric_name(metric), estimates[0].unit
    low = min(e.ci_low if math.isfinite(e.ci_low) else e.mean for e in estimates)
    high = max(e.ci_high if math.isfinite(e.ci_high) else e.mean for e in estimates)
    smallest, largest = min(e.mean for e in estimates), max(e.mean for e in estimates)
    set_limits = axes.set_xlim if side == "x" else axes.set_ylim
    if smallest > 0 and largest > LOG_ABOVE * smallest:
        (axes.set_xscale if side == "x" else axes.set_yscale)("log")
        low = max(low, smallest / 2)
        margin = (high / low) ** 0.08
        low, high = low / margin, high * margin
        set_limits(low, high)
        if unit == "s":
            log_time_axis(axis, low, high)
        else:
            ticks = log_ticks(low, high)
            scale = scale_of(metric, unit, [largest])
            fixed_ticks(axis, ticks, [significant(tick * scale.factor, 3) for tick in ticks])
        words = "s" if unit == "s" else scale_of(metric, unit, [largest]).unit
        axis.set_label_text(f"{name.label} ({words}, log scale)" if words != "s" else f"{name.label} (log scale)")
        return
    margin = 0.1 * ((high - low) or abs(high) or 1.0)
    floor = 0.0 if smallest >= 0.0 > low else low - margin  # an interval may reach below what the metric can be
    set_limits(floor, high + margin)
    scale = scale_of(metric, unit, [largest])
    axis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: significant(value * scale.factor, 4)))
    axis.set_label_text(f"{name.label} ({scale.unit})" if scale.unit else name.label)


def _draw_spot(axes: Axes, spot: Spot) -> None:
    color, (x, y) = spot.look.color, (spot.cost.mean, spot.value.mean)
    faint = 0.45 if spot.standing == "dominated" else 0.8
    if math.isfinite(spot.cost.ci_low):
        axes.plot([spot.cost.ci_low, spot.cost.ci_high], [y, y], color=color, linewidth=1.6, alpha=faint)
    if math.isfinite(spot.value.ci_low):
        axes.plot([x, x], [spot.value.ci_low, spot.value.ci_high], color=color, linewidth=1.6, alpha=faint)
    size = {"front": 8.5, "near": 7.5}.get(spot.standing, 5.5)
    face = color if spot.standing in ("front", "dominated") else PAPER
    axes.plot(x, y, spot.look.marker, color=color, markerfacecolor=face, markersize=size, markeredgewidth=1.4, zorder=3)
    if spot.standing == "excluded":
        axes.plot(x, y, "x", color=ALARM, markersize=9, markeredgewidth=1.3, zorder=4)


def _handles(there: set[Standing]) -> list[Line2D]:
    def mark(standing: str, size: float, face: str) -> Line2D:
        style: Literal["dashed", "none"] = "dashed" if standing == "front" else "none"
        return Line2D([], [], color=MUTED, marker="o", markersize=size, markerfacecolor=face, linestyle=style,
                      linewidth=1.2, label=WORDS[standing])  # fmt: skip

    known = (mark("front", 8, MUTED), mark("near", 7, PAPER), mark("dominated", 5, MUTED))
    handles = [handle for handle, key in zip(known, ("front", "near", "dominated"), strict=True) if key in there]
    if "excluded" in there:
        handles.append(Line2D([], [], color=ALARM, marker="x", linestyle="none", label=WORDS["excluded"]))
    return handles


def _names(figure: matplotlib.figure.Figure, axes: Axes, spots: list[Spot]) -> None:
    """Every spot's name near it; a thin line leads to those that had to move away."""
    figure.draw_without_rendering()  # fixes where the axes are
    to_pt = 72.0 / figure.dpi
    frame = axes.get_window_extent()
    inside = Box(frame.x0 * to_pt, frame.y0 * to_pt, frame.x1 * to_pt, frame.y1 * to_pt)
    transform = axes.transData.transform
    anchors = [tuple(transform((s.cost.mean, s.value.mean)) * to_pt) for s in spots]
    sizes = [(len(s.name) * LABEL_PT * CHARACTER_RATIO[s.standing == "front"] + 2.0, LABEL_PT + 2.0) for s in spots]
    taken = [*(_around(x, y, MARKER_PT / 2) for x, y in anchors), *_drawn_boxes(spots, transform, to_pt)]
    for spot, (x, y), box in zip(spots, anchors, place(anchors, sizes, taken, inside), strict=True):
        right, up = (box.left + box.right) / 2 - x, (box.bottom + box.top) / 2 - y
        gap = max(abs(right) - (box.right - box.left) / 2, abs(up) - (box.top - box.bottom) / 2)
        line = {"arrowstyle": "-", "color": MUTED, "linewidth": 0.7, "shrinkB": 4.0} if gap > MARKER_PT else None
        words = axes.annotate(spot.name, (spot.cost.mean, spot.value.mean), xytext=(right, up),
                              textcoords="offset points", ha="center", va="center", fontsize=LABEL_PT,
                              color=INK if spot.standing in ("front", "near") else MUTED, arrowprops=line,
                              fontweight="bold" if spot.standing == "front" else "normal")  # fmt: skip
        words.set_in_layout(False)


def _drawn_boxes(spots: list[Spot], transform: Callable[[Any], Any], to_pt: float) -> list[Box]:
    """Thin boxes around the intervals and the staircase, so that no name is struck through."""
    lines = []
    for spot in spots:
        (x, y), (cost, value) = (spot.cost.mean, spot.value.mean), (spot.cost, spot.value)
        lines += [((cost.ci_low, y), (cost.ci_high, y)), ((x, value.ci_low), (x, value.ci_high))]
    front = sorted((s.cost.mean, s.value.mean) for s in spots if s.standing == "front")
    for (x, y), (right, below) in pairwise(front):
        lines += [((x, y), (right, y)), ((right, below), (right, y))]
    ends = [transform(line) * to_pt for line in lines if all(math.isfinite(v) for end in line for v in end)]
    return [
        Box(float(pair[:, 0].min()) - 1, float(pair[:, 1].min()) - 1, float(pair[:, 0].max()) + 1,
            float(pair[:, 1].max()) + 1)
        for pair in ends
    ]  # fmt: skip


def _around(x: float, y: float, half: float) -> Box:
    return Box(x - half, y - half, x + half, y + half)


def describe(result: Pareto) -> str:
    """Every spot in words, from cheap to dear."""
    return (
        f"{metric_name(result.metrics.objective).label} against {metric_name(result.metrics.cost).label}, "
        f"cheapest first: {'; '.join(_told(spot, result.metrics) for spot in result.spots)}."
    )


def _told(spot: Spot, metrics: Metrics) -> str:
    scale = scale_of(metrics.cost, spot.cost.unit, [spot.cost.mean])
    ends = (spot.cost.mean, spot.cost.ci_low, spot.cost.ci_high)
    cost = with_half_width(*(end * scale.factor for end in ends))[0]
    value_scale = scale_of(metrics.objective, spot.value.unit, [spot.value.mean])
    value = duration(spot.value.mean) if spot.value.unit == "s" else significant(spot.value.mean * value_scale.factor)
    return f"{spot.name} {cost} {scale.unit}".rstrip() + f", {value} ({WORDS[spot.standing]})"


FIGURE = Figure(
    title="Cost against the objective",
    caption="Crosses are intervals. The dashed staircase joins the points that none beats in both (on means); a hollow "
    "one is beaten on means, but not separably. Points that answer separably less, or are INVALID, are never on it.",
    scope="cost",
    analyze=analyze,
    draw=draw,
    describe=describe,
    size_in=lambda result: (7.2, 4.7),
    note=lambda result: result.note,
)

"""Tail curve: the latency that a share p of the answers stays below, with p on a 1/(1-p) axis.

The axis is that of HdrHistogram's percentile plots (Tene, 2013): every decade is one more nine. The band comes from
the replications (sectioning); a curve ends where fewer than 10 requests lie beyond, which the measurement has cut.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import matplotlib.figure
import numpy as np
from matplotlib.transforms import blended_transform_factory

from sim.measure.summary import Floats, StudySummary, TailCurve
from sim.report.drawing import fixed_ticks, line_label, log_time_axis, spread
from sim.report.figure import Figure
from sim.report.groups import Group, name_of, names_of, ranked
from sim.report.numbers import duration
from sim.report.palette import ALARM, Look, looks

POINTS_MAX = 90  # points drawn of a curve
LINE_GAP = 0.052  # between two labels, in shares of the axes' height


@dataclass(frozen=True, slots=True)
class Curve:
    """One strategy; `beyond` is 1/(1-p)."""

    name: str
    beyond: Floats
    latency_s: Floats
    low_s: Floats
    high_s: Floats
    look: Look


@dataclass(frozen=True, slots=True)
class Tail:
    """Curves from best to worst by the objective."""

    curves: tuple[Curve, ...]
    slo_s: float | None


def analyze(summary: StudySummary, group: Group) -> Tail | None:
    """The curves of all points that have one."""
    chosen = looks(names_of(summary))
    curves = [
        _curve(name_of(summary, point), point.tail, chosen[name_of(summary, point)])
        for point in ranked(group, summary.objective)
        if point.tail is not None and len(point.tail.prob) > 1
    ]
    metric = str(summary.config.get("slo", {}).get("metric", summary.objective))
    slo_s = summary.slo_max if metric.startswith("sojourn_s_p") else None
    return Tail(tuple(curves), slo_s) if curves else None


def _curve(name: str, tail: TailCurve, look: Look) -> Curve:
    """At most `POINTS_MAX` points, even on the drawn axis."""
    beyond = 1.0 / (1.0 - tail.prob)
    wanted = np.linspace(math.log(beyond[0]), math.log(beyond[-1]), POINTS_MAX)
    kept = np.unique(np.searchsorted(np.log(beyond), wanted).clip(0, len(beyond) - 1))
    return Curve(name, beyond[kept], tail.latency_s[kept], tail.low_s[kept], tail.high_s[kept], look)


def draw(figure: matplotlib.figure.Figure, result: Tail) -> None:
    """Curves with bands, each named at its right end."""
    axes = figure.add_subplot()
    axes.set_xscale("log")
    axes.set_yscale("log")
    positive = np.concatenate([curve.latency_s[curve.latency_s > 0] for curve in result.curves])
    low, high = float(positive.min()), float(positive.max())
    high = high if result.slo_s is None else max(high, result.slo_s)
    axes.set_ylim(low / 1.1, high * 1.15)
    first = min(float(curve.beyond[0]) for curve in result.curves)
    last = max(float(curve.beyond[-1]) for curve in result.curves)
    axes.set_xlim(first, last)
    for curve in reversed(result.curves):
        axes.fill_between(curve.beyond, curve.low_s, curve.high_s, color=curve.look.color, alpha=0.13, linewidth=0)
        axes.plot(curve.beyond, curve.latency_s, color=curve.look.color, linestyle=curve.look.dash)
    if result.slo_s is not None:
        axes.axhline(result.slo_s, color=ALARM, linewidth=1.0, linestyle=(0, (3, 2)))
        line_label(axes, first, result.slo_s, f"SLO {duration(result.slo_s)}", ALARM)
    _end_labels(axes, result, low / 1.1, high * 1.15)
    shares = [(2.0, "50 %"), (10.0, "90 %"), (100.0, "99 %"), (1e3, "99.9 %"), (1e4, "99.99 %"), (1e5, "99.999 %")]
    inside = [(at, label) for at, label in shares if first <= at <= last]
    fixed_ticks(axes.xaxis, [at for at, _ in inside], [label for _, label in inside])
    log_time_axis(axes.yaxis, *axes.get_ylim())
    axes.set_xlabel("share of answers that are faster")
    axes.set_ylabel("latency (log scale)")


def _end_labels(axes: matplotlib.axes.Axes, result: Tail, bottom: float, top: float) -> None:
    """Names beside the right edge, spread so that none covers another, with a thin line to the curve's end."""
    height = math.log(top / bottom)
    ends = [math.log(max(float(curve.latency_s[-1]), bottom) / bottom) / height for curve in result.curves]
    edge = blended_transform_factory(axes.transAxes, axes.transAxes)
    span = math.log(axes.get_xlim()[1] / axes.get_xlim()[0])
    for curve, end, at in zip(result.curves, ends, spread(ends, LINE_GAP), strict=True):
        reach = math.log(float(curve.beyond[-1]) / axes.get_xlim()[0]) / span
        color = curve.look.color
        axes.plot([reach, 1.0, 1.05], [end, end, at], color=color, linewidth=0.7, transform=edge, clip_on=False)
        axes.plot(1.065, at, curve.look.marker, color=color, transform=edge, clip_on=False, markersize=5)
        axes.text(1.085, at, curve.name, transform=edge, va="center", fontsize=8.5)


def describe(result: Tail) -> str:
    """Where each curve ends."""
    ends = "; ".join(
        f"{curve.name} {duration(float(curve.latency_s[-1]))} at {100 * (1 - 1 / float(curve.beyond[-1])):.5g} %"
        for curve in result.curves
    )
    return f"Latency percentile curves, best first, at their last resolved percentile: {ends}."


FIGURE = Figure(
    title="Latency tail",
    caption="Every tick to the right is one more nine. Bands are intervals from the replications; "
    "a curve ends where fewer than 10 requests lie beyond it.",
    scope="group",
    analyze=analyze,
    draw=draw,
    describe=describe,
    size_in=lambda result: (7.2, 4.9),
)

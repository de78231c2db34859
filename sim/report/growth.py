"""Time per request over the size of the fleet, both logarithmic: a curve a strategy, solid where it is compiled.

Where the compiled engine's state outgrows a cache of the machine an upright line stands: the reason for a bend.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import matplotlib.figure
from matplotlib.axes import Axes

from sim.report.drawing import fixed_ticks, log_ticks, spread
from sim.report.figure import Figure
from sim.report.palette import INK, MUTED, RULE, looks
from sim.report.svg import render

LABEL_GAP = 0.055  # of the height, between labels at the ends of curves


@dataclass(frozen=True, slots=True)
class Curve:
    """One strategy on one engine: (nodes, ns per request, low, high), small fleets first."""

    strategy: str
    compiled: bool
    points: tuple[tuple[int, float, float, float], ...]


@dataclass(frozen=True, slots=True)
class Growth:
    """Curves, and for each cache (name with size) the nodes at which the state outgrows it."""

    curves: tuple[Curve, ...]
    caches: tuple[tuple[str, float], ...]
    words: str


def crossings(state_bytes: Sequence[tuple[int, int]], caches: Mapping[str, int]) -> dict[str, float]:
    """Cache -> nodes where the state is as large as it, between measured sizes on logarithmic axes."""
    found = {}
    for name, size in caches.items():
        for (nodes, smaller), (more, larger) in pairwise(state_bytes):
            if 0 < smaller <= size < larger:
                share = math.log(size / smaller) / math.log(larger / smaller)
                found[name] = nodes * (more / nodes) ** share
    return found


def draw(figure: matplotlib.figure.Figure, result: Growth) -> None:
    """Curves with their names at the right end."""
    axes = figure.subplots()
    axes.set_xscale("log")
    axes.set_yscale("log")
    chosen = looks(curve.strategy for curve in result.curves)
    nodes = sorted({point[0] for curve in result.curves for point in curve.points})
    values = [value for curve in result.curves for point in curve.points for value in point[2:]]
    low, high = min(values) / 1.25, max(values) * 1.25
    axes.set_xlim(nodes[0] / 1.4, nodes[-1] * 1.4)
    axes.set_ylim(low, high)
    fixed_ticks(axes.xaxis, [float(count) for count in nodes], [f"{count:,}" for count in nodes])
    ticks = log_ticks(low, high)
    fixed_ticks(axes.yaxis, ticks, [f"{tick / 1e3:g} µs" if tick >= 1e3 else f"{tick:g} ns" for tick in ticks])
    for curve in result.curves:
        look = chosen[curve.strategy]
        x, y = [point[0] for point in curve.points], [point[1] for point in curve.points]
        for count, _, smallest, largest in curve.points:
            axes.plot([count, count], [smallest, largest], color=look.color, linewidth=1.0)
        face = look.color if curve.compiled else "none"
        style = "solid" if curve.compiled else (0, (4.0, 2.0))
        axes.plot(x, y, color=look.color, marker=look.marker, markerfacecolor=face, linestyle=style)
    _name_curves(axes, result, low, high)
    for name, crossed in result.caches:
        axes.axvline(crossed, color=MUTED, linewidth=0.9, linestyle=(0, (2.0, 2.0)))
        axes.annotate(
            name, (crossed, 1.0), xycoords=("data", "axes fraction"), xytext=(0, 3), textcoords="offset points",
            ha="center", va="bottom", color=MUTED, fontsize=8.5,
        )  # fmt: skip
    axes.set_xlabel(f"nodes of 12 agents\n{result.words}")
    axes.set_ylabel("CPU time per request")
    axes.grid(True, color=RULE)


def _name_curves(axes: Axes, result: Growth, low: float, high: float) -> None:
    ends = [math.log(curve.points[-1][1] / low) / math.log(high / low) for curve in result.curves]
    last = max(curve.points[-1][0] for curve in result.curves)
    for compiled in (True, False):
        curves = [(curve, end) for curve, end in zip(result.curves, ends, strict=True) if curve.compiled is compiled]
        for (curve, _), place in zip(curves, spread([end for _, end in curves], LABEL_GAP), strict=True):
            words = curve.strategy if compiled else f"{curve.strategy}, SimPy"
            count = last if compiled else curve.points[-1][0]
            axes.annotate(
                words, (count, place), xycoords=("data", "axes fraction"), xytext=(10, 0), textcoords="offset points",
                va="center", color=INK, fontsize=9, annotation_clip=False,
            )  # fmt: skip


def describe(result: Growth) -> str:
    """In words."""
    told = []
    for curve in result.curves:
        first, last = curve.points[0], curve.points[-1]
        engine = "compiled" if curve.compiled else "SimPy"
        told.append(
            f"{curve.strategy}, {engine}: {first[1]:.0f} ns at {first[0]:,} nodes, {last[1]:.0f} at {last[0]:,}"
        )
    return "; ".join(told) + "."


def growth_svg(curves: Sequence[Curve], caches: Mapping[str, float], words: str) -> str:
    """The drawing as a document; `words` stand below it."""
    figure: Figure[Growth] = Figure(
        title="Time per request as the fleet grows", caption="", scope="group", analyze=lambda *_: None, draw=draw,
        describe=describe, size_in=lambda _: (8.0, 4.6),
    )  # fmt: skip
    return render(figure, Growth(tuple(curves), tuple(caches.items()), words))

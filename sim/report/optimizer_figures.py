"""Figures of the study of the optimizer: reliability of its confidence, claims against truth, regret by window, drift.

One look a method; a panel a surface where surfaces differ. Improvements in % of the incumbent, regret as a share of the
gain that the incumbent leaves open.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib.figure
import numpy as np

from sim.bench.optimize.truths import Bin
from sim.report.figure import Figure
from sim.report.palette import ALARM, INK, LOOKS, MUTED, Look
from sim.report.svg import render

COLUMNS = 3
SHOWN_MAX = 1.6  # regret; worse is cut off and said
METHODS = {"victor": LOOKS[0], "tpe": LOOKS[1], "random": LOOKS[10], "naive": LOOKS[7]}


def look_of(method: str) -> Look:
    """The look of a method."""
    return METHODS.get(method, LOOKS[2])


@dataclass(frozen=True, slots=True)
class Curve:
    """A method on a surface: value and interval after each window."""

    method: str
    windows: tuple[int, ...]
    values: tuple[float, ...]
    lows: tuple[float, ...]
    highs: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Panel:
    """A surface's curves; `marks` are windows with an upright line."""

    surface: str
    curves: tuple[Curve, ...]
    marks: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Cloud:
    """Claimed and true improvements of a method."""

    method: str
    claimed: tuple[float, ...]
    true: tuple[float, ...]


def _draw_reliability(figure: matplotlib.figure.Figure, bins: tuple[Bin, ...]) -> None:
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.9, linestyle=(0, (4, 2)))
    low = math.floor(10 * min([each.confidence for each in bins] + [each.better for each in bins])) / 10 - 0.02
    look = look_of("victor")
    for each in bins:
        half = 1.96 * math.sqrt(max(each.better * (1 - each.better), 0.25 / each.count) / each.count)
        ends = [max(each.better - half, 0.0), min(each.better + half, 1.0)]
        axes.plot([each.confidence] * 2, ends, color=look.color, linewidth=1.0)
        axes.plot(each.confidence, each.better, look.marker, color=look.color)
    axes.set_xlim(low, 1.02)
    axes.set_ylim(low, 1.02)
    axes.set_xlabel("stated confidence that the change is better, ten bins of equal mass")
    axes.set_ylabel("share that truly was better")


def _draw_clouds(figure: matplotlib.figure.Figure, clouds: tuple[Cloud, ...]) -> None:
    row = figure.subplots(1, len(clouds), sharex=True, sharey=True, squeeze=False)[0]
    low, high = -60.0, 100.0
    for axes, cloud in zip(row, clouds, strict=True):
        look = look_of(cloud.method)
        axes.plot([low, high], [low, high], color=MUTED, linewidth=0.9, linestyle=(0, (4, 2)))
        axes.axhline(0.0, color=ALARM, linewidth=0.8)
        true = np.clip(cloud.true, low, high)
        claimed = np.clip(cloud.claimed, low, high)
        axes.plot(claimed, true, ".", color=look.color, markersize=3, alpha=0.35, rasterized=True)  # thousands
        cut = sum(value < low for value in cloud.true)
        axes.set_title(cloud.method)
        axes.annotate(
            f"mean claimed {np.mean(cloud.claimed):.1f} %\nmean true {np.mean(cloud.true):.1f} %"
            + (f"\n{cut} below {low:.0f} %" if cut else ""),
            (0.03, 0.97), xycoords="axes fraction", va="top", fontsize=8.5, color=INK,
        )  # fmt: skip
        axes.set_xlim(low, high)
        axes.set_ylim(low, high)
        axes.set_xlabel("claimed, %")
    row[0].set_ylabel("true, % of the incumbent")


def _draw_panels(label: str, cut: float) -> Callable[[matplotlib.figure.Figure, tuple[Panel, ...]], None]:
    def draw(figure: matplotlib.figure.Figure, panels: tuple[Panel, ...]) -> None:
        rows = math.ceil(len(panels) / COLUMNS)
        columns = min(COLUMNS, len(panels))
        grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
        for at, panel in enumerate(panels):
            axes = grid[at // columns][at % columns]
            for curve in panel.curves:
                look = look_of(curve.method)
                axes.fill_between(curve.windows, np.clip(curve.lows, -1, cut), np.clip(curve.highs, -1, cut),
                                  color=look.color, alpha=0.15, linewidth=0)  # fmt: skip
                axes.plot(curve.windows, np.clip(curve.values, -1, cut), color=look.color, linestyle=look.dash,
                          marker=look.marker, markersize=3.5, label=curve.method)  # fmt: skip
            for mark in panel.marks:
                axes.axvline(mark, color=ALARM, linewidth=0.8, linestyle=(0, (2, 2)))
            axes.set_title(panel.surface)
            axes.set_ylim(-0.05, cut)
        for at in range(len(panels), rows * columns):
            grid[at // columns][at % columns].set_visible(False)
        for axes in grid[-1]:
            axes.set_xlabel("windows")
        for line in grid:
            line[0].set_ylabel(label)
        handles, labels = grid[0][0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper right", ncols=len(handles), fontsize=8)

    return draw


def _figure(
    title: str, draw: Callable[[matplotlib.figure.Figure, Any], None], size: tuple[float, float], words: str
) -> Figure[Any]:
    return Figure(
        title=title, caption="", scope="group", analyze=lambda *_: None, draw=draw, describe=lambda _: words,
        size_in=lambda _: size,
    )  # fmt: skip


def reliability_svg(bins: Sequence[Bin]) -> str:
    """Stated confidence against the share that was truly better."""
    words = "; ".join(f"said {each.confidence:.3f}, was {each.better:.3f} of {each.count}" for each in bins)
    return render(_figure("Reliability", _draw_reliability, (5.2, 4.2), words), tuple(bins))


def claims_svg(clouds: Sequence[Cloud]) -> str:
    """Claimed against true improvement, a panel a method."""
    words = "; ".join(f"{c.method}: claimed {np.mean(c.claimed):.1f} %, true {np.mean(c.true):.1f} %" for c in clouds)
    size = (2.6 * len(clouds) + 0.6, 3.2)
    return render(_figure("Claimed and true", _draw_clouds, size, words), tuple(clouds))


def regret_svg(panels: Sequence[Panel]) -> str:
    """Normalized regret of what stands, a panel a surface; 0 is the best there is, 1 the incumbent."""
    words = "; ".join(f"{p.surface}: " + ", ".join(f"{c.method} {c.values[-1]:.2f}" for c in p.curves) for p in panels)
    size = (8.6, 2.3 * math.ceil(len(panels) / COLUMNS) + 0.5)
    return render(_figure("Regret", _draw_panels("normalized regret", SHOWN_MAX), size, words), tuple(panels))


def drift_svg(panels: Sequence[Panel]) -> str:
    """Utility of what stands over that of the best, through a drift."""
    words = "; ".join(f"{p.surface}: " + ", ".join(f"{c.method} {c.values[-1]:.2f}" for c in p.curves) for p in panels)
    return render(_figure("Drift", _draw_panels("utility over the best", 1.05), (8.6, 3.2), words), tuple(panels))

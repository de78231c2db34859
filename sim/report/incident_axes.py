"""The three axes of an incident's panel: faults by kind, goodput with the same spans, one lane a node.

What is true is pale and wide, what was believed is dark and narrow; founded and false outages differ in shape.
"""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.figure
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from sim.measure.summary import Floats
from sim.report.drawing import fixed_ticks, plain_rows
from sim.report.palette import ALARM, INK, LOOKS, MUTED, PAPER
from sim.report.spans import RECOVERED_RATIO, Span

FAULT, GOODPUT, RECOVERED = LOOKS[4].color, LOOKS[0].color, LOOKS[2].color
SHADE = 0.28
SMALLEST_PX = 1.0  # line width that keeps the shortest span in sight


def draw_faults(axes: Axes, kinds: Sequence[str], spans: Sequence[Sequence[Span]]) -> None:
    """One row a kind of fault."""
    _rows(axes, kinds)
    axes.spines["bottom"].set_visible(False)
    axes.grid(False)
    for at, row in enumerate(spans):
        bars = [(span.start_s, span.end_s - span.start_s) for span in row]
        axes.broken_barh(bars, (at - 0.35, 0.7), color=FAULT, linewidth=SMALLEST_PX)


def draw_goodput(axes: Axes, edges_s: Floats, goodput_ratio: Floats, faults: Sequence[Span]) -> None:
    """Goodput over offered as steps, faults as shaded spans, the level of recovery dashed."""
    for span in faults:
        axes.axvspan(span.start_s, span.end_s, color=FAULT, alpha=SHADE, linewidth=0)
    axes.axhline(RECOVERED_RATIO, color=MUTED, linewidth=0.9, linestyle=(0, (3, 2)))
    axes.stairs(goodput_ratio, edges_s, color=GOODPUT, linewidth=1.3, baseline=None)
    axes.set_ylim(0.0, 1.06)
    fixed_ticks(axes.yaxis, [0.0, 0.5, 1.0], ["0 %", "50 %", "100 %"])


def draw_lanes(
    axes: Axes,
    names: Sequence[str],
    struck: Sequence[Sequence[Span]],
    outages: Sequence[Sequence[tuple[Span, bool]]],
) -> None:
    """One lane a node: faults pale below, outages as bars with a shape at their beginning."""
    _rows(axes, names)
    for at, (truth, beliefs) in enumerate(zip(struck, outages, strict=True)):
        bars = [(span.start_s, span.end_s - span.start_s) for span in truth]
        axes.broken_barh(bars, (at - 0.42, 0.84), facecolor=FAULT, edgecolor="none", alpha=SHADE)
        for span, founded in beliefs:
            color = INK if founded else ALARM
            face = color if founded else PAPER
            axes.broken_barh([(span.start_s, span.end_s - span.start_s)], (at - 0.16, 0.32), facecolor=face,
                             edgecolor=color, linewidth=0.9)  # fmt: skip
            axes.plot(span.start_s, at, "D" if founded else "X", color=color, markersize=4 if founded else 6,
                      markeredgecolor=PAPER, markeredgewidth=0.5, zorder=5, clip_on=False)  # fmt: skip


def mark_recovery(stack: Sequence[Axes], at_s: float) -> None:
    """A line through all axes of a panel."""
    for axes in stack:
        axes.axvline(at_s, color=RECOVERED, linewidth=1.4, linestyle=(0, (4, 1.5)), zorder=4)
    stack[1].plot(at_s, RECOVERED_RATIO, "v", color=RECOVERED, markersize=6, zorder=5)


def legend(figure: matplotlib.figure.Figure) -> None:
    """One legend above all panels."""
    handles = [
        Line2D([], [], color=GOODPUT, linewidth=1.3, label="goodput"),
        Patch(facecolor=FAULT, alpha=0.6, linewidth=0, label="fault"),
        Line2D([], [], color=INK, linewidth=2.4, marker="D", markersize=4, label="outage, founded"),
        Line2D([], [], color=ALARM, linewidth=1.0, marker="X", markersize=6, label="outage, false"),
        Line2D([], [], color=RECOVERED, linestyle=(0, (4, 1.5)), marker="v", markersize=6, label="recovered"),
    ]
    figure.legend(handles=handles, loc="outside upper left", ncols=len(handles), columnspacing=1.4, handlelength=2.2)


def _rows(axes: Axes, names: Sequence[str]) -> None:
    plain_rows(axes, names or [""])
    axes.tick_params(axis="y", labelsize=8)

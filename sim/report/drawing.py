"""What every drawing needs: the style, axes in readable units, labels that do not collide."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from sim.report.numbers import duration
from sim.report.palette import INK, MUTED, PAPER, RULE

STYLE: Any = {  # matplotlib types the keys one by one
    "text.parse_math": False,  # names may hold a dollar sign
    "svg.fonttype": "none",
    "svg.hashsalt": "victor-sim",
    "font.family": ["DejaVu Sans"],
    "font.size": 9.5,
    "axes.labelsize": 9.5,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.facecolor": "none",
    "grid.color": RULE,
    "grid.linewidth": 0.7,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "figure.facecolor": PAPER,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.7,
    "lines.markersize": 5.5,
    "image.cmap": "cividis",
    "path.simplify": True,
}


TICK_STEPS = (
    (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0),
    (1.0, 1.5, 2.0, 3.0, 5.0, 7.0),
    (1.0, 2.0, 5.0),
    (1.0, 3.0),
    (1.0,),
)
NARROW = 2.5
TICK_GAP = 0.12  # least distance of two ticks, in shares of the axis


def log_time_axis(axis: Axis, low_s: float, high_s: float) -> None:
    """Ticks of a logarithmic axis in seconds, written as `50 ms`, `2 s`: as many as stand apart."""
    ticks = log_ticks(low_s, high_s)
    fixed_ticks(axis, ticks, [duration(tick) for tick in ticks])


def log_ticks(low: float, high: float, gap: float = TICK_GAP) -> list[float]:
    """Round numbers in [low, high], the densest series whose neighbors keep `gap` (a share of it) on a log axis.

    Below a factor of `NARROW` evenly spaced numbers serve better; there has to be low < high.
    """
    if high < low * NARROW:
        even = MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
        return [float(tick) for tick in even if low <= tick <= high]
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    span = math.log(high / low)
    found: list[float] = []
    for steps in TICK_STEPS:
        found = [tick for decade in decades for step in steps if low <= (tick := step * 10.0**decade) <= high]
        gaps = [math.log(after / before) / span for before, after in pairwise(found)]
        if min(gaps, default=1.0) >= gap:
            break
    return found


def fixed_ticks(axis: Axis, values: Sequence[float], labels: Sequence[str]) -> None:
    """Ticks at these values with these labels and no others."""
    axis.set_major_locator(FixedLocator(list(values)))
    axis.set_minor_locator(NullLocator())
    words = dict(zip(values, labels, strict=True))
    axis.set_major_formatter(FuncFormatter(lambda value, _: words.get(value, "")))


def line_label(axes: Axes, x: float, y: float, words: str, color: str) -> None:
    """Words just above the left end of a level line."""
    axes.annotate(words, (x, y), xytext=(3, 3), textcoords="offset points", color=color, fontsize=8.5)


def spread(wanted: Sequence[float], gap: float) -> list[float]:
    """Positions as near as possible to the wanted ones with at least `gap` between neighbors, in the same order.

    Least squares under order constraints (pool adjacent violators; Ayer et al., 1955) on positions less their rank
    times the gap.
    """
    order = sorted(range(len(wanted)), key=lambda index: (wanted[index], index))
    blocks: list[list[float]] = []  # [sum, count]
    for rank, index in enumerate(order):
        blocks.append([wanted[index] - rank * gap, 1.0])
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] >= blocks[-1][0] / blocks[-1][1]:
            total, count = blocks.pop()
            blocks[-1][0] += total
            blocks[-1][1] += count
    levels = [total / count for total, count in blocks for _ in range(int(count))]
    placed = [0.0] * len(wanted)
    for rank, index in enumerate(order):
        placed[index] = levels[rank] + rank * gap
    return placed


def plain_rows(axes: Axes, labels: Sequence[str]) -> None:
    """One labelled row a strategy, the first on top, without ticks or a left spine."""
    axes.set_ylim(len(labels) - 0.4, -0.6)
    fixed_ticks(axes.yaxis, [float(row) for row in range(len(labels))], labels)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(False, axis="y")

"""Paired-difference forest: how much better or worse than the baseline each strategy is, and how sure that is.

One row a strategy, the difference in percent of the baseline's value with its simultaneous (Bonferroni) interval; the
Holm-adjusted p-value stands beside, since Holm's procedure gives no plain interval (Holm, 1979). Sorted from best to
worst. Where the largest difference exceeds 150 % the axis is logarithmic in the ratio to the baseline.
"""

from __future__ import annotations

import math

import matplotlib.figure
from matplotlib.ticker import MaxNLocator

from sim.report.drawing import fixed_ticks, log_ticks, plain_rows
from sim.report.effects import Forest, analyze, effect_text
from sim.report.figure import Figure
from sim.report.names import metric_name
from sim.report.numbers import p_text, signed
from sim.report.palette import MUTED, PAPER

LOG_ABOVE = 1.5  # differences (ratio to the baseline) beyond which the axis turns logarithmic
HEAD_AT = -0.95  # row of the heads
WORDS_RATIO = 0.72  # width of the columns of text over that of the intervals
CHARS_FIT = 20  # of an effect that stands in them beside its p-value; a longer one makes them wider
STEPS_MAX = 5  # between ticks of the plain axis: labels such as 0.125 do not meet
FLOOR = 0.02  # the smallest ratio to the baseline that a logarithmic axis shows


def draw(figure: matplotlib.figure.Figure, result: Forest) -> None:
    """Intervals on the left, effect and p-value as columns of text on the right."""
    longest = max(len(effect_text(row)) for row in result.rows)
    axes, words = figure.subplots(1, 2, width_ratios=(1.0, WORDS_RATIO * max(1.0, longest / CHARS_FIT)))
    plain_rows(axes, [row.name for row in result.rows])
    logarithmic = any(abs(row.difference) > LOG_ABOVE for row in result.rows)
    ends = [value for row in result.rows for value in (row.low, row.high, row.difference) if math.isfinite(value)]
    if logarithmic:
        _log_axis(axes, min(ends), max(ends))
    else:
        width = max(max(ends) - min(ends), 1e-6)
        left, right = min(min(ends), 0.0) - 0.05 * width, max(max(ends), 0.0) + 0.05 * width
        axes.set_xlim(left * 100, right * 100)
        axes.xaxis.set_major_locator(MaxNLocator(STEPS_MAX))
    place = _ratio if logarithmic else _percent
    axes.axvline(place(0.0), color=MUTED, linewidth=1.1, zorder=1)
    for at, row in enumerate(result.rows):
        color = row.look.color
        if math.isfinite(row.low):
            axes.plot([place(row.low), place(row.high)], [at, at], color=color, linewidth=2.0, solid_capstyle="butt")
        axes.plot(
            place(row.difference),
            at,
            row.look.marker,
            color=color,
            markersize=7,
            zorder=3,
            markerfacecolor=color if row.separable else PAPER,
            markeredgewidth=1.4,
        )
    down, up = ("← better", "worse →") if result.smaller_is_better else ("← worse", "better →")
    across = axes.get_yaxis_transform()
    axes.text(0.0, HEAD_AT, down, transform=across, va="center", fontsize=8.5, color=MUTED)
    axes.text(1.0, HEAD_AT, up, transform=across, va="center", ha="right", fontsize=8.5, color=MUTED)
    _columns(words, result)
    unit = "%, log ratio" if logarithmic else "%"
    axes.set_xlabel(f"{metric_name(result.metric).label} against {result.baseline} ({unit})")


def _columns(axes: matplotlib.axes.Axes, result: Forest) -> None:
    """Effect and p-value of every row, in axes of their own beside the intervals."""
    axes.set_axis_off()
    axes.set_xlim(0.0, 1.0)
    axes.set_ylim(len(result.rows) - 0.4, -0.6)
    axes.text(0.0, HEAD_AT, "difference [interval]", va="center", fontsize=8.5, color=MUTED)
    axes.text(1.0, HEAD_AT, "Holm p", va="center", ha="right", fontsize=8.5, color=MUTED)
    for at, row in enumerate(result.rows):
        axes.text(0.0, at, effect_text(row), va="center", fontsize=8.5)
        axes.text(1.0, at, p_text(row.p_adjusted), va="center", ha="right", fontsize=8.5)


def _percent(difference: float) -> float:
    return difference * 100


def _ratio(difference: float) -> float:
    return max(1 + difference, FLOOR)


def _log_axis(axes: matplotlib.axes.Axes, low: float, high: float) -> None:
    """A logarithmic axis of the ratio to the baseline, its ticks written as percent of difference."""
    axes.set_xscale("log")
    left, right = _ratio(low) / 1.1, _ratio(high) * 1.1
    left, right = min(left, 0.95), max(right, 1.05)
    axes.set_xlim(left, right)
    shown = log_ticks(left, right, gap=0.18)  # labels such as +2,900 are wide
    fixed_ticks(axes.xaxis, shown, [signed((ratio - 1) * 100, 0) for ratio in shown])


def describe(result: Forest) -> str:
    """Every row in words."""
    rows = "; ".join(f"{row.name} {effect_text(row)}, Holm p {p_text(row.p_adjusted)}" for row in result.rows)
    return f"Forest plot of {metric_name(result.metric).label} against {result.baseline}: {rows}."


FIGURE = Figure(
    title="Difference from the baseline",
    caption="Paired over replications on common random numbers; bars are simultaneous intervals. "
    "A hollow marker is not separable from the baseline.",
    scope="group",
    analyze=analyze,
    draw=draw,
    describe=describe,
    size_in=lambda result: (7.2, 1.25 + 0.3 * max(len(result.rows), 4)),
)

"""Flapping: every number of nodes that each policy wanted, and how often it turned around, on the same draws.

One row a policy: its decisions step by step (replication 0), its reversals (up after down, down after up) with their
interval over the replications, and the paired difference from the baseline with its simultaneous interval. From the
calmest to the most restless. Policies that never changed the fleet are named below.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib.figure
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from sim.measure.summary import Comparison, Floats, PointSummary, StudySummary
from sim.report.figure import Figure
from sim.report.front import measured
from sim.report.groups import Group, against_baseline, name_of, names_of, ranked
from sim.report.multiples import clock_axis
from sim.report.numbers import decimals, fixed, p_text, signed, with_half_width
from sim.report.palette import INK, MUTED, Look, looks

METRIC = "reversals_count"
ROWS_MAX = 8
HEADS = ("reversals", "against the baseline")
COLUMNS_AT = (0.0, 0.36)  # of the words, in shares of their axes


@dataclass(frozen=True, slots=True)
class Row:
    """One policy; `at` and `nodes` (changes,) are its decisions, `difference` is empty at the baseline."""

    name: str
    at: Floats
    nodes: Floats
    end_s: float
    reversals: str
    difference: str
    p_value: str
    look: Look


@dataclass(frozen=True, slots=True)
class Flapping:
    """Rows from calm to restless; `baseline` is empty where there is none."""

    baseline: str
    rows: tuple[Row, ...]
    note: str


def analyze(summary: StudySummary, group: Group) -> Flapping | None:
    """Points whose autoscaler changed its mind at least once; None where none did."""
    there = [point for point in ranked(group, METRIC) if measured(point, METRIC) and point.timeline is not None]
    moving = [point for point in there if _changes(point) > 1]
    if not moving:
        return None
    pairs = {pair.point: pair for pair in against_baseline(summary, group, METRIC)}
    chosen = looks(names_of(summary))
    rows = [_row(name_of(summary, point), point, pairs.get(point.point), chosen) for point in moving[-ROWS_MAX:]]
    still = [name_of(summary, point) for point in there if point not in moving]
    cut = [name_of(summary, point) for point in moving[:-ROWS_MAX]]
    note = [f"Left out, never changed: {', '.join(still)}."] if still else []
    note += [f"Left out, {ROWS_MAX} rows at most: {', '.join(cut)}."] if cut else []
    baseline = "" if group.baseline is None else name_of(summary, group.baseline)
    told = [_told(row, baseline) for row in rows]
    return Flapping(baseline, tuple(rows), " ".join([f"Reversals: {'; '.join(told)}.", *note]))


def _changes(point: PointSummary) -> int:
    line = point.timeline
    return 0 if line is None or line.scale_at is None else len(line.scale_at)


def _row(name: str, point: PointSummary, pair: Comparison | None, chosen: dict[str, Look]) -> Row:
    line = point.timeline
    assert line is not None
    assert line.scale_at is not None
    assert line.scale_nodes is not None
    found = point.estimates[METRIC]
    mean, half = with_half_width(found.mean, found.ci_low, found.ci_high)
    return Row(
        name=name,
        at=line.scale_at,
        nodes=line.scale_nodes,
        end_s=float(line.times[-1]),
        reversals=f"{mean} ± {half}" if half else mean,
        difference="" if pair is None else _difference(pair),
        p_value="" if pair is None else p_text(pair.p_adjusted),
        look=chosen[name],
    )


def _difference(pair: Comparison) -> str:
    half = (pair.ci_high - pair.ci_low) / 2
    if not np.isfinite(half):
        return signed(pair.difference, 1)
    places = max(decimals(half), 0) if half > 0 else 0
    return f"{signed(pair.difference, places)} [{fixed(pair.ci_low, places)}, {fixed(pair.ci_high, places)}]"


def _told(row: Row, baseline: str) -> str:
    against = f" ({row.difference} against {baseline}, Holm p {row.p_value})" if row.difference else ""
    return f"{row.name} {row.reversals}{against}"


def draw(figure: matplotlib.figure.Figure, result: Flapping) -> None:
    """One strip a row on a common clock and a common height; its numbers stand at the right."""
    end_s = max(row.end_s for row in result.rows)
    top = 1.12 * max(float(np.max(row.nodes)) for row in result.rows)
    grid = figure.subplots(len(result.rows), 2, width_ratios=(1.0, 0.5), squeeze=False)
    strips = grid[:, 0]
    for row, (axes, words) in zip(result.rows, grid, strict=True):
        inside = row.at <= end_s
        edges = np.append(row.at[inside], end_s)
        axes.stairs(row.nodes[inside], edges, color=row.look.color, linewidth=0.9, baseline=None)
        axes.set_ylim(0.0, top)
        clock_axis(axes, end_s)
        if axes is not strips[-1]:
            axes.set_xlabel("")
            axes.tick_params(axis="x", labelbottom=False)
        axes.yaxis.set_major_locator(MaxNLocator(2, integer=True, steps=[1, 2, 5, 10]))
        axes.set_title(row.name, fontsize=9, pad=2)
        words.set_axis_off()
        difference = row.difference or ("baseline" if row.name == result.baseline else "")
        _words(words, 0.6, (row.reversals, difference), INK)
        if row.p_value:
            _words(words, 0.2, ("", f"Holm p {row.p_value}"), MUTED)
    _words(grid[0, 1], 1.15, HEADS if result.baseline else HEADS[:1], MUTED)
    strips[len(strips) // 2].set_ylabel("nodes wanted")


def _words(axes: Axes, height: float, words: Sequence[str], color: str) -> None:
    for across, text in zip(COLUMNS_AT, words, strict=False):
        axes.text(across, height, text, transform=axes.transAxes, va="center", fontsize=8.5, color=color)


def describe(result: Flapping) -> str:
    """Every row in words."""
    said = "; ".join(_told(row, result.baseline) for row in result.rows)
    return f"Nodes wanted over time, step by step, and how often that turned around: {said}."


FIGURE = Figure(
    title="Flapping",
    caption="Every number of nodes that was wanted, replication 0; reversals (up after down, down after up) over all "
    "replications, and their paired difference on common random numbers with simultaneous intervals.",
    scope="group",
    analyze=analyze,
    draw=draw,
    describe=describe,
    size_in=lambda result: (9.4, 0.8 + 0.85 * len(result.rows)),
    note=lambda result: result.note,
    wide=True,
)

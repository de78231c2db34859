"""Utilization heat map, node by time: how evenly a strategy keeps the fleet busy.

Small multiples of the best strategy, the baseline and the worst, all on one color scale from 0 to 1 (cividis, readable
without color vision; Nuñez, Anderton and Renslow, 2018). The imbalance is the busiest node's mean over the fleet's.
"""

from __future__ import annotations

from dataclasses import dataclass

import matplotlib.figure
import numpy as np

from sim.measure.summary import Floats, PointSummary, StudySummary
from sim.report.drawing import fixed_ticks
from sim.report.figure import Figure
from sim.report.groups import Group, name_of, ranked

LABELS_MAX = 6  # node names beside one map
ROWS_MAX, COLUMNS_MAX = 60, 240  # cells drawn; finer ones are below a pixel and make the page heavy


@dataclass(frozen=True, slots=True)
class Map:
    """One strategy's map; `role` says why it is shown."""

    name: str
    role: str
    start_s: float
    end_s: float
    node_ids: tuple[str, ...]
    utilization: Floats  # shape (nodes, bins)
    mean_ratio: float
    imbalance_ratio: float


@dataclass(frozen=True, slots=True)
class Heat:
    """One to three maps."""

    maps: tuple[Map, ...]


def analyze(summary: StudySummary, group: Group) -> Heat | None:
    """The maps of the best point, the baseline and the worst, each once."""
    order = [point for point in ranked(group, summary.objective) if point.heat is not None]
    if not order:
        return None
    named = group.verdict.best if group.verdict else ""
    best = next((point for point in order if point.point == named), order[0])
    roles = [(best, "best"), (group.baseline, "baseline"), (order[-1], "worst")]
    chosen: dict[str, tuple[PointSummary, list[str]]] = {}
    for point, role in roles:
        if point is not None and point.heat is not None:
            chosen.setdefault(point.point, (point, []))[1].append(role)
    alone = len(order) == 1
    return Heat(tuple(_map(summary, point, "" if alone else ", ".join(why)) for point, why in chosen.values()))


def _map(summary: StudySummary, point: PointSummary, role: str) -> Map:
    assert point.heat is not None
    grid, ids = _coarse(point.heat.utilization, point.heat.node_ids)
    full = point.heat.utilization
    rows = np.array([float(np.nanmean(row)) if np.isfinite(row).any() else np.nan for row in full])
    mean = float(np.nanmean(rows)) if np.isfinite(rows).any() else float("nan")
    imbalance = float(np.nanmax(rows)) / mean if mean > 0 else float("nan")
    times = point.heat.times
    return Map(name_of(summary, point), role, float(times[0]), float(times[-1]), ids, grid, mean, imbalance)


def _coarse(grid: Floats, node_ids: list[str]) -> tuple[Floats, tuple[str, ...]]:
    """The grid with neighbors averaged until it fits the drawn size; a row is named after its first node."""
    rows, columns = (min(size, most) for size, most in zip(grid.shape, (ROWS_MAX, COLUMNS_MAX), strict=True))
    if (rows, columns) == grid.shape:
        return grid, tuple(node_ids)
    tops = np.linspace(0, grid.shape[0], rows, endpoint=False).astype(int)
    lefts = np.linspace(0, grid.shape[1], columns, endpoint=False).astype(int)
    there = np.isfinite(grid)
    totals = np.add.reduceat(np.add.reduceat(np.where(there, grid, 0.0), tops, axis=0), lefts, axis=1)
    counts = np.add.reduceat(np.add.reduceat(there.astype(np.float64), tops, axis=0), lefts, axis=1)
    mean = np.divide(totals, counts, out=np.full((rows, columns), np.nan), where=counts > 0)
    return mean, tuple(node_ids[top] for top in tops)


def draw(figure: matplotlib.figure.Figure, result: Heat) -> None:
    """Maps above each other, one time axis, one color bar. The picture is a PNG inside the SVG, its text is not."""
    axes_list = figure.subplots(len(result.maps), 1, sharex=True, squeeze=False)[:, 0]
    picture = None
    for axes, part in zip(axes_list, result.maps, strict=True):
        count = len(part.node_ids)
        picture = axes.imshow(
            part.utilization,
            vmin=0.0,
            vmax=1.0,
            aspect="auto",
            interpolation="none",
            extent=(part.start_s, part.end_s, count - 0.5, -0.5),
        )
        shown = range(count) if count <= LABELS_MAX else range(0, count, -(-count // LABELS_MAX))
        fixed_ticks(axes.yaxis, [float(row) for row in shown], [part.node_ids[row] for row in shown])
        axes.tick_params(axis="y", labelsize=8, length=0)
        axes.grid(False)
        role = f" ({part.role})" if part.role else ""
        axes.set_title(f"{part.name}{role}", fontsize=9.5)
        facts = _facts(part)
        axes.set_title(facts, loc="right", fontsize=8.5, fontweight="normal")
    axes_list[-1].set_xlabel("time since the start of load (s)")
    if picture is not None:
        bar = figure.colorbar(picture, ax=list(axes_list), fraction=0.03, pad=0.02, ticks=[0.0, 0.25, 0.5, 0.75, 1.0])
        bar.set_label("busy share of the agents")
        bar.outline.set_visible(False)


def _facts(part: Map) -> str:
    return f"mean {part.mean_ratio:.3f}, imbalance {part.imbalance_ratio:.3f}"


def describe(result: Heat) -> str:
    """The numbers of each map."""
    said = "; ".join(f"{part.name}{f' ({part.role})' if part.role else ''}: {_facts(part)}" for part in result.maps)
    return f"Utilization by node and time: {said}."


FIGURE = Figure(
    title="Utilization by node and time",
    caption="Replication 0. Imbalance is the busiest node's mean over the fleet's; 1 is even.",
    scope="group",
    analyze=analyze,
    draw=draw,
    describe=describe,
    size_in=lambda result: (7.2, 0.8 + 1.45 * len(result.maps)),
)

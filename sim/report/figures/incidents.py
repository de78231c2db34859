"""Incidents: goodput while faults strike, what the control plane believed of each node, and when the fleet was back.

From top to bottom of a panel: faults by kind, goodput over offered with the same spans shaded, and one lane a node with
the faults that struck it (pale) under the outages that the control plane declared (a filled diamond: founded, a cross:
false). The lanes of the nodes with most rows are kept, `LANES_MAX` at most; the rest share one.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

import matplotlib.figure
import numpy as np

from sim.measure.summary import FleetTimeline, Floats, PointSummary, StudySummary
from sim.report.figure import Figure
from sim.report.groups import Group
from sim.report.incident_axes import draw_faults, draw_goodput, draw_lanes, legend, mark_recovery
from sim.report.multiples import choose, clock_axis, head, shape_of, stacks, subhead, width_in
from sim.report.numbers import duration, percent
from sim.report.spans import Span, closed, last_end_s, merged, natural, recovered_at

KINDS_MAX = 4  # rows of faults; the least frequent share the last one
LANES_MAX = 8
ROW_IN = 0.17  # height of a row of faults and of a lane


@dataclass(frozen=True, slots=True)
class Outage:
    """One outage that the control plane declared."""

    span: Span
    founded: bool


@dataclass(frozen=True, slots=True)
class Lane:
    """A node: the faults that struck it and what was believed of it."""

    name: str
    struck: tuple[Span, ...]
    outages: tuple[Outage, ...]


@dataclass(frozen=True, slots=True)
class Panel:
    """One point; `recovered_at_s` and `last_end_s` are NaN where there is none."""

    title: str
    edges_s: Floats
    goodput_ratio: Floats
    faults: tuple[tuple[str, tuple[Span, ...]], ...]
    lanes: tuple[Lane, ...]
    last_end_s: float
    recovered_at_s: float
    worst_ratio: float
    founded_count: int
    false_count: int


@dataclass(frozen=True, slots=True)
class Incidents:
    """Panels from best to worst, and what has none."""

    panels: tuple[Panel, ...]
    note: str


def analyze(summary: StudySummary, group: Group) -> Incidents | None:
    """The points at which a fault struck or an outage was declared."""
    choice = choose(summary, group, _struck, "neither faults nor outages")
    if not choice.points:
        return None
    panels = tuple(_panel(point, title) for point, title in zip(choice.points, choice.titles, strict=True))
    return Incidents(panels, choice.note)


def _struck(point: PointSummary) -> bool:
    line = point.timeline
    return line is not None and bool(line.episodes or line.outages)


def _panel(point: PointSummary, title: str) -> Panel:
    line = point.timeline
    assert line is not None
    finite = line.goodput_ratio[np.isfinite(line.goodput_ratio)]
    founded = sum(outage.founded for outage in line.outages)
    return Panel(
        title=title,
        edges_s=line.times,
        goodput_ratio=line.goodput_ratio,
        faults=_faults(line),
        lanes=_lanes(line),
        last_end_s=last_end_s(line),
        recovered_at_s=recovered_at(line),
        worst_ratio=float(finite.min()) if len(finite) else math.nan,
        founded_count=founded,
        false_count=len(line.outages) - founded,
    )


def _faults(line: FleetTimeline) -> tuple[tuple[str, tuple[Span, ...]], ...]:
    """Spans by kind, in order of first appearance."""
    often = [kind for kind, _ in Counter(episode.kind for episode in line.episodes).most_common()]
    kept = set(often if len(often) <= KINDS_MAX else often[: KINDS_MAX - 1])
    rows: dict[str, list[Span]] = {}
    rest: list[Span] = []
    for episode in line.episodes:
        span = closed(episode.began_at, episode.ended_at, float(line.times[-1]))
        (rows.setdefault(episode.kind.replace("_", " "), []) if episode.kind in kept else rest).append(span)
    if rest:
        rows[f"{len(often) - len(kept)} other kinds"] = rest
    return tuple((kind, merged(spans)) for kind, spans in rows.items())


def _lanes(line: FleetTimeline) -> tuple[Lane, ...]:
    """Lanes in order of the nodes' names; what has no node has no lane."""
    rows = Counter(outage.node_id for outage in line.outages)
    rows.update(episode.node_id for episode in line.episodes if episode.node_id)
    often = sorted(rows, key=lambda node: (-rows[node], natural(node)))
    kept = often if len(often) <= LANES_MAX else often[: LANES_MAX - 1]
    lanes = [_lane(line, node, frozenset({node})) for node in sorted(kept, key=natural)]
    rest = frozenset(often[len(kept) :])
    return (*lanes, _lane(line, f"{len(rest)} others", rest)) if rest else tuple(lanes)


def _lane(line: FleetTimeline, name: str, nodes: frozenset[str]) -> Lane:
    last_s = float(line.times[-1])
    struck = [closed(e.began_at, e.ended_at, last_s) for e in line.episodes if e.node_id in nodes]
    outages = [
        Outage(closed(outage.began_at, outage.ended_at, last_s), outage.founded)
        for outage in line.outages
        if outage.node_id in nodes
    ]
    return Lane(name, merged(struck), tuple(outages))


def draw(figure: matplotlib.figure.Figure, result: Incidents) -> None:
    """Three stacked axes a panel; one legend for all."""
    panels = result.panels
    end_s = max(float(panel.edges_s[-1]) for panel in panels)
    columns = shape_of(len(panels))[1]
    grid = stacks(figure, len(panels), _heights(result))
    for at, (panel, (faults, goodput, lanes)) in enumerate(zip(panels, grid, strict=True)):
        head(faults, panel.title, _facts(panel))
        draw_faults(faults, [kind for kind, _ in panel.faults], [spans for _, spans in panel.faults])
        draw_goodput(goodput, panel.edges_s, panel.goodput_ratio, merged(s for _, row in panel.faults for s in row))
        draw_lanes(lanes, [lane.name for lane in panel.lanes], [lane.struck for lane in panel.lanes],
                   [[(outage.span, outage.founded) for outage in lane.outages] for lane in panel.lanes])  # fmt: skip
        subhead(lanes, _outages(panel))
        if math.isfinite(panel.recovered_at_s):
            mark_recovery((faults, goodput, lanes), panel.recovered_at_s)
        clock_axis(lanes, end_s)
        if at + columns < len(panels):
            lanes.set_xlabel("")
        if at % columns == 0:
            goodput.set_ylabel("goodput\nover offered")
    legend(figure)


def _heights(result: Incidents) -> tuple[float, float, float]:
    """Inches of faults, goodput and lanes: as many rows as the fullest panel has."""
    faults = max(len(panel.faults) for panel in result.panels)
    lanes = max(len(panel.lanes) for panel in result.panels)
    return ROW_IN * max(faults, 1), 1.0, ROW_IN * max(lanes, 1)


def _facts(panel: Panel) -> str:
    return f"worst bin {percent(panel.worst_ratio)}, {_recovery(panel)}"


def _outages(panel: Panel) -> str:
    return f"outages: {panel.founded_count} founded, {panel.false_count} false"


def _recovery(panel: Panel) -> str:
    if math.isfinite(panel.recovered_at_s):
        return f"back {duration(panel.recovered_at_s - panel.last_end_s)} after the last fault"
    if not panel.faults:
        return "no fault"
    return "not back at 95 %" if math.isfinite(panel.last_end_s) else "fault on at the end"


def describe(result: Incidents) -> str:
    """What each panel says."""
    said = "; ".join(
        f"{panel.title}: {', '.join([*(kind for kind, _ in panel.faults), _facts(panel), _outages(panel)])}"
        for panel in result.panels
    )
    return f"Goodput over offered in time, with faults and declared outages: {said}."


def _size_in(result: Incidents) -> tuple[float, float]:
    count = len(result.panels)
    return width_in(count), 0.75 + (1.0 + sum(_heights(result))) * shape_of(count)[0]


FIGURE = Figure(
    title="Faults, outages and goodput over time",
    caption="Replication 0. Goodput is the share of the offered requests that were answered in time. Lanes by node: "
    "pale where a fault was on, a bar where the control plane kept the node out.",
    scope="group",
    analyze=analyze,
    draw=draw,
    describe=describe,
    size_in=_size_in,
    note=lambda result: result.note,
    wide=True,
)

"""Timeline: what was asked of the fleet against what it could serve, and the nodes that the autoscaler had and wanted.

Upper half of a panel: agents' worth of requests in flight and waiting against agents that can serve; where demand is
above capacity requests wait. Lower half: nodes ready, nodes starting on top of them, and the number wanted. All panels
share their axes; demand beyond `CLIP_RATIO` times the largest capacity is cut off and its peak written beside.
"""

from __future__ import annotations

from dataclasses import dataclass

import matplotlib.figure
import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator

from sim.measure.summary import FleetTimeline, Floats, PointSummary, StudySummary
from sim.report.figure import Figure
from sim.report.groups import Group
from sim.report.multiples import choose, clock_axis, head, shape_of, stacks, width_in
from sim.report.numbers import percent, significant
from sim.report.palette import ALARM, INK, LOOKS, MUTED, PAPER

CLIP_RATIO = 2.0
SHORT_SHADE = 0.3
HEIGHTS = (1.25, 1.0)  # of demand and nodes
DEMAND, READY, WANTED = LOOKS[0].color, LOOKS[10].color, LOOKS[1].color


@dataclass(frozen=True, slots=True)
class Panel:
    """One point; arrays of shape (bins,), `edges_s` one more; `desired_nodes` is None without an autoscaler."""

    title: str
    edges_s: Floats
    demand_agents: Floats
    capacity_agents: Floats
    nodes_ready: Floats
    nodes_starting: Floats
    desired_nodes: Floats | None
    short_ratio: float  # of the time demand was above capacity
    nodes_mean: float
    peak_agents: float


@dataclass(frozen=True, slots=True)
class Timeline:
    """Panels from best to worst, and what has none."""

    panels: tuple[Panel, ...]
    note: str


def analyze(summary: StudySummary, group: Group) -> Timeline | None:
    """The points whose run was sampled over time."""
    choice = choose(summary, group, _sampled, "no timeline")
    if not choice.points:
        return None
    panels = tuple(_panel(point, title) for point, title in zip(choice.points, choice.titles, strict=True))
    return Timeline(panels, choice.note)


def _sampled(point: PointSummary) -> bool:
    line = point.timeline
    return line is not None and bool(np.isfinite(line.demand_agents).any() or np.isfinite(line.nodes_ready).any())


def _panel(point: PointSummary, title: str) -> Panel:
    line = point.timeline
    assert line is not None
    capacity = _capacity(point, line)
    seen = np.isfinite(line.demand_agents) & np.isfinite(capacity)
    short = float(np.mean(line.demand_agents[seen] > capacity[seen])) if seen.any() else float("nan")
    return Panel(
        title=title,
        edges_s=line.times,
        demand_agents=line.demand_agents,
        capacity_agents=capacity,
        nodes_ready=line.nodes_ready,
        nodes_starting=line.nodes_starting,
        desired_nodes=line.desired_nodes if np.isfinite(line.desired_nodes).any() else None,
        short_ratio=short,
        nodes_mean=_mean(line.nodes_ready),
        peak_agents=_peak(line.demand_agents),
    )


def _capacity(point: PointSummary, line: FleetTimeline) -> Floats:
    """Agents that can serve; where they were not counted, nodes ready times the agents of a node."""
    if line.agents_ready is not None:
        return line.agents_ready
    return line.nodes_ready * float(point.config.get("fleet", {}).get("agents_per_node", 1))


def _mean(values: Floats) -> float:
    return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")


def _peak(values: Floats) -> float:
    return float(np.nanmax(values)) if np.isfinite(values).any() else 0.0


def draw(figure: matplotlib.figure.Figure, result: Timeline) -> None:
    """Two stacked axes a panel; one legend for all."""
    panels = result.panels
    end_s = max(float(panel.edges_s[-1]) for panel in panels)
    most = max(_peak(panel.capacity_agents) for panel in panels)
    top = 1.08 * max(most, min(max(panel.peak_agents for panel in panels), CLIP_RATIO * most), 1.0)
    nodes = max(_peak(_stacked(panel)) for panel in panels)
    nodes = max(nodes, *(_peak(panel.desired_nodes) for panel in panels if panel.desired_nodes is not None), 1.0)
    columns = shape_of(len(panels))[1]
    grid = stacks(figure, len(panels), HEIGHTS)
    for at, (panel, (upper, lower)) in enumerate(zip(panels, grid, strict=True)):
        _draw_demand(upper, panel, top)
        _draw_nodes(lower, panel)
        lower.set_ylim(0.0, 1.12 * nodes)
        lower.yaxis.set_major_locator(MaxNLocator(3, integer=True, steps=[1, 2, 5, 10]))
        clock_axis(lower, end_s)
        if at + columns < len(panels):
            lower.set_xlabel("")
        if at % columns == 0:
            upper.set_ylabel("agents")
            lower.set_ylabel("nodes")
        else:
            upper.tick_params(axis="y", labelleft=False)
            lower.tick_params(axis="y", labelleft=False)
    figure.align_ylabels([axes for stack in grid[::columns] for axes in stack])
    _legend(figure, any(panel.desired_nodes is not None for panel in panels))


def _stacked(panel: Panel) -> Floats:
    return panel.nodes_ready + np.nan_to_num(panel.nodes_starting)


def _draw_demand(axes: Axes, panel: Panel, top: float) -> None:
    edges, demand, capacity = panel.edges_s, panel.demand_agents, panel.capacity_agents
    shown = np.minimum(demand, top)
    low, high = np.append(capacity, capacity[-1:]), np.append(shown, shown[-1:])
    above = np.append(demand > capacity, False)
    axes.fill_between(edges, low, high, where=above.tolist(), step="post", color=ALARM, alpha=SHORT_SHADE, linewidth=0)
    axes.stairs(shown, edges, color=DEMAND, linewidth=1.3, baseline=None)
    axes.stairs(capacity, edges, color=INK, linewidth=1.5, linestyle=(0, (5, 1.6)), baseline=None)
    axes.set_ylim(0.0, top)
    axes.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: significant(value, 3)))
    head(axes, panel.title, _facts(panel))
    if panel.peak_agents > top:
        at = int(np.nanargmax(demand))
        middle = float(edges[at] + edges[at + 1]) / 2
        right = middle > 0.6 * float(edges[-1])
        words = (
            f"peak {significant(panel.peak_agents, 3)} →" if right else f"← peak {significant(panel.peak_agents, 3)}"
        )
        axes.annotate(words, (middle, top), xytext=(-4 if right else 4, -1), textcoords="offset points", fontsize=8.5,
                      color=ALARM, ha="right" if right else "left", va="top",
                      bbox={"facecolor": PAPER, "edgecolor": "none", "alpha": 0.8, "pad": 1.0})  # fmt: skip


def _draw_nodes(axes: Axes, panel: Panel) -> None:
    edges, ready = panel.edges_s, panel.nodes_ready
    axes.stairs(ready, edges, fill=True, color=READY, alpha=0.4, linewidth=0)
    axes.stairs(_stacked(panel), edges, baseline=ready, fill=True, facecolor="none", edgecolor=MUTED, hatch="//////",
                linewidth=0)  # fmt: skip
    axes.stairs(ready, edges, color=READY, linewidth=1.0, baseline=None)
    if panel.desired_nodes is not None:
        axes.stairs(panel.desired_nodes, edges, color=WANTED, linewidth=1.3, linestyle=(0, (1.6, 1.1)), baseline=None)


def _legend(figure: matplotlib.figure.Figure, wanted: bool) -> None:
    handles: list[Line2D | Patch] = [
        Line2D([], [], color=DEMAND, linewidth=1.3, label="demand"),
        Line2D([], [], color=INK, linewidth=1.5, linestyle=(0, (5, 1.6)), label="capacity"),
        Patch(color=ALARM, alpha=SHORT_SHADE, linewidth=0, label="short"),
        Patch(facecolor=READY, alpha=0.4, linewidth=0, label="nodes ready"),
        Patch(facecolor="none", edgecolor=MUTED, hatch="//////", linewidth=0, label="starting"),
    ]
    if wanted:
        handles.append(Line2D([], [], color=WANTED, linewidth=1.3, linestyle=(0, (1.6, 1.1)), label="wanted"))
    figure.legend(handles=handles, loc="outside upper left", ncols=len(handles), columnspacing=1.4, handlelength=2.2)


def _facts(panel: Panel) -> str:
    return f"short {percent(panel.short_ratio)} of the time, {significant(panel.nodes_mean, 3)} nodes on average"


def describe(result: Timeline) -> str:
    """What each panel says."""
    said = "; ".join(
        f"{panel.title}: {_facts(panel)}, peak demand {significant(panel.peak_agents, 3)} agents"
        for panel in result.panels
    )
    return f"Demand against capacity, and nodes ready, starting and wanted, over time: {said}."


def _size_in(result: Timeline) -> tuple[float, float]:
    count = len(result.panels)
    return width_in(count), 0.75 + 2.55 * shape_of(count)[0]


FIGURE = Figure(
    title="Demand and capacity over time",
    caption="Replication 0. Demand is in agents' worth of requests, in flight and waiting; shaded where it is above "
    "what the ready agents can serve. All panels share their axes.",
    scope="group",
    analyze=analyze,
    draw=draw,
    describe=describe,
    size_in=_size_in,
    note=lambda result: result.note,
    wide=True,
)

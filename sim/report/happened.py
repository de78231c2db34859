"""What happened, by point: faults that were injected, and outages that the control plane declared, right or wrong.

Counted in the timeline of replication 0, which keeps the earliest 200 of each. A fault that strikes many nodes counts
once a node. An outage is founded where a fault was on at that node when it began (or within its last minute).
"""

from __future__ import annotations

from collections import Counter

from sim.measure.summary import PointSummary, StudySummary
from sim.report.numbers import MISSING, duration
from sim.report.spans import last_end_s, recovered_at
from sim.report.tables import Cell, Column, Row, Table, count_cell, point_cells, point_columns

ROWS_MAX = 200  # rows of a kind that a timeline keeps


def happened_table(summary: StudySummary) -> Table | None:
    """One row a point that was under fire; None where no point was."""
    points = [point for point in summary.points if _struck(point)]
    if not points:
        return None
    kinds = list(dict.fromkeys(e.kind for point in points if point.timeline for e in point.timeline.episodes))
    columns = (
        *point_columns(summary),
        *(Column(kind.replace("_", " ")) for kind in kinds),
        Column("outages founded"),
        Column("outages false"),
        Column("outages by cause", numeric=False),
        Column("back at 95 % after"),
    )
    return Table(columns, tuple(_row(summary, point, kinds) for point in points))


def happened_text(summary: StudySummary) -> str:
    """The table in a sentence; empty where nothing happened."""
    lines = [point.timeline for point in summary.points if point.timeline is not None and _struck(point)]
    if not lines:
        return ""
    faults = sum(len(line.episodes) for line in lines)
    false = sum(not outage.founded for line in lines for outage in line.outages)
    total = sum(len(line.outages) for line in lines)
    full = any(len(line.episodes) >= ROWS_MAX or len(line.outages) >= ROWS_MAX for line in lines)
    most = f" A point shows its earliest {ROWS_MAX} of each." if full else ""
    return (
        f"Replication 0 of {len(lines)} points: {faults:,} faults, one a node struck; "
        f"{total:,} outages declared by the control plane, {false:,} of them false.{most}"
    )


def _struck(point: PointSummary) -> bool:
    line = point.timeline
    return line is not None and bool(line.episodes or line.outages)


def _row(summary: StudySummary, point: PointSummary, kinds: list[str]) -> Row:
    line = point.timeline
    assert line is not None
    struck = Counter(episode.kind for episode in line.episodes)
    causes = Counter(outage.cause for outage in line.outages)
    founded = sum(outage.founded for outage in line.outages)
    false = len(line.outages) - founded
    cells = (
        *point_cells(summary, point),
        *(count_cell(struck[kind]) for kind in kinds),
        count_cell(founded),
        Cell(f"{false:,}", sort=float(false), mark="alarm" if false else ""),
        Cell(", ".join(f"{cause}\u00a0{count:,}" for cause, count in causes.items()) or MISSING),
        _recovery(point),
    )
    return Row(cells)


def _recovery(point: PointSummary) -> Cell:
    assert point.timeline is not None
    after_s = recovered_at(point.timeline) - last_end_s(point.timeline)
    if after_s == after_s:
        return Cell(duration(after_s), sort=after_s)
    if not point.timeline.episodes:
        return Cell(MISSING, sort=-1.0)
    still_on = last_end_s(point.timeline) != last_end_s(point.timeline)
    return Cell("fault on at the end" if still_on else "not back", sort=float("inf"), mark="" if still_on else "alarm")

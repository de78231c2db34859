"""Tables as data: the same rows go to the page (sortable) and to Markdown.

A number is shown with its half-width, both to the digits that the interval supports; a column has one unit. What is
sorted by is the number itself, not its text.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sim.measure.summary import Estimate, PointSummary, StudySummary
from sim.report.groups import Group, name_of, ranked, swept_keys
from sim.report.names import key_label, metric_name, scale_of
from sim.report.numbers import MILLISECONDS, MISSING, SECONDS, Scale, significant, with_half_width
from sim.types.records import STATUSES

KEY_METRICS = (
    "sojourn_s_mean",
    "sojourn_s_p50",
    "sojourn_s_p95",
    "sojourn_s_p99",
    "sojourn_s_p999",
    "success_ratio",
    "detection_s",
    "failover_s",
    "recovered_ratio",
    "recovery_s",
    "false_outages_per_hour",
    "utilization_ratio",
    "cost",
)
LOSSES = STATUSES[1:]  # all but `ok`


@dataclass(frozen=True, slots=True)
class Cell:
    """What is shown, its half-width (may be empty), what it sorts by (text where None) and a mark (a CSS class)."""

    text: str
    half_width: str = ""
    sort: float | None = None
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """`mark` is `best`, `near` (not separable from the best), `bad` (invalid or excluded) or empty; `tags` say so."""

    cells: tuple[Cell, ...]
    mark: str = ""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Column:
    """Head of a column; `numeric` ones are right-aligned, `marked` is the objective."""

    head: str
    unit: str = ""
    numeric: bool = True
    marked: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Columns and rows, all rows as long as the columns."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...] = field(default=())


def key_table(summary: StudySummary, group: Group) -> Table:
    """The metrics that decide, one row a strategy, the objective first and sorted by it; losses are always there."""
    metrics = [metric for metric in KEY_METRICS if _measured(group, metric)]
    metrics = [summary.objective, *(metric for metric in metrics if metric != summary.objective)]
    return _metric_table(summary, group, metrics, with_losses=True)


def further_table(summary: StudySummary, group: Group) -> Table | None:
    """All other metrics that were measured; None if there are none."""
    found = dict.fromkeys(metric for point in group.points for metric in point.estimates)
    metrics = [m for m in found if m not in KEY_METRICS and m != summary.objective and _measured(group, m)]
    return _metric_table(summary, group, metrics, with_losses=False) if metrics else None


def _measured(group: Group, metric: str) -> bool:
    return any(metric in point.estimates and math.isfinite(point.estimates[metric].mean) for point in group.points)


def _metric_table(summary: StudySummary, group: Group, metrics: Sequence[str], with_losses: bool) -> Table:
    scales = _scales(group, metrics)
    columns = [Column(key_label(summary.compared_key), numeric=False)]
    columns += [Column(metric_name(m).short, scales[m].unit, marked=m == summary.objective) for m in metrics]
    if with_losses:
        columns.append(Column("lost"))
    rows = []
    for point in ranked(group, summary.objective):
        cells = [Cell(name_of(summary, point))]
        cells += [_cell(point.estimates.get(metric), scales[metric]) for metric in metrics]
        if with_losses:
            cells.append(lost_cell(point))
        mark, tags = standing(summary, group, point)
        rows.append(Row(tuple(cells), mark, tags))
    return Table(tuple(columns), tuple(rows))


def _scales(group: Group, metrics: Sequence[str]) -> dict[str, Scale]:
    """One scale a column; all columns of time share the coarsest that one of them asks for."""
    scales = {}
    for metric in metrics:
        found = [point.estimates[metric] for point in group.points if metric in point.estimates]
        scales[metric] = scale_of(metric, found[0].unit if found else "", [estimate.mean for estimate in found])
    if SECONDS in scales.values():
        scales = {m: SECONDS if scale == MILLISECONDS else scale for m, scale in scales.items()}
    return scales


def _cell(estimate: Estimate | None, scale: Scale) -> Cell:
    if estimate is None or not math.isfinite(estimate.mean):
        return Cell(MISSING, sort=math.inf)
    factor = scale.factor
    text, half = with_half_width(estimate.mean * factor, estimate.ci_low * factor, estimate.ci_high * factor)
    return Cell(text, half, estimate.mean)


def lost_cell(point: PointSummary) -> Cell:
    """How many requests ended otherwise than answered, and their share."""
    lost = sum(point.losses.values())
    share = f"{significant(100 * lost / point.requests_count, 2)} %" if lost and point.requests_count else ""
    return Cell(f"{lost:,} ({share})" if share else f"{lost:,}", sort=float(lost), mark="alarm" if lost else "")


def standing(summary: StudySummary, group: Group, point: PointSummary) -> tuple[str, tuple[str, ...]]:
    """Where a point stands in its group: a mark for the row, and the words for it."""
    tags = []
    mark = ""
    verdict = group.verdict
    if verdict is not None:
        if point.point == verdict.best:
            mark = "best"
            tags.append("best")
        elif point.point in verdict.not_separable:
            mark = "near"
            tags.append("not separable from the best")
        if point.point in verdict.excluded:
            mark = "bad"
            tags.append("excluded: success separably lower")
    if not point.valid:
        mark = "bad"
        tags.append("INVALID")
    if group.baseline is not None and point.point == group.baseline.point and len(group.points) > 1:
        tags.append("baseline")
    return mark, tuple(tags)


def losses_table(summary: StudySummary) -> Table:
    """Requests of every point that were not answered, by how they ended."""
    columns = [*point_columns(summary), Column("requests")]
    columns += [Column(status.replace("_", " ")) for status in LOSSES]
    rows = []
    for point in summary.points:
        counts = [point.losses.get(status, 0) for status in LOSSES]
        cells = [*point_cells(summary, point), count_cell(point.requests_count)]
        cells += [Cell(f"{count:,}", sort=float(count), mark="alarm" if count else "") for count in counts]
        rows.append(Row(tuple(cells)))
    return Table(tuple(columns), tuple(rows))


def point_columns(summary: StudySummary) -> list[Column]:
    """What names a point in a table over all of them: one column a swept key."""
    return [Column(key_label(key), numeric=False) for key in swept_keys(summary)] or [Column("point", numeric=False)]


def point_cells(summary: StudySummary, point: PointSummary) -> list[Cell]:
    """The cells below `point_columns`."""
    return [Cell(point.keys.get(key, MISSING)) for key in swept_keys(summary)] or [Cell(point.point)]


def count_cell(count: int) -> Cell:
    """A whole number with thousands set apart."""
    return Cell(f"{count:,}", sort=float(count))


def text_table(heads: Iterable[str], rows: Iterable[Sequence[str]]) -> Table:
    """A table of plain text."""
    columns = tuple(Column(head, numeric=False) for head in heads)
    return Table(columns, tuple(Row(tuple(Cell(text) for text in row)) for row in rows))

"""How far the numbers can be trusted, and what made the points differ: validity panel and config differences."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from sim.measure.summary import PointSummary, StudySummary
from sim.report.groups import Group, groups, name_of
from sim.report.names import metric_name
from sim.report.numbers import MISSING, duration, fixed
from sim.report.tables import Cell, Column, Row, Table, count_cell, point_cells, point_columns, text_table

NOT_COMPARED = ("name", "command", "baseline", "question", "paths", "launcher", "study")  # do not change a result


def validity_table(summary: StudySummary) -> Table:
    """One row a point: verdict of its audits, warm-up cut, size, replications, precision, engine."""
    columns = (
        *point_columns(summary),
        Column("runs", numeric=False),
        Column("warm-up cut"),
        Column("requests"),
        Column("replications"),
        Column(f"half-width of {metric_name(summary.objective).label}", "% of it"),
        Column("engine", numeric=False),
        Column("audits and failed jobs", numeric=False),
    )
    return Table(columns, tuple(_validity_row(summary, point) for point in summary.points))


def validity_text(summary: StudySummary) -> str:
    """The panel in one sentence."""
    bad = sum(not point.valid for point in summary.points)
    state = f"{bad} of {len(summary.points)} points INVALID" if bad else f"{len(summary.points)} points, all VALID"
    cuts = sorted({duration(point.cut_s) for point in summary.points if not _uncut(point)})
    cut = f"warm-up cut {', '.join(cuts)}" if cuts else "terminating runs, no warm-up cut"
    requests = [point.requests_count for point in summary.points] or [0]
    sizes = f"{min(requests):,}" if min(requests) == max(requests) else f"{min(requests):,} to {max(requests):,}"
    engines = ", ".join(sorted({point.engine for point in summary.points}))
    return f"{state}; {cut}; {sizes} requests a point; engine {engines}."


def _uncut(point: PointSummary) -> bool:
    """A terminating run, measured from its start."""
    return point.terminating and not point.cut_s


def losses_text(summary: StudySummary) -> str:
    """How many requests were lost over all points."""
    requests = sum(point.requests_count for point in summary.points)
    lost = sum(sum(point.losses.values()) for point in summary.points)
    points = sum(any(point.losses.values()) for point in summary.points)
    if not lost:
        return f"None of {requests:,} requests was lost, over all points and replications, warm-up included."
    return f"{lost:,} of {requests:,} requests were not answered, at {points} of {len(summary.points)} points."


def _validity_row(summary: StudySummary, point: PointSummary) -> Row:
    estimate = point.estimates.get(summary.objective)
    relative = math.nan
    if estimate is not None and estimate.mean:
        relative = 50 * (estimate.ci_high - estimate.ci_low) / abs(estimate.mean)
    precision = Cell(MISSING, sort=math.inf)
    if math.isfinite(relative):
        precision = Cell(fixed(relative, 1), sort=relative)
    cut = "none (terminating)" if _uncut(point) else duration(point.cut_s)
    replications = max((found.replications for found in point.estimates.values()), default=0)
    cells = (
        *point_cells(summary, point),
        Cell("VALID" if point.valid else "INVALID", mark="good" if point.valid else "alarm"),
        Cell(cut, sort=point.cut_s),
        count_cell(point.requests_count),
        count_cell(replications),
        precision,
        Cell(point.engine),
        Cell("; ".join([*point.problems, *point.notes]) or "all audits held, no job failed"),
    )
    return Row(cells, "" if point.valid else "bad")


def differences(summary: StudySummary) -> Table | None:
    """Config keys in which a point differs from its group's baseline, and each baseline from the first group's."""
    rows: list[tuple[str, str, str, str]] = []
    found = groups(summary)
    first = _reference(found[0]) if found else None
    for group in found:
        reference = _reference(group)
        if first is not None and reference is not first:
            label = f"{group.label}: {name_of(summary, reference)}"
            against = f"{found[0].label}: {name_of(summary, first)}"
            found_here = changed(first.config, reference.config)
            rows += [(label, key, f"{old} ({against})", new) for key, old, new in found_here]
        for point in group.points:
            if point is not reference:
                label = f"{group.label}: {name_of(summary, point)}" if group.label else name_of(summary, point)
                rows += [(label, *change) for change in changed(reference.config, point.config)]
    return text_table(("point", "key", "baseline", "here"), rows) if rows else None


def _reference(group: Group) -> PointSummary:
    return group.baseline or group.points[0]


def changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Keys (dotted) whose values differ, with the old and the new value as text; what cannot matter is left out."""
    before, after = dict(_flat(old)), dict(_flat(new))
    keys = sorted({*before, *after})
    return [
        (key, before.get(key, MISSING), after.get(key, MISSING))
        for key in keys
        if before.get(key) != after.get(key) and key.split(".")[0] not in NOT_COMPARED
    ]


def _flat(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in config.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", str(value)

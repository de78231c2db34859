"""Which points stand side by side: a group differs in the compared key alone, a panel also in the load key.

A group is one combination of the swept keys other than the compared one; verdict, table and most figures belong to a
group. A load curve joins the groups that differ in nothing but the load; those together are a panel.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sim.measure.summary import Comparison, PointSummary, StudySummary, Verdict
from sim.report.names import LOAD_KEYS, metric_name

COST_RATIO = 1.01  # fleets of one size differ a little by what they drain


@dataclass(frozen=True, slots=True)
class Group:
    """Points that are compared with each other, with what was said about them."""

    label: str  # `situation=equal nodes`, empty where only one key was swept
    keys: tuple[tuple[str, str], ...]
    points: tuple[PointSummary, ...]
    verdict: Verdict | None
    baseline: PointSummary | None


def groups(summary: StudySummary, without: Sequence[str] = ()) -> list[Group]:
    """Groups in the order of their first points; `without` names more keys that do not set groups apart."""
    members: dict[tuple[tuple[str, str], ...], list[PointSummary]] = {}
    for point in summary.points:
        keys = tuple(pair for pair in point.keys.items() if pair[0] not in (summary.compared_key, *without))
        members.setdefault(keys, []).append(point)
    return [_group(summary, keys, points, not without) for keys, points in members.items()]


def _group(
    summary: StudySummary, keys: tuple[tuple[str, str], ...], points: Sequence[PointSummary], judged: bool
) -> Group:
    label = ", ".join(f"{key}={value}" for key, value in keys)  # as verdicts name their group
    verdict = next((verdict for verdict in summary.verdicts if judged and verdict.group == label), None)
    named = [point for point in points if summary.baseline and name_of(summary, point) == summary.baseline]
    return Group(label, keys, tuple(points), verdict, named[0] if named else None)


def panels(summary: StudySummary) -> list[Group]:
    """Groups joined over the load key; empty where no load was swept."""
    key = load_key(summary)
    return [] if key is None else groups(summary, without=(key,))


def priced(summary: StudySummary) -> list[Group]:
    """Groups joined over the keys that change what a fleet costs, such as its nodes; as they are where none does.

    Load and situation set groups apart all the same: what costs less for less work is no bargain.
    """
    return groups(summary, without=[key for key in swept_keys(summary) if _changes_cost(summary, key)])


def _changes_cost(summary: StudySummary, key: str) -> bool:
    """Whether points that differ in nothing but this key differ in cost."""
    if key in (summary.compared_key, "situation") or key in LOAD_KEYS or key.startswith("arrivals."):
        return False
    alike: dict[tuple[tuple[str, str], ...], list[float]] = {}
    for point in summary.points:
        others = tuple(pair for pair in point.keys.items() if pair[0] != key)
        alike.setdefault(others, []).append(mean_of(point, "cost"))
    return any(max(found) > COST_RATIO * min(found) for found in alike.values())


def load_key(summary: StudySummary) -> str | None:
    """The swept key that makes a load curve's axis, if there is one with at least two values, all of them numbers."""
    for key in LOAD_KEYS:
        values = {point.keys[key] for point in summary.points if key in point.keys}
        if len(values) > 1 and all(is_number(value) for value in values):
            return key
    return None


def is_number(text: str) -> bool:
    """Whether a swept value is a finite number."""
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def swept_keys(summary: StudySummary) -> list[str]:
    """All swept keys, in order of appearance."""
    return list(dict.fromkeys(key for point in summary.points for key in point.keys))


def name_of(summary: StudySummary, point: PointSummary) -> str:
    """What a point is called inside its group: its value of the compared key."""
    return point.keys.get(summary.compared_key, point.point)


def names_of(summary: StudySummary) -> list[str]:
    """All names inside groups, in order of appearance: the order in which looks are handed out."""
    return list(dict.fromkeys(name_of(summary, point) for point in summary.points))


def label_of(summary: StudySummary, label: str) -> str:
    """The name of the point with this label; the label itself where there is no such point."""
    return next((name_of(summary, point) for point in summary.points if point.point == label), label)


def ranked(group: Group, metric: str) -> list[PointSummary]:
    """The points from best to worst by a metric, those without it last."""
    sign = 1.0 if metric_name(metric).smaller_is_better else -1.0

    def rank(point: PointSummary) -> tuple[bool, float]:
        mean = mean_of(point, metric)
        return (mean != mean, sign * mean)  # a NaN goes last

    return sorted(group.points, key=rank)


def mean_of(point: PointSummary, metric: str) -> float:
    """The mean of a metric, NaN where it was not estimated."""
    estimate = point.estimates.get(metric)
    return float("nan") if estimate is None else estimate.mean


def against_baseline(summary: StudySummary, group: Group, metric: str) -> list[Comparison]:
    """Comparisons of the group's points with its baseline by one metric."""
    if group.baseline is None:
        return []
    labels = {point.point for point in group.points}
    return [
        comparison
        for comparison in summary.comparisons
        if comparison.metric == metric
        and comparison.baseline == group.baseline.point
        and comparison.point in labels
        and comparison.point != comparison.baseline
    ]

"""A sweep as a whole: effects of its factors, and every pair of its points under one family level.

The verdicts judge a group at a time, each at its own family level, and so one in twenty groups may err. Here Holm
(1979) takes all pairs of all points in all metrics asked as one family: what is apart here is apart whatever else was
looked at. Paired by replication on common random numbers, as everywhere; intervals are simultaneous (Bonferroni).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from sim.measure.compare import compared, paired
from sim.measure.effects import effects, factorial
from sim.measure.summary import Comparison, PointSummary, Sweep

PAIRED_MAX = 100  # points; more have 5,000 pairs and up, which nobody reads


def sweep_of(points: Sequence[PointSummary], metrics: Sequence[str], confidence_ratio: float) -> Sweep | None:
    """Effects and pairs of at least two valid points in the metrics that they have."""
    valid = [point for point in points if point.valid]
    asked = [metric for metric in metrics if any(metric in point.estimates for point in valid)]
    if len(valid) < 2 or not asked:
        return None
    pairs, notes = all_pairs(valid, asked, confidence_ratio), list[str]()
    if not pairs:
        notes.append(f"pairs are left out: {len(valid)} points are above {PAIRED_MAX}")
    design = factorial(points)
    if isinstance(design, str):
        return Sweep(tuple(asked), pairs=tuple(pairs), notes=(*notes, f"no factor effects: {design}"))
    found, shares, told = effects(design, asked, confidence_ratio)
    return Sweep(tuple(asked), tuple(found), tuple(shares), tuple(pairs), (*notes, *told))


def all_pairs(points: Sequence[PointSummary], metrics: Sequence[str], confidence_ratio: float) -> list[Comparison]:
    """The first of two points less the second, a metric at a time; none where they are more than `PAIRED_MAX`."""
    if len(points) > PAIRED_MAX:
        return []
    rows = [
        (one, other, metric, paired(one, other, metric))
        for metric in metrics
        for one, other in combinations([point for point in points if metric in point.estimates], 2)
    ]
    return compared(rows, confidence_ratio)

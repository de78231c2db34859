"""Which points of a group are one system under several names: every figure of every replication equal to the last bit.

On common random numbers two systems that decide alike meet the same requests and give the same figures, so that their
paired differences are exactly zero. Such points are told as one, not as two that happen to be close.
"""

from __future__ import annotations

from collections.abc import Sequence

from sim.measure.summary import PointSummary

NUMBERS = {2: "two", 3: "three", 4: "four", 5: "five"}


def twins(points: Sequence[PointSummary]) -> list[list[str]]:
    """Labels of points that are one system, for each system of two names or more, in the order of the points."""
    found: dict[tuple[tuple[str, bytes], ...], list[str]] = {}
    for point in points:
        figures = tuple(sorted((name, values.tobytes()) for name, values in point.per_replication.items()))
        found.setdefault(figures, []).append(point.point)
    return [labels for labels in found.values() if len(labels) > 1]


def told(labels: Sequence[str]) -> str:
    """One system in words, by the names it is known under."""
    count = NUMBERS.get(len(labels), str(len(labels)))
    return f"{', '.join(labels[:-1])} and {labels[-1]} are one system under {count} names (every figure is equal)"

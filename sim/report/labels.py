"""Labels beside points that cover neither each other nor the points: greedy choice among places around each point.

Eight directions at growing distances, the first place that is free, else the one that covers least (Christensen, Marks
and Shieber, 1995, compare such placements). All lengths in one unit, y upward.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

NEAR = 8.0  # distance of the first places, in points of print
RINGS = (1.0, 2.2, 3.8, 5.6, 7.6)
DIRECTIONS = ((1, 0), (1, 1), (1, -1), (-1, 0), (-1, 1), (-1, -1), (0, 1), (0, -1))
OUTSIDE_WEIGHT = 20.0


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle by its edges."""

    left: float
    bottom: float
    right: float
    top: float

    def shared(self, other: Box) -> float:
        """Area in common."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.top, other.top) - max(self.bottom, other.bottom)
        return width * height if width > 0 and height > 0 else 0.0

    def area(self) -> float:
        """Width times height."""
        return (self.right - self.left) * (self.top - self.bottom)


def place(
    anchors: Sequence[tuple[float, float]], sizes: Sequence[tuple[float, float]], taken: Sequence[Box], inside: Box
) -> list[Box]:
    """A box for each label, in the order given; `taken` are boxes to keep off, `inside` is where labels belong."""
    used = list(taken)
    placed: list[Box] = []
    for anchor, size in zip(anchors, sizes, strict=True):
        best = min(_places(anchor, size), key=lambda box: _cost(box, used, inside))  # the first of equals
        placed.append(best)
        used.append(best)
    return placed


def _places(anchor: tuple[float, float], size: tuple[float, float]) -> list[Box]:
    (x, y), (width, height) = anchor, size
    boxes = []
    for ring in RINGS:
        for right, up in DIRECTIONS:
            slant = 0.75 if right and up else 1.0
            left = x + right * NEAR * ring * slant + (right - 1) * width / 2
            bottom = y + up * NEAR * ring * slant + (up - 1) * height / 2
            boxes.append(Box(left, bottom, left + width, bottom + height))
    return boxes


def _cost(box: Box, used: Sequence[Box], inside: Box) -> float:
    return sum(box.shared(other) for other in used) + OUTSIDE_WEIGHT * (box.area() - box.shared(inside))

"""Distinct positions drawn one after another, without replacement and without touching the list they index.

The m-th uniform maps to one of the n - m + 1 positions not drawn yet: it is moved up past the earlier ones, kept in
ascending order. O(d^2) for d positions; d is small.
"""

from __future__ import annotations

from array import array


def draw_distinct(drawn: array[int], number: int, size: int, draw: float) -> int:
    """Position number `number` (from 0) of `size`; `drawn[:number]` holds the earlier ones and takes this one in."""
    index = int(draw * (size - number))
    at = 0
    while at < number and index >= drawn[at]:
        index += 1
        at += 1
    for later in range(number, at, -1):
        drawn[later] = drawn[later - 1]
    drawn[at] = index
    return index

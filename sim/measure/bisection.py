"""Bisection on a grid whose answers may be wrong-headed: the least index from which on all that was asked holds.

Indices 0..count-1 are in rising order of what ought to help. The answer is the least tested index from which on every
tested one holds, so that a hole above it moves it up. Bisection assumes monotone answers only to choose what to ask
next; `neighbors` indices on either side of the edge are asked as well, and `holes` names what contradicts the order.
At most 2 + ceil(log2(count - 1)) + 2 neighbors questions where the answers are monotone, never more than count.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise


def next_index(holds: Mapping[int, bool], count: int, neighbors: int) -> int | None:
    """What to ask next, given what was answered; None when the edge and its neighbors are known."""
    last = count - 1
    for end in (last, 0):
        if end not in holds:
            return end
    edge = first_holding(holds)
    if edge is None:
        return None
    below = max((index for index in holds if index < edge), default=-1)
    if below >= 0 and edge - below > 1:
        return (below + edge) // 2
    around = [edge + distance for distance in range(1, neighbors + 1)]
    around += [below - distance for distance in range(1, neighbors + 1)]
    return next((index for index in around if 0 <= index <= last and index not in holds), None)


def first_holding(holds: Mapping[int, bool]) -> int | None:
    """The least tested index from which on every tested one holds; None where the largest does not."""
    edge = None
    for index in sorted(holds, reverse=True):
        if not holds[index]:
            break
        edge = index
    return edge


def holes(holds: Mapping[int, bool]) -> list[tuple[int, int]]:
    """Pairs (below, above) of neighbors among the tested of which the lower one holds and the upper one does not."""
    tested = sorted(holds)
    return [(low, high) for low, high in pairwise(tested) if holds[low] and not holds[high]]


def questions_max(count: int, neighbors: int) -> int:
    """The most questions that a bisection over `count` indices asks where the answers are monotone."""
    inside = math.ceil(math.log2(count - 1)) if count > 2 else 0
    return min(count, 2 + inside + 2 * neighbors)

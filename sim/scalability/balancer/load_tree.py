"""Who has the least load, in O(log n): a tournament tree over slots that keeps each subtree's minimum and its ties.

Leaf i (node `leaves` + i) holds the score of slot i, infinity where it cannot be picked; an inner node holds the
smaller of its children and how many leaves share it. Updating a leaf, drawing one of the tied leaves uniformly, the
first tied leaf after a given one, and the lowest one each walk one path (Knuth, vol. 3, 5.4.1: tournament trees).
"""

from __future__ import annotations

from math import inf

from sim.scalability.balancer.fleet_state import floats, integers


class LoadTree:
    """Columns of 2 x `leaves` entries; node 1 is the root, the children of node v are 2v and 2v + 1."""

    __slots__ = ("leaves", "ties", "value")

    def __init__(self, slots_max: int) -> None:
        leaves = 1
        while leaves < slots_max:
            leaves *= 2
        self.leaves = leaves
        self.value = floats(2 * leaves, inf)
        self.ties = integers(2 * leaves, 1)
        tree_build(self)


def tree_build(tree: LoadTree) -> None:
    """Recompute every inner node from the leaves, O(slots_max)."""
    value, ties = tree.value, tree.ties
    for node in range(tree.leaves - 1, 0, -1):
        left = 2 * node
        least, other = value[left], value[left + 1]
        count = ties[left]
        if other < least:
            least, count = other, ties[left + 1]
        elif other == least:
            count += ties[left + 1]
        value[node], ties[node] = least, count


def tree_set(tree: LoadTree, slot: int, score: float) -> None:
    """Leaf `slot` takes `score`; stops at the first ancestor that does not change."""
    value, ties = tree.value, tree.ties
    node = tree.leaves + slot
    if value[node] == score:
        return
    value[node] = score
    node >>= 1
    while node:
        left = 2 * node
        least = value[left]
        other = value[left + 1]
        count = ties[left]
        if other < least:
            least = other
            count = ties[left + 1]
        elif other == least:
            count += ties[left + 1]
        if value[node] == least and ties[node] == count:
            return
        value[node] = least
        ties[node] = count
        node >>= 1


def tree_select(tree: LoadTree, rank: int) -> int:
    """The slot of the tied leaf number `rank` (from 0, in slot order) of those that share the minimum."""
    value, ties, leaves = tree.value, tree.ties, tree.leaves
    least = value[1]
    node = 1
    while node < leaves:
        node *= 2
        if value[node] == least:
            here = ties[node]
            if rank < here:
                continue
            rank -= here
        node += 1
    return node - leaves


def tree_rank(tree: LoadTree, slot: int) -> int:
    """How many of the leaves that share the minimum stand before `slot` (0 <= slot <= leaves)."""
    value, ties = tree.value, tree.ties
    if slot >= tree.leaves:
        return ties[1]
    least = value[1]
    node = tree.leaves + slot
    rank = 0
    while node > 1:
        if node & 1 and value[node - 1] == least:
            rank += ties[node - 1]
        node >>= 1
    return rank

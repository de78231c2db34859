"""Which node stands behind a slot of the balancer: a row a node, reused once its node has left.

Outcomes come by slot, verdicts are on nodes, and a node of several agent types has several slots. Rows are bounded by
the balancer's slots, since every row belongs to a node with a slot.
"""

from __future__ import annotations

from array import array
from heapq import heappop, heappush


class NodeRows:
    """`row_of[slot]`, shape (slots_max,); `rows` maps the nodes to their rows, in order of their first slot."""

    def __init__(self, slots_max: int) -> None:
        self.row_of = array("q", [-1]) * slots_max
        self.rows: dict[str, int] = {}
        self.node_of: list[str] = []  # by row
        self._free: list[int] = []  # heap

    def add(self, slot: int, node_id: str) -> int | None:
        """A slot of a node; gives the node's row if that is new."""
        row = self.rows.get(node_id)
        if row is not None:
            self.row_of[slot] = row
            return None
        if self._free:
            row = heappop(self._free)
            self.node_of[row] = node_id
        else:
            row = len(self.node_of)
            self.node_of.append(node_id)
        self.rows[node_id] = self.row_of[slot] = row
        return row

    def leave(self, node_id: str) -> int | None:
        """The node is gone; gives the row it had."""
        row = self.rows.pop(node_id, None)
        if row is not None:
            heappush(self._free, row)
        return row

    def holds(self, row: int) -> bool:
        """Whether the row is a node's that is still there: outcomes may come late."""
        return self.rows.get(self.node_of[row]) == row

"""Who is to hold a copy of a state: home, then new zones first, then who holds it already, then in ring order.

Nodes stand in a ring by birth, zone by zone. What a copy prefers orders the nodes of one zone that do not hold it yet
by their place in the ring behind home, so that one node a zone and the holders are enough to choose from: O(log nodes)
a zone instead of a look at all nodes for every agent, and O(nodes) after a change of the nodes.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Mapping, Sequence

from sim.scalability.manager.entries import Node
from sim.scalability.manager.ledger import Ledger


def is_open(node: Node) -> bool:
    """Whether new copies may go to the node."""
    return node.online and not node.removing


class Ring:
    """The ledger's online nodes by zone; read anew whenever the caller's `stamp` of the nodes has moved."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self._stamp = -1
        self._zones: dict[str, tuple[list[int], list[Node]]] = {}  # births and nodes, ascending

    def choose(
        self, held_by: Mapping[str, None], home: Node | None, avoid: Collection[str], wanted: int, stamp: int
    ) -> list[str]:
        """Up to `wanted` nodes, none to be avoided; without a home (None) the ring begins at the first holder."""
        chosen = [] if home is None or home.node_id in avoid else [home]
        if len(chosen) < wanted:
            known = self.ledger.nodes
            origin = home or known[next(iter(held_by))]
            holders = [known[name] for name in held_by if name in known and name not in avoid]
            holders = [node for node in holders if node.reachable]
            zones = {node.zone: None for node in chosen}

            def rank(node: Node) -> tuple[bool, bool, bool, bool, int]:
                is_new = node.node_id not in held_by
                return not is_open(node), node.zone in zones, is_new, node.birth < origin.birth, node.birth

            while len(chosen) < wanted:
                able = [node for node in holders if node not in chosen]
                able += self.next_of_zones(stamp, origin.birth, chosen, avoid)
                if not able:
                    break
                best = min(able, key=rank)
                chosen.append(best)
                zones[best.zone] = None
        return [node.node_id for node in chosen]

    def next_of_zones(self, stamp: int, birth: int, chosen: Sequence[Node], avoid: Collection[str]) -> list[Node]:
        """Of every zone the first open node from `birth` on, round the ring, that is neither chosen nor avoided."""
        if stamp != self._stamp:
            self._read()
            self._stamp = stamp
        found = []
        for births, nodes in self._zones.values():
            first, count = bisect_left(births, birth), len(nodes)
            for step in range(count):
                at = first + step
                node = nodes[at - count if at >= count else at]
                if node not in chosen and node.node_id not in avoid and is_open(node):
                    found.append(node)
                    break
        return found

    def _read(self) -> None:
        self._zones = {}
        for node in sorted(self.ledger.nodes.values(), key=lambda node: node.birth):
            if node.online:
                births, nodes = self._zones.setdefault(node.zone, ([], []))
                births.append(node.birth)
                nodes.append(node)

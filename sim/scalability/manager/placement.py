"""Where an agent goes: most free capacity first, then spread. O(log nodes) a placement.

The best node has the highest free / capacity; ties go to the zone with the fewest agents of the type, then to the
node with the fewest, then to the oldest node. Within a zone the second criterion is constant, so that each (type, zone)
has a heap of (-free ratio, agents of the type on the node, birth) and each type a heap of its zones' tops. Entries are
never moved: a changed node gets a new stamp and, before the next placement of that type, a new entry; old ones are
dropped when they surface, or all at once when they are more than half of a heap.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush

from sim.scalability.manager.entries import Node

Entry = tuple[float, int, int, int]  # -free ratio, agents of the type on the node, birth, stamp
Top = tuple[
    float, int, int, int, str, int
]  # -free ratio, agents of the type in the zone, on the node, birth, zone, stamp
SPARE = 64  # entries a heap may hold beyond twice what was good at its last cleaning


class _Zone:
    __slots__ = ("agents", "entries", "entries_max", "stamp")

    def __init__(self) -> None:
        self.agents = 0  # of the type, in this zone
        self.entries: list[Entry] = []
        self.entries_max = SPARE
        self.stamp = 0


class _TypeIndex:
    """The order of the nodes for agents of one type."""

    __slots__ = ("agent_type", "changed", "nodes", "serial", "tops", "tops_max", "zones")

    def __init__(self, agent_type: str, nodes: dict[int, Node]) -> None:
        self.agent_type, self.nodes = agent_type, nodes
        self.zones: dict[str, _Zone] = {}
        self.tops: list[Top] = []
        self.tops_max = SPARE
        self.serial = 0  # of tops: a zone that comes again never repeats a stamp
        self.changed: dict[int, str] = {birth: node.zone for birth, node in nodes.items()}  # birth -> zone

    def best(self) -> Node | None:
        self._flush()
        tops = self.tops
        while tops:
            if self._is_top(tops[0]):
                return self.nodes[tops[0][3]]
            heappop(tops)
        return None

    def _is_top(self, top: Top) -> bool:
        zone = self.zones.get(top[4])
        return zone is not None and zone.stamp == top[5]

    def zone(self, name: str) -> _Zone:
        zone = self.zones.get(name)
        if zone is None:
            zone = self.zones[name] = _Zone()
        return zone

    def _flush(self) -> None:
        if not self.changed:
            return
        touched: dict[str, None] = {}
        for birth, zone_name in self.changed.items():
            touched[zone_name] = None
            node = self.nodes.get(birth)
            if node is not None and node.online and not node.removing and node.free > 0:
                ratio = node.free / node.info.capacity
                heappush(
                    self.zone(zone_name).entries, (-ratio, node.by_type.get(self.agent_type, 0), birth, node.stamp)
                )
        self.changed = {}
        for zone_name in touched:
            self._surface(zone_name)

    def _is_good(self, entry: Entry) -> bool:
        node = self.nodes.get(entry[2])
        return node is not None and node.stamp == entry[3]

    def _surface(self, name: str) -> None:
        """Bring the zone's best node to its top and tell the heap of tops."""
        zone = self.zone(name)
        if len(zone.entries) > zone.entries_max:
            zone.entries = [entry for entry in zone.entries if self._is_good(entry)]
            heapify(zone.entries)
            zone.entries_max = 2 * len(zone.entries) + SPARE
        entries = zone.entries
        while entries and not self._is_good(entries[0]):
            heappop(entries)
        zone.stamp = self.serial = self.serial + 1
        if not entries and not zone.agents:
            del self.zones[name]  # nobody of this type is or can be there
        if entries:
            ratio, on_node, birth, _ = entries[0]
            heappush(self.tops, (ratio, zone.agents, on_node, birth, name, zone.stamp))
        if len(self.tops) > self.tops_max:
            self.tops = [top for top in self.tops if self._is_top(top)]
            heapify(self.tops)
            self.tops_max = 2 * len(self.tops) + SPARE


class Placement:
    """Answers `best`; the ledger tells it of every change."""

    def __init__(self) -> None:
        self._nodes: dict[int, Node] = {}  # by birth
        self._types: dict[str, _TypeIndex] = {}

    def join(self, node: Node) -> None:
        """A node is there."""
        self._nodes[node.birth] = node
        self.touch(node)

    def leave(self, node: Node) -> None:
        """A node is gone."""
        del self._nodes[node.birth]
        self.touch(node)

    def touch(self, node: Node) -> None:
        """The node's load, capacity or status changed."""
        node.stamp += 1
        for index in self._types.values():
            index.changed[node.birth] = node.zone

    def place(self, node: Node, agent_type: str, change: int) -> None:
        """`change` agents of a type came to the node (negative: left)."""
        self._index(agent_type).zone(node.zone).agents += change
        self.touch(node)

    def best(self, agent_type: str) -> Node | None:
        """The node for the next agent of the type; None when no node has room."""
        return self._index(agent_type).best()

    def knows(self, agent_type: str) -> bool:
        """Whether the type has an index."""
        return agent_type in self._types

    def types_count(self) -> int:
        """Agent types ever placed or asked for."""
        return len(self._types)

    def _index(self, agent_type: str) -> _TypeIndex:
        index = self._types.get(agent_type)
        if index is None:
            index = self._types[agent_type] = _TypeIndex(agent_type, self._nodes)
        return index

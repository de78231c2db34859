"""Who holds a copy: the ring's few candidates give what a look at every node gives."""

from __future__ import annotations

import random
from types import SimpleNamespace
from typing import Any

from sim.scalability.manager.entries import Node
from sim.scalability.manager.ring import Ring
from sim.types.fleet import NodeInfo, NodeStatus


def look_at_all(
    nodes: dict[str, Node], held_by: dict[str, None], home: Node | None, avoid: set[str], wanted: int
) -> list[str]:
    """The rule itself, node by node."""
    chosen = [] if home is None or home.node_id in avoid else [home]
    origin = home or nodes[next(iter(held_by))]
    while len(chosen) < wanted:
        able = [
            node
            for node in nodes.values()
            if node.node_id not in avoid and node not in chosen
            if (node.online and not node.removing) or (node.reachable and node.node_id in held_by)
        ]
        if not able:
            break
        zones = {node.zone for node in chosen}
        chosen.append(
            min(
                able,
                key=lambda node: (
                    node.removing or not node.online,
                    node.zone in zones,
                    node.node_id not in held_by,
                    node.birth < origin.birth,
                    node.birth,
                ),
            )
        )
    return [node.node_id for node in chosen]


def test_the_ring_chooses_as_a_look_at_every_node_does() -> None:
    draw = random.Random(5)
    statuses = (NodeStatus.ONLINE,) * 5 + (NodeStatus.DRAINING, NodeStatus.OFFLINE, NodeStatus.MAINTENANCE)
    lengths = set()
    for stamp in range(600):
        nodes: dict[str, Node] = {}
        for birth in sorted(draw.sample(range(30), draw.randint(1, 12))):
            info = NodeInfo(f"n{birth}", "host", 80, draw.choice(statuses), 4)
            node = Node(info, birth, f"z{draw.randrange(4)}", 0.0, info.status)
            node.removing = draw.random() < 0.1
            nodes[node.node_id] = node
        ledger: Any = SimpleNamespace(nodes=nodes)
        ring, names = Ring(ledger), list(nodes)
        for _ in range(3):
            held_by = dict.fromkeys(draw.sample(names, draw.randint(1, min(3, len(names)))))
            home = draw.choice([None, *nodes.values()])
            avoid = {name for name in names if draw.random() < 0.1}
            wanted = draw.randint(1, 5)
            found = ring.choose(held_by, home, avoid, wanted, stamp)
            assert found == look_at_all(nodes, held_by, home, avoid, wanted), f"stamp {stamp}"
            lengths.add(len(found))
    assert lengths == {0, 1, 2, 3, 4, 5}

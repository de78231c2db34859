"""Placement against its rule written out: all nodes compared, every time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import DeployError
from sim.scalability.manager.entries import Node
from sim.scalability.manager.placement import SPARE, Placement
from sim.types.fleet import NodeStatus
from tests.scalability.manager.rig import Rig, node


def test_agents_spread_over_equal_nodes(rig: Rig) -> None:
    rig.add_nodes(10)
    rig.deploy(120)
    assert set(rig.loads().values()) == {12}
    with pytest.raises(DeployError):
        rig.deploy()


def test_most_free_capacity_ratio_goes_first(rig: Rig) -> None:
    rig.add_nodes(1, 2)
    rig.add_nodes(1, 8)
    homes = [rig.home(agent_id) for agent_id in rig.deploy(10)]
    assert homes == ["node-0", "node-1", "node-1", "node-1", "node-1", "node-0", "node-1", "node-1", "node-1", "node-1"]


def test_ties_go_to_the_zone_with_the_fewest_of_the_type(rig: Rig) -> None:
    rig.add_nodes(2, zone="a")
    rig.add_nodes(2, region="b")
    assert [rig.home(agent_id) for agent_id in rig.deploy(4)] == ["node-0", "node-2", "node-1", "node-3"]


def test_then_to_the_node_with_the_fewest_of_the_type(rig: Rig) -> None:
    rig.add_nodes(2, 4)
    rig.deploy(type="writer")  # node-0
    rig.deploy()  # node-1
    assert [rig.home(agent_id) for agent_id in rig.deploy(1, type="writer")] == ["node-1"]
    assert [rig.home(agent_id) for agent_id in rig.deploy(1)] == ["node-0"]


def brute_best(nodes: list[Node], kind: str) -> Node | None:
    """The rule as it is told."""
    able = [one for one in nodes if one.online and not one.removing and one.free > 0]

    def rank(one: Node) -> tuple[float, int, int, int]:
        in_zone = sum(other.by_type.get(kind, 0) for other in nodes if other.zone == one.zone)
        return -one.free / one.info.capacity, in_zone, one.by_type.get(kind, 0), one.birth

    return min(able, key=rank) if able else None


def change(placement: Placement, one: Node, kind: str, by: int) -> None:
    one.placed += by
    one.by_type[kind] = one.by_type.get(kind, 0) + by
    placement.place(one, kind, by)


STEPS = st.lists(st.tuples(st.sampled_from("ppppfojlt"), st.integers(0, 11), st.sampled_from(["x", "y"])), max_size=120)


@given(STEPS)
def test_the_index_agrees_with_the_rule(steps: list[tuple[str, int, str]]) -> None:
    placement = Placement()
    nodes: list[Node] = []
    births = 0
    for step, number, kind in [("j", 2, "x"), ("j", 3, "x"), *steps]:
        if step == "j":
            info = node(f"node-{births}", 1 + number % 5)
            nodes.append(Node(info, births, f"zone-{number % 3}", 0.0, NodeStatus.ONLINE))
            placement.join(nodes[-1])
            births += 1
        elif not nodes:
            continue
        elif step == "p" and (best := placement.best(kind)) is not None:
            change(placement, best, kind, 1)
        elif step == "f":
            one = nodes[number % len(nodes)]
            if one.by_type.get(kind, 0):
                change(placement, one, kind, -1)
        elif step == "o":
            one = nodes[number % len(nodes)]
            one.info.status = NodeStatus.OFFLINE if one.online else NodeStatus.ONLINE
            placement.touch(one)
        elif step == "t":
            one = nodes[number % len(nodes)]
            one.info.capacity += 1
            placement.touch(one)
        elif step == "l" and not any(nodes[number % len(nodes)].by_type.values()):
            placement.leave(nodes.pop(number % len(nodes)))
        for wanted in ("x", "y"):
            assert placement.best(wanted) is brute_best(nodes, wanted)


def test_old_entries_do_not_pile_up() -> None:
    placement = Placement()
    nodes = [Node(node(f"node-{birth}", 4), birth, f"zone-{birth // 2}", 0.0, NodeStatus.ONLINE) for birth in range(3)]
    for one in nodes:
        placement.join(one)
        change(placement, one, "y", int(one is not nodes[0]))
    for number in range(1_000):
        busy = nodes[1 + number % 2]  # node-0 is empty and stays on top, so that nothing surfaces
        for by in (1, -1):
            change(placement, busy, "y", by)
            assert placement.best("x") is nodes[0]
    index = placement._types["x"]
    assert len(index.tops) <= 2 * len(nodes) + 2 * SPARE
    assert all(len(zone.entries) <= 2 + 2 * SPARE for zone in index.zones.values())


def test_zones_without_nodes_are_forgotten() -> None:
    placement = Placement()
    for birth in range(100):
        one = Node(node("node", 1), birth, f"zone-{birth}", 0.0, NodeStatus.ONLINE)
        placement.join(one)
        assert placement.best("x") is one
        placement.leave(one)
        assert placement.best("x") is None
    assert placement._types["x"].zones == {}

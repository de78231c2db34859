"""Zones that fail as one, with nodes that come and go."""

from __future__ import annotations

from sim.runtime.order import FAULT
from tests.world.faults.fake import Rig


def test_zones_fail_each_by_itself_all_their_nodes_at_one_instant() -> None:
    rig = Rig(nodes=6, zones=("a", "b", "c")).add("zone_outage", mttf_s=100.0, mttr_s=10.0).run(5000.0)
    instants: dict[float, list[str]] = {}
    for at, _, node, _ in rig.calls("crash"):
        instants.setdefault(at, []).append(node)
    assert len(instants) > 50
    pairs = [["node-0", "node-3"], ["node-1", "node-4"], ["node-2", "node-5"]]
    assert all(nodes in pairs for nodes in instants.values())
    assert all(pair in instants.values() for pair in pairs)


def test_a_node_that_joins_a_zone_while_it_is_out_is_struck_too() -> None:
    rig = Rig(nodes=1).add("zone_outage", at_s=(10.0,), for_s=10.0)
    rig.at(12.0, lambda: rig.target.born("late")).at(25.0, lambda: rig.target.born("later")).run(100.0)
    assert [(at, name, node) for at, name, node, _ in rig.calls()] == [
        (10.0, "crash", "node-0"),
        (12.0, "crash", "late"),
        (20.0, "restore", "node-0"),
        (20.0, "restore", "late"),
    ]


def test_a_node_that_leaves_a_zone_that_is_out() -> None:
    rig = Rig(nodes=2).add("zone_outage", at_s=(10.0, 30.0), for_s=10.0)
    rig.at(15.0, lambda: rig.target.gone("node-0")).run(100.0)
    assert [(at, name) for at, name, node, _ in rig.calls() if node == "node-0"] == [(10.0, "crash")]
    assert len(rig.calls("restore")) == 2


def test_a_node_that_joins_and_leaves_at_the_same_instant_is_left_alone() -> None:
    rig = Rig(nodes=1).add("zone_outage", at_s=(10.0,), for_s=10.0)

    def come_and_go() -> None:
        rig.target.born("late")
        rig.target.gone("late")

    rig.at(12.0, come_and_go).run(100.0)
    assert [node for _, _, node, _ in rig.calls()] == ["node-0", "node-0"]


def test_a_node_born_in_the_instant_of_the_outage_is_struck_once() -> None:
    rig = Rig(nodes=1).add("zone_outage", at_s=(10.0,), for_s=10.0)
    rig.injector.start()
    rig.env.call_at(10.0, FAULT, 0, lambda _: rig.target.born("late"), None)  # just before the outage
    rig.env.run(50.0)
    assert [(at, name, node) for at, name, node, _ in rig.calls("crash")] == [
        (10.0, "crash", "node-0"), (10.0, "crash", "late"),
    ]  # fmt: skip


def test_a_node_born_in_the_instant_of_the_end_is_left_alone() -> None:
    rig = Rig(nodes=1).add("zone_outage", at_s=(10.0,), for_s=10.0)
    rig.injector.start()
    rig.env.call_at(20.0, FAULT, 0, lambda _: rig.target.born("late"), None)  # just before the end
    rig.env.run(50.0)
    assert {node for _, _, node, _ in rig.calls()} == {"node-0"}


def test_a_new_zone_gets_a_process_of_its_own() -> None:
    rig = Rig(nodes=1).add("zone_outage", mttf_s=50.0, mttr_s=5.0)
    rig.at(100.0, lambda: rig.target.born("far", "zone-2")).run(3000.0)
    here, there = ([at for at, _, node, _ in rig.calls("crash") if node == one] for one in ("node-0", "far"))
    assert min(there) > 100.0
    assert len(there) > 20
    assert not set(here) & set(there)


def test_other_zones_are_left_alone() -> None:
    rig = Rig(nodes=2, zones=("a", "b")).add("zone_outage", mttf_s=5.0, mttr_s=5.0, zones=("b",)).run(100.0)
    assert {node for _, _, node, _ in rig.calls()} == {"node-1"}

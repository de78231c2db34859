"""Nodes come in checked, change checked, and are shown as copies."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sim.errors import NodeError
from sim.types.fleet import NodeInfo, NodeStatus
from tests.scalability.manager.rig import Rig, node


def test_a_registered_node_is_a_copy(rig: Rig) -> None:
    info = node("node-1", region="us-east")
    assert rig.run(rig.manager.register_node(info)) is True
    info.metadata["region"] = "elsewhere"
    info.capacity = 99
    seen = rig.manager.get_node("node-1")
    assert (seen.capacity, seen.metadata, seen.current_load) == (12, {"region": "us-east"}, 0)
    seen.metadata["region"] = "nowhere"
    assert rig.manager.get_node("node-1").metadata == {"region": "us-east"}
    assert rig.kinds() == ["node_registered"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("node_id", ""),
        ("node_id", "-node"),
        ("node_id", "node 1"),
        ("node_id", "n" * 129),
        ("node_id", 7),
        ("host", ""),
        ("host", "a b"),
        ("host", "h\n"),
        ("host", "h" * 257),
        ("port", 0),
        ("port", 65_536),
        ("port", 80.0),
        ("port", True),
        ("status", "online"),
        ("capacity", 0),
        ("capacity", 1.5),
        ("capacity", 1_000_001),
        ("current_load", -1),
        ("current_load", 13),
        ("cpu_usage", 1.1),
        ("cpu_usage", float("nan")),
        ("memory_usage", -0.1),
        ("memory_usage", "low"),
        ("last_heartbeat", float("inf")),
        ("last_heartbeat", -1.0),
        ("metadata", None),
        ("metadata", {1: "a"}),
        ("metadata", {"speed": 0}),
        ("metadata", {"speed": "fast"}),
    ],
)
def test_a_bad_field_is_named(rig: Rig, field: str, value: Any) -> None:
    bad = replace(node("node-1"), **{field: value})
    with pytest.raises(NodeError) as caught:
        rig.run(rig.manager.register_node(bad))
    assert f"{field}={value!r}: accepted is" in str(caught.value)
    assert rig.manager.list_nodes() == []
    assert rig.manager.metrics().nodes_refused == 1
    assert rig.books.weights == {}


def test_only_node_infos_are_nodes(rig: Rig) -> None:
    with pytest.raises(NodeError, match="a NodeInfo"):
        rig.run(rig.manager.register_node({"node_id": "node-1"}))  # type: ignore[arg-type]


def test_no_duplicates_and_at_most_max_nodes() -> None:
    rig = Rig(max_nodes=2)
    rig.add_nodes(2)
    with pytest.raises(NodeError, match="node-0: is registered already"):
        rig.run(rig.manager.register_node(node("node-0")))
    with pytest.raises(NodeError, match="max_nodes=2"):
        rig.run(rig.manager.register_node(node("node-9")))
    assert rig.manager.metrics().nodes_registered == 2


def test_the_balancer_hears_the_speed_of_one_agent(rig: Rig) -> None:
    rig.add_nodes(1, speed=0.5)
    rig.add_nodes(1)
    assert rig.books.weights == {"node-0": 0.5, "node-1": 1.0}


def test_a_node_that_registers_offline_or_draining_is_not_eligible(rig: Rig) -> None:
    rig.run(rig.manager.register_node(replace(node("a"), status=NodeStatus.DRAINING)))
    rig.run(rig.manager.register_node(replace(node("b"), status=NodeStatus.OFFLINE)))
    assert rig.books.eligible == {"a": False, "b": False}
    assert [info.node_id for info in rig.manager.list_nodes(NodeStatus.OFFLINE)] == ["b"]
    rig.audit()


def test_load_that_is_already_there_takes_places(rig: Rig) -> None:
    rig.run(rig.manager.register_node(replace(node("a", 3), current_load=2)))
    rig.deploy()
    assert rig.loads() == {"a": 3}
    rig.audit()


def test_update_changes_what_is_given(rig: Rig) -> None:
    rig.add_nodes(1, region="us-east", rack="r1")
    update = rig.manager.update_node(
        "node-0", capacity=4, host="10.0.0.9", port=9, cpu_usage=0.5, memory_usage=0.25, metadata={"rack": "r2"}
    )
    rig.run(update)
    seen = rig.manager.get_node("node-0")
    assert seen == NodeInfo(
        node_id="node-0",
        host="10.0.0.9",
        port=9,
        capacity=4,
        cpu_usage=0.5,
        memory_usage=0.25,
        metadata={"region": "us-east", "rack": "r2"},
    )
    rig.run(rig.manager.update_node("node-0", port=9))
    assert rig.kinds("node-0") == ["node_registered", "node_updated"]
    told = {"capacity": 4, "host": "10.0.0.9", "port": 9, "cpu_usage": 0.5, "memory_usage": 0.25}
    assert dict(rig.log.rows[-1].fields) == {"reason": "changed by the user", **told}


@pytest.mark.parametrize("change", [{"port": 9}, {"cpu_usage": 0.5}, {"metadata": {"rack": "r2"}}, {"capacity": 4}])
def test_update_changes_one_thing_alone(rig: Rig, change: dict[str, Any]) -> None:
    rig.add_nodes(1)
    before = rig.manager.get_node("node-0")
    rig.run(rig.manager.update_node("node-0", **change))
    assert rig.manager.get_node("node-0") == replace(before, **change)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"capacity": 1}, "capacity=1: 2 agents are on it"),
        ({"capacity": 0}, "capacity=0: accepted is"),
        ({"port": 0}, "port=0: accepted is"),
        ({"status": "offline"}, "status='offline': accepted is"),
        ({"metadata": {"zone": "b"}}, "metadata zone='b': it is fixed"),
        ({"metadata": {"speed": 2.0}}, "metadata speed=2.0: it is fixed"),
    ],
)
def test_a_refused_update_changes_nothing(rig: Rig, change: dict[str, Any], problem: str) -> None:
    rig.add_nodes(1, zone="a")
    rig.deploy(2)
    before = rig.manager.get_node("node-0")
    with pytest.raises(NodeError) as caught:
        rig.run(rig.manager.update_node("node-0", **{"host": "10.0.0.1", **change}))
    assert problem in str(caught.value)
    assert rig.manager.get_node("node-0") == before


def test_unknown_nodes_are_named(rig: Rig) -> None:
    for call in (rig.manager.update_node("x"), rig.manager.remove_node("x")):
        with pytest.raises(NodeError, match="node x: is not registered"):
            rig.run(call)
    with pytest.raises(NodeError, match="node x: is not registered"):
        rig.manager.get_node("x")
    with pytest.raises(NodeError, match="node x: is not registered"):
        rig.manager.ready_count("x", "research")


def test_status_by_hand(rig: Rig) -> None:
    rig.add_nodes(1)
    for status in map(NodeStatus, ("maintenance", "draining", "offline", "online", "online")):
        rig.run(rig.manager.update_node("node-0", status=status))
        assert rig.manager.get_node("node-0").status is status
        rig.audit()
    assert rig.reasons("node_status") == ["wanted by the user"] * 4


def test_more_capacity_lets_agents_in(rig: Rig) -> None:
    rig.add_nodes(1, 1)
    rig.deploy()
    rig.run(rig.manager.update_node("node-0", capacity=2))
    rig.deploy()
    assert rig.loads() == {"node-0": 2}


def test_a_node_may_have_as_few_places_as_are_taken(rig: Rig) -> None:
    rig.add_nodes(1)
    rig.deploy(2)
    rig.run(rig.manager.update_node("node-0", capacity=2))
    assert rig.manager.get_node("node-0").capacity == 2
    rig.audit_at_rest()

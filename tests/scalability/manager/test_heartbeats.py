"""Silence is found at a check, a heartbeat brings a node back, and a node's own clock is never trusted."""

from __future__ import annotations

from typing import Any

import pytest

from sim.errors import NodeError
from sim.types.fleet import NodeStatus
from tests.scalability.manager.rig import Rig


def quiet(**config: Any) -> Rig:
    """Two nodes under watch, no scaling."""
    rig = Rig(auto_scaling=False, **config)
    rig.add_nodes(2)
    rig.run(rig.manager.start())
    return rig


def test_a_heartbeat_keeps_what_it_says(rig: Rig) -> None:
    rig.add_nodes(1)
    rig.manager.heartbeat("node-0", at=1.7e9, current_load=3, cpu_usage=0.5, memory_usage=0.25)
    seen = rig.manager.get_node("node-0")
    assert (seen.last_heartbeat, seen.current_load, seen.cpu_usage, seen.memory_usage) == (1.7e9, 3, 0.5, 0.25)
    rig.manager.heartbeat("node-0")
    assert rig.manager.get_node("node-0") == seen
    assert rig.manager.metrics().heartbeats_received == 2
    rig.audit()


@pytest.mark.parametrize(
    "report",
    [
        {"at": float("nan")},
        {"at": -1.0},
        {"cpu_usage": 1.5},
        {"memory_usage": "much"},
        {"current_load": 13},
        {"current_load": 1.0},
        {"status": "online"},
    ],
)
def test_a_bad_figure_is_refused_and_is_no_sign_of_life(rig: Rig, report: dict[str, Any]) -> None:
    rig.add_nodes(1)
    ((name, value),) = report.items()
    with pytest.raises(NodeError, match="accepted is"):
        rig.manager.heartbeat("node-0", **report)
    assert rig.manager.metrics().heartbeats_received == 0, f"{name}={value}"


def test_an_unknown_node_is_told(rig: Rig) -> None:
    with pytest.raises(NodeError, match="node ghost: is not registered"):
        rig.manager.heartbeat("ghost")


def test_figures_with_an_older_timestamp_are_dropped_and_counted(rig: Rig) -> None:
    rig.add_nodes(1)
    rig.manager.heartbeat("node-0", at=100.0, cpu_usage=0.9)
    rig.manager.heartbeat("node-0", at=99.0, cpu_usage=0.1, current_load=5, status=NodeStatus.OFFLINE)
    rig.manager.heartbeat("node-0", at=100.0, memory_usage=0.3)
    seen = rig.manager.get_node("node-0")
    assert (seen.cpu_usage, seen.memory_usage, seen.current_load) == (0.9, 0.3, 0)
    assert (seen.status, seen.last_heartbeat) == (NodeStatus.ONLINE, 100.0)
    assert rig.manager.metrics().heartbeats_stale == 1


def test_old_timestamps_are_signs_of_life() -> None:
    rig = quiet()
    rig.manager.heartbeat("node-0", at=1000.0)
    for _ in range(20):
        rig.pass_time(10.0)
        rig.manager.heartbeat("node-0", at=500.0)
    assert rig.manager.get_node("node-0").status is NodeStatus.ONLINE
    assert rig.manager.get_node("node-1").status is NodeStatus.OFFLINE


def test_silence_is_found_at_the_check_after_node_timeout() -> None:
    rig = quiet()
    rig.pass_time(89.0)
    assert rig.manager.status().nodes["online"] == 2  # 60 s at the check at 60 s: not longer than node_timeout
    rig.pass_time(2.0)
    assert rig.manager.status().nodes["offline"] == 2
    assert rig.reasons("node_status", "node-0") == ["silent for 90 s, over node_timeout=60 s"]
    assert rig.manager.metrics().nodes_lost == 2
    assert rig.manager.metrics().checks == 3
    rig.audit()


def test_a_heartbeat_brings_a_node_back() -> None:
    rig = quiet()
    rig.pass_time(100.0)
    rig.beat("node-0")
    assert rig.manager.get_node("node-0").status is NodeStatus.ONLINE
    assert rig.reasons("node_status", "node-0")[-1] == "heartbeat after 100 s"
    assert rig.manager.metrics().nodes_returned == 1
    rig.audit()


def test_a_draining_node_comes_back_draining() -> None:
    rig = quiet()
    rig.run(rig.manager.update_node("node-0", status=NodeStatus.DRAINING))
    rig.pass_time(100.0)
    assert rig.manager.get_node("node-0").status is NodeStatus.OFFLINE
    rig.beat("node-0")
    assert rig.manager.get_node("node-0").status is NodeStatus.DRAINING


def test_a_node_under_maintenance_may_be_silent() -> None:
    rig = quiet()
    rig.run(rig.manager.update_node("node-0", status=NodeStatus.MAINTENANCE))
    rig.pass_time(1000.0)
    assert rig.manager.get_node("node-0").status is NodeStatus.MAINTENANCE
    rig.run(rig.manager.update_node("node-0", status=NodeStatus.ONLINE))
    rig.pass_time(55.0)
    assert rig.manager.get_node("node-0").status is NodeStatus.ONLINE  # its silence counts from its return


def test_a_node_can_report_its_own_status(rig: Rig) -> None:
    rig.add_nodes(1)
    for status in (NodeStatus.MAINTENANCE, NodeStatus.DRAINING, NodeStatus.ONLINE):
        rig.manager.heartbeat("node-0", status=status)
        assert rig.manager.get_node("node-0").status is status
    assert rig.reasons("node_status") == ["reported by the node"] * 3
    rig.manager.heartbeat("node-0", status=NodeStatus.OFFLINE)
    assert rig.reasons("node_status")[-1] == "the node said that it goes down"
    rig.beat("node-0")
    assert rig.manager.get_node("node-0").status is NodeStatus.ONLINE


def test_offline_by_the_user_stays_whatever_the_node_says(rig: Rig) -> None:
    rig.add_nodes(1)
    rig.run(rig.manager.update_node("node-0", status=NodeStatus.OFFLINE))
    rig.manager.heartbeat("node-0", status=NodeStatus.ONLINE)
    assert rig.manager.get_node("node-0").status is NodeStatus.OFFLINE
    rig.run(rig.manager.update_node("node-0", status=NodeStatus.ONLINE))
    assert rig.manager.get_node("node-0").status is NodeStatus.ONLINE


def test_foreign_load_takes_places_and_gives_them_back(rig: Rig) -> None:
    rig.add_nodes(1, 3)
    rig.deploy()
    rig.manager.heartbeat("node-0", current_load=3)
    assert rig.manager.status().free == 0
    rig.manager.heartbeat("node-0", current_load=1)
    assert rig.manager.status().free == 2
    rig.audit()


def test_what_is_said_twice_changes_nothing(rig: Rig) -> None:
    rig.add_nodes(1)
    rig.manager.heartbeat("node-0", current_load=0)
    rig.run(rig.manager.update_node("node-0", status=NodeStatus.OFFLINE))
    rig.manager.heartbeat("node-0", status=NodeStatus.OFFLINE)
    assert rig.manager.metrics().nodes_lost == 1
    assert rig.kinds("node-0") == ["node_registered", "node_status", "node_fenced"]

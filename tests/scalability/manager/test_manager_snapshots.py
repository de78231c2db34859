"""Status and metrics: frozen, plain, JSON-able, and right to the last number; loops start once and end."""

from __future__ import annotations

import dataclasses
import json

import pytest

from sim.runtime.cancelled import Cancelled
from sim.runtime.events import EventLog
from sim.runtime.virtual import VirtualRuntime
from sim.scalability.manager import DistributedManager
from sim.types.fleet import NodeStatus
from tests.scalability.manager.rig import Rig


def test_status_of_an_empty_manager(rig: Rig) -> None:
    status = rig.manager.status()
    assert (status.capacity, status.utilization_ratio, status.running, status.at) == (0, 0.0, False, 0.0)
    metrics = rig.manager.metrics()
    assert (metrics.deploy_latency_s_mean, metrics.deploy_latency_s_p95, metrics.deploys) == (0.0, 0.0, 0)


def test_status_and_metrics_to_the_last_number(rig: Rig) -> None:
    rig.add_nodes(3, 4)
    for seconds in (1.0, 2.0, 3.0, 6.0):
        rig.host.start_s = seconds
        rig.deploy(type="writer" if seconds == 6.0 else "research")
    rig.run(rig.manager.update_node("node-2", status=NodeStatus.MAINTENANCE))
    status = rig.manager.status().as_dict()
    assert status == {
        "at": 12.0,
        "strategy": "least_connections",
        "running": False,
        "nodes": {"online": 2, "offline": 0, "draining": 0, "maintenance": 1},
        "nodes_max": 10,
        "agents": {"pending": 0, "starting": 0, "ready": 4, "stopped": 0},
        "agents_by_type": {"research": 3, "writer": 1},
        "agents_max": 120,
        "registered": 4,
        "pending": 0,
        "unreachable": 0,
        "orphans": 0,
        "capacity": 8,
        "load": 3,
        "free": 5,
        "utilization_ratio": 0.375,
        "scale_recommendation": 0,
        "scale_reason": "",
        "states": 0,
        "states_single": 0,
        "states_under_replicated": 0,
    }
    metrics = rig.manager.metrics().as_dict()
    latencies = {name: value for name, value in metrics.items() if name.startswith("deploy_latency")}
    assert latencies == {
        "deploy_latency_s_mean": 3.0,
        "deploy_latency_s_p50": 2.0,
        "deploy_latency_s_p95": 3.0,
        "deploy_latency_s_max": 6.0,
    }
    assert (metrics["nodes_registered"], metrics["deploys"], metrics["at"]) == (3, 4, 12.0)
    assert json.loads(json.dumps([status, metrics])) == [status, metrics]


def test_snapshots_are_frozen(rig: Rig) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        rig.manager.status().pending = 1  # type: ignore[misc]


def test_loops_begin_once_and_end(rig: Rig) -> None:
    rig.run(rig.manager.start())
    rig.run(rig.manager.start())
    assert rig.manager.status().running is True
    rig.pass_time(65.0)
    assert rig.manager.metrics().checks == 2
    rig.run(rig.manager.stop())
    rig.run(rig.manager.stop())
    assert rig.manager.status().running is False
    rig.pass_time(100.0)
    assert rig.manager.metrics().checks == 2


def test_a_loop_stopped_before_its_first_step(rig: Rig) -> None:
    async def go() -> None:
        await rig.manager.start()
        await rig.manager.stop()

    rig.run(go())
    assert rig.manager.status().running is False


def test_run_goes_on_until_cancelled(rig: Rig) -> None:
    async def go() -> None:
        task = rig.runtime.spawn(rig.manager.run())
        await rig.runtime.sleep(100.0)
        task.cancel()
        with pytest.raises(Cancelled):
            await task.join()

    rig.run(go())
    assert rig.manager.metrics().checks == 3
    assert rig.manager.status().running is False


def test_what_is_handed_in_is_what_is_used(rig: Rig) -> None:
    assert rig.manager.host is rig.host
    assert rig.manager.runtime is rig.runtime
    assert rig.manager.events is rig.log
    other = DistributedManager(runtime=VirtualRuntime())
    assert isinstance(other.events, EventLog)
    other.host = rig.host
    assert other.host is rig.host


def test_the_same_history_gives_the_same_digest() -> None:
    digests = set()
    for _ in range(2):
        rig = Rig()
        rig.add_nodes(4, 3, zone="a")
        rig.deploy(9)
        rig.run(rig.manager.start())
        rig.pass_time(100.0)
        rig.beat("node-1")
        rig.pass_time(1.0)
        digests.add(rig.log.digest())
    assert len(digests) == 1

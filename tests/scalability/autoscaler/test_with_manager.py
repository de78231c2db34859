"""The actuator over the real manager: pending agents first, undone whole, scale-in that drains and moves nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from sim.errors import FleetError
from sim.runtime.events import EventLog
from sim.runtime.virtual import VirtualRuntime
from sim.scalability.autoscaler.actuator import FleetActuator
from sim.scalability.autoscaler.loop import Autoscaler
from sim.scalability.autoscaler.params import AutoscalerParams
from sim.scalability.autoscaler.sampler import FleetSampler
from sim.scalability.manager import DistributedManager
from sim.types.fleet import AgentStatus, NodeInfo, NodeStatus
from tests.scalability.autoscaler.rig import policy_of
from tests.scalability.autoscaler.test_sampler import Books
from tests.scalability.manager.rig import Books as Membership
from tests.scalability.manager.rig import ScriptedHost


class Machines:
    """Machines m-0, m-1, ... of four places; `running_s` is how long their work takes to drain."""

    def __init__(self, runtime: VirtualRuntime) -> None:
        self.runtime, self.given = runtime, 0
        self.running_s: dict[str, float] = {}
        self.released: list[tuple[float, str]] = []

    async def provide(self) -> NodeInfo:
        await self.runtime.sleep(60.0)
        self.given += 1
        return NodeInfo(f"m-{self.given - 1}", "127.0.0.1", 8080, capacity=4)

    async def drained(self, node_id: str) -> None:
        await self.runtime.sleep(self.running_s.get(node_id, 0.0))

    async def release(self, node_id: str) -> None:
        self.released.append((self.runtime.now(), node_id))


class Rig:
    def __init__(self) -> None:
        self.runtime = VirtualRuntime()
        self.host, self.machines, self.load = ScriptedHost(self.runtime), Machines(self.runtime), Books()
        self.log = EventLog()
        self.manager = DistributedManager(
            {"max_nodes": 20, "auto_scaling": False, "failover_enabled": True},
            runtime=self.runtime,
            membership=Membership(),
            host=self.host,
            events=self.log,
        )
        self.manager.provider = self.machines
        self.params = AutoscalerParams(kind="threshold", target_utilization_ratio=0.8, drain_s=100.0, max_nodes=9)
        self.actuator = FleetActuator(
            self.runtime, self.manager, self.machines, self.params, {"chat": 4}, self.load.in_flight
        )
        self.sampler = FleetSampler(
            self.runtime,
            self.actuator,
            self.load,
            lambda node_ids: self.manager.ready_counts(node_ids, ["chat"]),
            lambda: self.manager.status().pending,
        )

    def add(self, count: int) -> list[str]:
        return [self.runtime.run_task(self.actuator.add()) for _ in range(count)]

    def agents(self, node_id: str) -> list[Any]:
        return self.manager.list_agents(node_id=node_id, status=AgentStatus.READY)


@pytest.fixture
def rig() -> Iterator[Rig]:
    made = Rig()
    yield made
    made.runtime.close()


def test_a_node_is_registered_and_filled(rig: Rig) -> None:
    assert rig.add(2) == ["m-0", "m-1"]
    assert [len(rig.agents(name)) for name in ("m-0", "m-1")] == [4, 4]
    seen = rig.sampler()
    assert (seen.nodes_ready, seen.agents_ready, seen.agents_per_node) == (2, 8, 4)


def test_agents_of_a_lost_node_come_first(rig: Rig) -> None:
    rig.add(2)
    rig.runtime.run_task(rig.manager.update_node("m-0", status=NodeStatus.OFFLINE))
    assert rig.sampler().agents_pending == 4
    rig.add(1)
    rig.runtime.run_task(rig.runtime.sleep(1.0))
    assert rig.sampler().agents_pending == 0
    assert len(rig.agents("m-2")) == 4
    assert rig.manager.status().registered == 8  # moved, none deployed anew


def test_a_node_whose_agents_do_not_start_is_undone(rig: Rig) -> None:
    rig.host.broken = {"m-0"}
    with pytest.raises(FleetError, match="m-0"):
        rig.add(1)
    assert rig.manager.list_nodes() == []
    assert rig.manager.status().pending == 0
    assert [name for _, name in rig.machines.released] == ["m-0"]


def test_scale_in_waits_for_the_work_and_stops_the_agents(rig: Rig) -> None:
    rig.add(2)
    started_at = rig.runtime.now()
    rig.machines.running_s = {"m-0": 30.0, "m-1": 1000.0}
    for name, takes_s in (("m-0", 30.0), ("m-1", 130.0)):  # the second is cut off after drain_s
        rig.runtime.run_task(rig.actuator.remove(name, "test"))
        assert rig.machines.released[-1] == (started_at + takes_s, name)
    assert rig.manager.list_nodes() == []
    assert rig.manager.list_agents() == []


def test_the_loop_over_the_real_manager(rig: Rig) -> None:
    rig.add(2)
    scaler = Autoscaler(
        rig.runtime,
        policy_of("threshold", target_utilization_ratio=0.8),
        rig.params,
        rig.sampler,
        rig.actuator,
        rig.log,
    )
    rig.runtime.spawn(scaler.run(), "autoscaler")

    async def work() -> None:
        while True:  # seven agents' worth of work on whatever is there
            await rig.runtime.sleep(1.0)
            names = rig.actuator.ready()
            for name in names:
                rig.load.busy[name] = rig.load.busy.get(name, 0.0) + 7.0 / len(names)

    rig.runtime.spawn(work(), "work")
    rig.runtime.run(until=rig.runtime.now() + 300.0)
    assert scaler.desired_nodes == 3  # 7 of 8 are over .8; 7 of 12 are not, and would be over with one node less
    assert rig.actuator.ready() == ["m-0", "m-1", "m-2"]
    scales = [row for row in rig.log.rows if row.kind.startswith("scale_")]
    assert [row.kind for row in scales] == ["scale_out", "scale_held", "scale_held"]
    assert dict(scales[0].fields) == {"reason": "utilization 0.875 over 0.8", "desired": 3, "nodes": 1}


def test_a_machine_silent_for_twenty_minutes_leaves_the_books(rig: Rig) -> None:
    rig.add(2)
    rig.runtime.run_task(rig.manager.update_node("m-0", status=NodeStatus.OFFLINE))
    assert rig.actuator.lost() == []
    rig.runtime.run_task(rig.runtime.sleep(1200.0))
    assert rig.actuator.lost() == ["m-0"]
    rig.runtime.run_task(rig.actuator.remove("m-0", "given up"))
    assert [node.node_id for node in rig.manager.list_nodes()] == ["m-1"]
    assert rig.manager.status().pending == 4  # who waits for another place still does

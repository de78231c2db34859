"""The sampler against books kept by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest

from sim.runtime.virtual import VirtualRuntime
from sim.scalability.autoscaler.actuator import FleetActuator
from sim.scalability.autoscaler.params import AutoscalerParams
from sim.scalability.autoscaler.sampler import FleetSampler
from tests.scalability.autoscaler.fake_manager import FakeManager, FakeProvider


class Books:
    """A load view of dicts."""

    def __init__(self) -> None:
        self.flying: dict[str, int] = {}
        self.busy: dict[str, float] = {}
        self.waiting = self.arrivals = 0

    def in_flight(self, node_id: str) -> int:
        return self.flying.get(node_id, 0)

    def idle_count(self, node_ids: Sequence[str]) -> int:
        return sum(not self.in_flight(node_id) for node_id in node_ids)

    def in_flight_count(self) -> int:
        return sum(self.flying.values())

    def waiting_count(self) -> int:
        return self.waiting

    def arrivals_count(self) -> int:
        return self.arrivals

    def busy_of(self, node_ids: Sequence[str]) -> list[float]:
        return [self.busy.get(node_id, 0.0) for node_id in node_ids]


class Rig:
    def __init__(self, readiness_s: float = 0.0, utilization: bool = True) -> None:
        self.runtime, self.books = VirtualRuntime(), Books()
        self.manager = FakeManager(self.runtime)
        self.pending = 0
        params = AutoscalerParams(kind="hpa", readiness_s=readiness_s)
        provider = FakeProvider(self.runtime)
        agents = {"agent": 4}
        self.actuator = FleetActuator(self.runtime, self.manager, provider, params, agents, self.books.in_flight)

        def ready_agents(names: Sequence[str]) -> list[int]:
            return [self.manager.ready_agents(name) for name in names]

        self.sampler = FleetSampler(
            self.runtime, self.actuator, self.books, ready_agents, lambda: self.pending, utilization
        )

    def add(self, count: int) -> None:
        for _ in range(count):
            self.runtime.run_task(self.actuator.add())

    def at(self, at: float) -> float:
        async def wait() -> None:
            await self.runtime.sleep_until(at)

        self.runtime.run_task(wait())
        return self.sampler().utilization_ratio


def test_counts() -> None:
    rig = Rig()
    rig.add(3)
    rig.books.flying = {"m-0": 5, "m-2": 1}
    rig.books.waiting, rig.books.arrivals, rig.pending = 7, 99, 2
    seen = rig.sampler()
    assert (seen.nodes_ready, seen.agents_ready, seen.agents_per_node, seen.agents_pending) == (3, 12, 4, 2)
    assert (seen.in_flight, seen.waiting, seen.arrivals_count, seen.nodes_idle) == (6, 7, 99, 1)
    assert math.isnan(seen.utilization_ratio)  # nothing to compare with yet


def test_nodes_that_come_or_leave_are_not_ready() -> None:
    rig = Rig()
    rig.add(3)
    rig.actuator.joining["m-0"] = None
    rig.actuator.leaving["m-1"] = None
    seen = rig.sampler()
    assert (seen.nodes_ready, seen.nodes_starting, seen.nodes_draining, seen.agents_ready) == (1, 1, 1, 4)


def test_utilization_is_busy_time_over_agent_time() -> None:
    rig = Rig()
    rig.add(2)
    assert math.isnan(rig.at(10.0))
    rig.books.busy = {"m-0": 20.0, "m-1": 40.0}
    assert rig.at(20.0) == pytest.approx(60.0 / (8 * 10.0))
    assert rig.at(25.0) == 0.0
    assert math.isnan(rig.at(25.0))  # no time has passed


def test_a_node_counts_from_the_sample_after_its_first() -> None:
    rig = Rig()
    rig.add(1)
    rig.at(10.0)
    rig.add(1)
    rig.books.busy = {"m-0": 30.0}
    assert rig.at(20.0) == pytest.approx(30.0 / 40.0)
    rig.books.busy = {"m-0": 60.0}
    assert rig.at(30.0) == pytest.approx(30.0 / 80.0)


def test_a_young_node_does_not_count() -> None:
    rig = Rig(readiness_s=30.0)
    rig.add(1)
    rig.at(0.0)
    values = []
    for tick in range(1, 6):
        rig.books.busy = {"m-0": 20.0 * tick}
        values.append(rig.at(10.0 * tick))
    assert [math.isnan(value) for value in values] == [True, True, True, False, False]
    assert values[-1] == pytest.approx(0.5)


def test_without_utilization_nothing_is_measured() -> None:
    rig = Rig(utilization=False)
    rig.add(1)
    rig.at(0.0)
    assert math.isnan(rig.at(10.0))


def test_nodes_are_looked_at_again_when_their_changes_are_counted() -> None:
    rig, changes = Rig(), [0]
    rig.sampler.changes_count = lambda: changes[0]
    rig.add(2)
    seen = [rig.sampler().nodes_ready]
    rig.add(1)
    seen.append(rig.sampler().nodes_ready)  # nothing is said to have changed
    changes[0] += 1
    seen.append(rig.sampler().nodes_ready)
    rig.actuator.leaving["m-0"] = None  # that is not a change of the books
    seen.append(rig.sampler().nodes_ready)
    del rig.actuator.leaving["m-0"]
    seen.append(rig.sampler().nodes_ready)
    assert seen == [2, 2, 3, 2, 3]

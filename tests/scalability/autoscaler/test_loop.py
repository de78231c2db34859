"""The loop: when it decides, what limits it, and that no node under way is asked for twice or blocks it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial

import pytest

from tests.scalability.autoscaler.rig import AGENTS, FakeFleet

FLEETS: list[FakeFleet] = []


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """No task outlives its test."""
    yield
    while FLEETS:
        FLEETS.pop().runtime.close()


def fleet_of(load: float, nodes: int, provisioning_s: float = 0.0) -> FakeFleet:
    FLEETS.append(FakeFleet(lambda at: load * AGENTS, nodes, provisioning_s))
    return FLEETS[-1]


def test_decides_at_start_plus_k_intervals() -> None:
    fleet = fleet_of(0.7 * 5, 5)
    fleet.runtime.run(until=7.0)
    scaler = fleet.autoscaler("hpa", interval_s=15.0)
    for at, decisions in ((21.9, 0), (22.1, 1), (36.9, 1), (37.1, 2)):
        fleet.runtime.run(until=at)
        assert scaler.decisions_count == decisions, at
    scaler.poke()
    fleet.runtime.run(until=38.0)
    assert scaler.decisions_count == 2  # not an event-driven policy


def test_a_schedule_decides_at_once() -> None:
    fleet = fleet_of(0.0, 2)
    scaler = fleet.autoscaler("scheduled", at_s=[0.0], counts=[5])
    fleet.runtime.run(until=0.1)
    assert (scaler.desired_nodes, len(fleet.nodes)) == (5, 5)
    assert fleet.reasons("scale_out") == ["scheduled from 0 s of the season"]


def test_what_starts_is_not_asked_for_again() -> None:
    fleet = fleet_of(9.0, 10, provisioning_s=100.0)
    scaler = fleet.autoscaler("hpa", max_nodes=50)
    fleet.runtime.run(until=100.0)
    assert (scaler.desired_nodes, fleet.adds, scaler.starting_count) == (13, 3, 3)  # ceil(10 x .9 / .7)
    fleet.runtime.run(until=400.0)
    assert (scaler.desired_nodes, fleet.adds, len(fleet.nodes), scaler.starting_count) == (13, 3, 13, 0)


def test_a_failing_provider_is_asked_again_an_interval_later() -> None:
    fleet = fleet_of(9.0, 10)
    fleet.broken = True
    scaler = fleet.autoscaler("hpa", max_nodes=11)
    fleet.runtime.run(until=16.0)
    assert (fleet.adds, scaler.failures_count) == (1, 1)
    assert fleet.reasons("scale_failed") == ["out of machines"]
    fleet.runtime.run(until=31.0)
    assert fleet.adds == 2
    fleet.broken = False
    fleet.runtime.run(until=46.0)
    assert (fleet.adds, len(fleet.nodes)) == (3, 11)


def test_a_failure_out_of_step_makes_the_next_decision_wait() -> None:
    fleet = fleet_of(9.0, 10, provisioning_s=10.0)
    fleet.broken = True
    fleet.autoscaler("hpa", max_nodes=11)
    fleet.runtime.run(until=31.0)  # asked at 15 s, failed at 25 s
    assert fleet.adds == 1
    assert fleet.reasons("scale_held")[-1] == "waits after a failure, or for machines that leave"
    fleet.runtime.run(until=46.0)
    assert fleet.adds == 2


def test_a_node_that_never_comes_blocks_no_decision() -> None:
    fleet = fleet_of(0.69 * 11, 10)
    fleet.stuck = True
    scaler = fleet.autoscaler("kpa", max_nodes=50, interval_s=2.0)
    fleet.runtime.run(until=3.0)
    assert (scaler.desired_nodes, scaler.starting_count) == (11, 1)
    fleet.stuck = False
    fleet.load = lambda at: 0.69 * 15 * AGENTS
    fleet.runtime.run(until=100.0)
    assert (scaler.desired_nodes, scaler.starting_count, len(fleet.nodes)) == (15, 1, 14)


def test_scale_in_calls_set_ups_off_first_newest_first() -> None:
    fleet = fleet_of(9.0, 10, provisioning_s=1000.0)
    scaler = fleet.autoscaler("hpa", stabilization_window_s=0.0, max_nodes=50)
    fleet.runtime.run(until=16.0)
    assert scaler.starting_count == 3
    fleet.load = lambda at: 6.0 * AGENTS
    fleet.extra = {"utilization": 0.48}  # ceil(.686 x 10 + 3) = 10, of which 3 start: no node is drained for it
    fleet.runtime.run(until=31.0)
    assert (scaler.desired_nodes, scaler.starting_count, fleet.cancelled) == (10, 0, 3)
    assert fleet.removed == []
    fleet.extra = {}
    fleet.runtime.run(until=46.0)
    assert (scaler.desired_nodes, fleet.removed) == (9, ["node-9"])


def test_the_newest_set_up_goes_first() -> None:
    fleet = fleet_of(0.0, 0, provisioning_s=10.0)
    scaler = fleet.autoscaler("on_demand", min_nodes=0, interval_s=100.0, step_out_nodes_max=9)
    fleet.extra = {"agents_per_node": 1, "waiting": 1}
    fleet.runtime.run(until=1.0)
    fleet.extra = {"agents_per_node": 1, "waiting": 3}
    fleet.runtime.run(until=2.0)
    scaler.poke()
    fleet.runtime.run(until=3.0)
    assert scaler.starting_count == 3
    fleet.extra = {"agents_per_node": 1, "waiting": 1}
    scaler.poke()
    fleet.runtime.run(until=4.0)
    assert (scaler.starting_count, fleet.cancelled) == (1, 2)
    fleet.runtime.run(until=10.5)
    assert list(fleet.nodes) == ["node-0"]  # the one asked for at 0 s


def test_a_set_up_called_off_before_it_began_leaves_nothing() -> None:
    fleet = fleet_of(0.0, 0)
    scaler = fleet.autoscaler("on_demand", min_nodes=0)
    fleet.runtime.run(until=1.0)
    scaler._out(1, fleet.sample())
    scaler._call_off(scaler._starting[1])
    assert (scaler.starting_count, scaler.leaving_count) == (0, 0)
    fleet.runtime.run(until=2.0)
    assert fleet.adds == 0


def test_pokes_decide_at_their_instant() -> None:
    fleet = fleet_of(0.0, 0, provisioning_s=5.0)
    scaler = fleet.autoscaler("on_demand", min_nodes=0, interval_s=1000.0)
    fleet.runtime.run(until=3.0)
    before = scaler.decisions_count
    fleet.extra = {"waiting": 2, "agents_per_node": 1}
    scaler.poke()
    scaler.poke()
    fleet.runtime.run(until=3.0 + 1e-9)
    assert scaler.decisions_count == before + 1  # of one instant and nothing between: one decision
    assert scaler.starting_count == 2


def test_lost_nodes_are_replaced_and_too_many_go() -> None:
    fleet = fleet_of(0.7 * 10, 10)
    scaler = fleet.autoscaler("hpa", max_nodes=20)
    fleet.runtime.run(until=16.0)
    del fleet.nodes["node-3"]
    fleet.extra = {"utilization": 0.7}
    fleet.runtime.run(until=31.0)
    assert (scaler.desired_nodes, len(fleet.nodes)) == (10, 10)
    assert fleet.reasons("scale_out") == ["fewer nodes than decided: some were lost"]
    fleet.nodes["node-3"] = None
    fleet.runtime.run(until=46.0)
    assert (scaler.desired_nodes, len(fleet.nodes)) == (10, 10)
    assert fleet.reasons("scale_in") == ["more nodes than decided: some came back"]


def test_a_fleet_outside_its_bounds_is_brought_within() -> None:
    large, small = fleet_of(0.7 * 10, 10), fleet_of(0.7 * 2, 2)
    large.autoscaler("hpa", max_nodes=6)
    small.autoscaler("hpa", min_nodes=4)
    for fleet, nodes in ((large, 6), (small, 4)):
        fleet.runtime.run(until=16.0)
        assert len(fleet.nodes) == nodes


def test_steps_are_limited() -> None:
    fleet = fleet_of(100.0, 2)
    scaler = fleet.autoscaler("kpa", max_nodes=1000, interval_s=2.0, step_out_nodes_max=4, step_out_ratio_max=1.0)
    seen = []
    for tick in range(1, 6):
        fleet.runtime.run(until=2.0 * tick + 0.5)
        seen.append(scaler.desired_nodes)
    assert seen == [6, 12, 24, 48, 96]
    assert "limited to 6" in fleet.reasons("scale_out")[0]
    fleet.load = lambda at: 0.0
    fleet = fleet_of(0.0, 20)
    scaler = fleet.autoscaler("kpa", max_nodes=20, step_in_nodes_max=3)
    fleet.runtime.run(until=31.0)
    assert scaler.desired_nodes == 14


def test_machines_at_once_are_bounded() -> None:
    fleet = fleet_of(50.0, 3, provisioning_s=1.0)

    async def stay(node_id: str, reason: str) -> None:
        del fleet.nodes[node_id]
        await fleet.runtime.sleep(math.inf)  # a drain that never ends

    fleet.remove = stay  # type: ignore[method-assign]
    scaler = fleet.autoscaler("threshold", max_nodes=3, target_utilization_ratio=0.5, interval_s=10.0)
    for cycle in range(12):
        load = 0.0 if cycle % 2 else 50.0 * AGENTS
        fleet.load = partial(min, load)
        fleet.runtime.run(until=10.0 * cycle + 15.0)
        assert len(fleet.nodes) + scaler.starting_count + scaler.leaving_count <= scaler.params.machines_max == 6
    assert scaler.leaving_count == 3 + 2  # one node is left, and the bound is reached: only what leaves makes room
    assert fleet.reasons("scale_held")[-1] == "waits after a failure, or for machines that leave"


def test_a_node_that_does_not_let_go_is_tried_again_an_interval_later() -> None:
    fleet = fleet_of(0.0, 1)
    fleet.unremovable = True
    fleet.extra = {"nodes_idle": 1}
    scaler = fleet.autoscaler("on_demand", min_nodes=0, interval_s=10.0)
    fleet.runtime.run(until=5.0)
    assert (scaler.failures_count, scaler.leaving_count) == (1, 0)
    fleet.unremovable = False
    fleet.runtime.run(until=9.0)
    assert fleet.removed == []
    fleet.runtime.run(until=11.0)
    assert fleet.removed == ["node-0"]


def test_lost_machines_are_let_go_once() -> None:
    fleet = fleet_of(0.7 * 5, 5)
    calls = []

    async def slow(node_id: str, reason: str) -> None:
        calls.append((node_id, reason))
        await fleet.runtime.sleep(20.0)
        fleet.silent = []

    fleet.remove = slow  # type: ignore[method-assign]
    fleet.silent = ["node-9"]
    scaler = fleet.autoscaler("hpa")
    fleet.runtime.run(until=100.0)
    assert calls == [("node-9", "given up: silent for too long")]
    assert (scaler.desired_nodes, scaler.leaving_count) == (5, 0)


def test_a_lost_machine_that_cannot_be_let_go_is_tried_again_an_interval_later() -> None:
    fleet = fleet_of(0.7 * 5, 5)
    fleet.unremovable, fleet.silent = True, ["node-9"]
    scaler = fleet.autoscaler("hpa")
    fleet.runtime.run(until=16.0)
    assert scaler.failures_count == 1
    scaler._in_again_at = 40.0
    fleet.runtime.run(until=31.0)
    assert scaler.failures_count == 1
    fleet.runtime.run(until=46.0)
    assert scaler.failures_count == 2


def test_reasons_to_hold_are_written_once() -> None:
    fleet = fleet_of(0.7 * 10, 10)
    fleet.autoscaler("hpa", max_nodes=10)
    fleet.runtime.run(until=100.0)
    assert fleet.reasons("scale_held") == ["within the tolerance"]
    fleet.load = lambda at: math.nan
    fleet.runtime.run(until=200.0)
    fleet.load = lambda at: 10.0 * AGENTS
    fleet.runtime.run(until=300.0)
    assert fleet.reasons("scale_held") == ["within the tolerance", "the metric is missing", "at a limit"]


def test_a_node_picked_twice_goes_once() -> None:
    fleet = fleet_of(0.0, 3)

    async def slow(node_id: str, reason: str) -> None:
        await fleet.runtime.sleep(100.0)  # it is offered meanwhile
        del fleet.nodes[node_id]

    fleet.remove = slow  # type: ignore[method-assign]
    scaler = fleet.autoscaler("threshold", target_utilization_ratio=0.8, interval_s=10.0)
    fleet.runtime.run(until=25.0)
    assert scaler.leaving_count == 2


def test_cancelled_it_undoes_what_is_under_way() -> None:
    fleet = fleet_of(9.0, 10, provisioning_s=1000.0)
    scaler = fleet.autoscaler("hpa", max_nodes=50)
    fleet.runtime.run(until=20.0)
    assert scaler.starting_count == 3
    fleet.runtime.close()
    assert (fleet.cancelled, scaler.starting_count, scaler.leaving_count) == (3, 0, 0)

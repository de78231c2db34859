"""Heartbeats that wait until somebody looks: the run is the same, event by event, as with each of them an event."""

from __future__ import annotations

from typing import Any

import pytest

from sim.bench.assemble import Assembly, assemble
from sim.bench.compose import compose
from sim.world.pulse import Pulse

FLEET = ["fleet=yardstick", "fleet.nodes=4", "balancer=power_of_d", "arrivals.utilization_ratio=0.5", "horizon_s=200"]
FIRE = ["deadline_s=60", "failover=default", "failover.save_interval_s=25", "health.ejection.enabled=true"]
WATCHES = {
    "timeout": [
        "health.detector=heartbeat_timeout", "health.interval_s=5", "health.misses_max=2", "health.node_timeout_s=12",
    ],
    "jitter": ["health.detector=heartbeat_timeout", "health.interval_s=5", "health.jitter_ratio=0.2"],
    "phi": ["health=phi"],
    "checks": ["health=aggressive"],
    "scaling": [
        "health.detector=heartbeat_timeout", "health.interval_s=5", "arrivals=diurnal", "autoscaler=hpa",
        "autoscaler.min_nodes=2", "autoscaler.max_nodes=8", "autoscaler.provisioning_s=15",
    ],
}  # fmt: skip


def made(watch: str, every_is_an_event: bool) -> Assembly:
    assembly = assemble(compose([*FLEET, *FIRE, *WATCHES[watch]]), 0)
    if every_is_an_event:
        assert assembly.fire is not None
        assembly.fire.pulse.late = None
    return assembly


@pytest.mark.parametrize("watch", WATCHES)
def test_a_run_does_not_depend_on_when_heartbeats_are_taken_in(watch: str) -> None:
    found: list[Any] = []
    for every_is_an_event in (False, True):
        assembly = made(watch, every_is_an_event)
        record = assembly.run()
        metrics, events = assembly.manager.metrics(), assembly.runtime.env.events_count
        found.append((record.digest, assembly.log.digest(), record.counts, metrics, events))
    held, eager = found
    assert held[:4] == eager[:4]
    assert held[4] < eager[4] - 4 * 200 / 10  # the heartbeats at the least


def test_a_node_that_is_lost_all_the_same_comes_back_with_its_next_heartbeat() -> None:
    found = []
    for every_is_an_event in (False, True):
        assembly = made("timeout", every_is_an_event)
        assert assembly.fire is not None
        pulse: Pulse = assembly.fire.pulse
        assembly.runtime.env.call_at(100.3, 1, 7, lambda _, one=assembly: lose(one), None)
        assembly.run()
        assert not pulse.is_held_back
        statuses = [(row.at, dict(row.fields)["new"]) for row in assembly.log.rows if row.kind == "node_status"]
        found.append((statuses, assembly.log.digest(), assembly.manager.metrics()))
    assert found[0] == found[1]
    (lost_at, lost), (back_at, back) = found[0][0]
    assert (lost_at, lost, back) == (100.3, "offline", "online")
    assert 100.3 < back_at < 105.3


def lose(assembly: Assembly) -> None:
    """A false alarm, out of nothing."""
    manager: Any = assembly.manager
    manager._health.lose(manager._ledger.node("node-1"), "a false alarm")

"""Looks at several nodes at once: what a detector that is sure of all spares, and that nothing else changes."""

from __future__ import annotations

from random import Random

import pytest

from sim.types.fleet import NodeInfo, NodeStatus
from tests.scalability.health.test_watch import Fleet


@pytest.mark.parametrize("seed", range(5))
def test_a_look_that_asks_for_all_at_once_does_what_one_at_each_node_does(seed: int) -> None:
    """Beats, losses, returns, maintenance, comings and goings (seeds 0 to 4): equal events and counts of checks."""
    logs, checks, asked = [], [], []
    for is_sure in (True, False):
        fleet, random = Fleet(4, detector="heartbeat_timeout", interval_s=10.0, node_timeout_s=25.0), Random(seed)
        detector = fleet.watch.detector
        told: list[bool] = []

        def all_up(now: float, ask=detector.all_up, is_sure=is_sure, told=told) -> bool:  # type: ignore[no-untyped-def]
            told.append(ask(now))
            return is_sure and told[-1]

        detector.all_up = all_up  # type: ignore[method-assign]

        async def life(fleet=fleet, random=random) -> None:  # type: ignore[no-untyped-def]
            there = [f"n{number}" for number in range(4)]
            for step in range(600):
                await fleet.runtime.sleep(random.choice((1.0, 2.0)))
                name, chance = random.choice(there), random.random()
                if chance < 0.03:
                    await fleet.manager.update_node(name, status=random.choice([*NodeStatus]))
                elif chance < 0.05:
                    fleet.manager.heartbeat(name, status=NodeStatus.OFFLINE)
                elif chance < 0.07 and len(there) > 2:
                    there.remove(name)
                    await fleet.manager.remove_node(name)
                elif chance < 0.09 and len(there) < 5:
                    there.append(f"m{step}")
                    await fleet.manager.register_node(NodeInfo(there[-1], "h", 1))
                elif chance < 0.8:
                    fleet.manager.heartbeat(name)

        fleet.runtime.run_task(life())
        logs.append(fleet.log.digest())
        checks.append(fleet.manager.metrics().checks)
        asked.append(told)
        fleet.close()
    assert logs[0] == logs[1]
    assert checks[0] == checks[1] > 0
    assert {True, False} == set(asked[0])  # both ways were taken

"""Storms 2332, 2715, 2734: an attempt ends on a slot whose last agent has gone, before anybody picks again."""

from __future__ import annotations

import pytest

from sim.registry import names
from sim.scalability.balancer.balancer import make_balancer
from sim.scalability.balancer.params import BalancerParams

NONE = ("prequal", "central")  # it has no queue at the balancer

WAYS = [(kind, queue) for kind in names("balancer") for queue in ("node", "central") if (kind, queue) != NONE]


@pytest.mark.parametrize(("kind", "queue"), WAYS)
def test_an_attempt_may_end_where_no_agent_is_left(kind: str, queue: str) -> None:
    signal = "probed" if kind == "prequal" else "local"
    balancer = make_balancer(BalancerParams(kind=kind, queue=queue, signal=signal), ["agent"], 4)
    for name in ("a", "b"):
        balancer.node_joined(name, 1.0)
        balancer.agents_changed(name, "agent", 1)
    draws = [0.4] * max(balancer.draws_count, 1)
    slots = [balancer.dispatch(0, 0, draws, 1, 0.0), balancer.dispatch(0, 0, draws, 2, 0.0)]
    assert min(slots) >= 0
    for slot in dict.fromkeys(slots):
        balancer.agents_changed(balancer.slots[slot][0], "agent", 0)
    balancer.refused(0, slots[0], balancer.generation[slots[0]], 1.0)
    balancer.complete(0, slots[1], balancer.generation[slots[1]], 1.0, 1.0, 0)
    assert sum(balancer.statistics().in_flight) == 0
    assert balancer.dispatch(0, 0, draws, 3, 2.0) not in slots

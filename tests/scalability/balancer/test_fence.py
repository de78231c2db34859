"""A fence: nothing sent to the node before counts any more, and whoever moves requests is told."""

from __future__ import annotations

import pytest

from sim.errors import NodeError
from sim.scalability.balancer.balancer import make_balancer
from sim.scalability.balancer.params import BalancerParams
from sim.scalability.manager.router import Router
from tests.conformance.balancer.board import fleet_of

LEAST = BalancerParams(kind="least_connections", ties="lowest", dispatchers=2)


def test_counts_of_all_dispatchers_go_to_zero_and_late_answers_are_ignored() -> None:
    balancer = fleet_of(LEAST, 2)
    sent = [(dispatcher, balancer.dispatch(dispatcher, 0, (), 0, 0.0)) for dispatcher in (0, 0, 0, 1, 1)]
    assert balancer.statistics().in_flight == (3, 2)
    told: list[int] = []
    balancer.fence_listeners.append(told.append)
    balancer.fence("n0")
    assert told == [0]
    assert balancer.statistics().in_flight == (0, 2)
    assert balancer.generation[0] == 1
    for dispatcher, slot in sent:
        balancer.complete(dispatcher, slot, 0, 1.0, 1.0, 0)
        balancer.refused(dispatcher, 0, 0, 1.0)
    assert balancer.statistics().in_flight == (0, 0)
    assert balancer.dispatch(0, 0, (), 0, 2.0) == 0  # the trees have heard: slot 0 is as free as slot 1
    balancer.complete(0, 0, 1, 3.0, 1.0, 0)
    assert balancer.statistics().in_flight == (0, 0)


def test_every_slot_of_a_node_is_fenced_once_and_no_other() -> None:
    balancer = make_balancer(BalancerParams(kind="round_robin"), ("chat", "code"), 4)
    for node in ("a", "b"):
        balancer.node_joined(node, 1.0)
        for agent_type in ("chat", "code"):
            balancer.agents_changed(node, agent_type, 1)
    told: list[int] = []
    balancer.fence_listeners.append(told.append)
    balancer.fence("b")
    assert told == [2, 3]
    assert list(balancer.generation[:4]) == [0, 0, 1, 1]
    with pytest.raises(NodeError, match="has not joined"):
        balancer.fence("c")


def test_a_routers_requests_on_a_fenced_node_end_without_a_trace() -> None:
    router = Router("least_connections", 4, 10, 1)
    router.node_joined("a", 1.0)
    router.agents_changed("a", "chat", 2)
    routes = [router.route(kind, None, 0.0) for kind in ("chat", None, "chat")]
    router.set_eligible("a", False, silent=True)
    router.fence("a")
    for route in routes:
        router.finish(route, 1.0)
    router.set_eligible("a", True)
    assert router.route("chat", None, 2.0).ahead == 0

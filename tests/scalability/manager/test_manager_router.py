"""The manager's own balancer: every strategy routes to ready agents, by type, and forgets nodes that left."""

from __future__ import annotations

from typing import Any

import pytest

from sim.errors import FleetError
from sim.registry import names
from sim.runtime.virtual import VirtualRuntime
from sim.scalability.manager import DistributedManager
from sim.types.fleet import NodeStatus
from tests.scalability.manager.rig import AGENT, Rig, node


class Own:
    """A manager without a given balancer: three nodes, a research agent on each, a writer on the first."""

    def __init__(self, **config: Any) -> None:
        self.runtime = VirtualRuntime()
        self.manager = DistributedManager(config, runtime=self.runtime)
        self.runtime.run_task(self.deploy())

    async def deploy(self) -> None:
        for name in ("a", "b", "c"):
            await self.manager.register_node(node(name, 2))
        for kind in ("research", "research", "research", "writer"):
            await self.manager.deploy_agent({**AGENT, "type": kind})


@pytest.mark.parametrize("strategy", names("balancer"))
def test_every_strategy_routes(strategy: str) -> None:
    own = Own(load_balancing_strategy=strategy)
    seen = set()
    for _ in range(60):
        route = own.manager.route_request("research")
        seen.add(route.node_id)
        own.manager.finish_request(route)
    assert seen <= {"a", "b", "c"}
    routes = [own.manager.route_request("research") for _ in range(60)]
    assert {route.node_id for route in routes} == {"a", "b", "c"}, strategy
    assert own.manager.route_request("writer").node_id == "a"


def test_least_connections_evens_out_and_counts_down() -> None:
    own = Own()
    routes = [own.manager.route_request("research") for _ in range(6)]
    assert sorted(route.node_id for route in routes) == ["a", "a", "b", "b", "c", "c"]
    for route in routes:
        if route.node_id == "b":
            own.manager.finish_request(route)
    assert [own.manager.route_request("research").node_id for _ in range(2)] == ["b", "b"]


def test_requests_without_a_type_reach_every_node() -> None:
    own = Own(load_balancing_strategy="round_robin")
    assert sorted(own.manager.route_request().node_id for _ in range(3)) == ["a", "b", "c"]
    own.runtime.run_task(own.manager.deploy_agent({**AGENT, "type": "critic"}))
    assert own.manager.route_request("critic").node_id == "b"


def test_keys_stick_with_consistent_hash() -> None:
    own = Own(load_balancing_strategy="consistent_hash")
    homes = set()
    for _ in range(20):
        route = own.manager.route_request("research", key=77)
        homes.add(route.node_id)
        own.manager.finish_request(route)
    assert len(homes) == 1


def test_what_is_not_ready_is_not_routed_to() -> None:
    own = Own(load_balancing_strategy="round_robin")
    assert own.manager.route_request("research")
    own.manager.heartbeat("a", status=NodeStatus.DRAINING)
    assert {own.manager.route_request("research").node_id for _ in range(10)} == {"b", "c"}
    with pytest.raises(FleetError, match="no online node has a ready agent of type 'writer'"):
        own.manager.route_request("writer")
    for name in ("b", "c"):
        own.manager.heartbeat(name, status=NodeStatus.MAINTENANCE)
    with pytest.raises(FleetError, match=r"no online node has a ready agent$"):
        own.manager.route_request()
    with pytest.raises(FleetError, match="no agent of type 'poet' is deployed"):
        own.manager.route_request("poet")


def test_an_answer_from_a_node_that_left_is_ignored() -> None:
    own = Own(load_balancing_strategy="round_robin", auto_scaling=False)
    routes = [own.manager.route_request("research") for _ in range(3)]
    own.runtime.run_task(own.manager.remove_node("a"))
    own.runtime.run_task(own.manager.register_node(node("d", 1)))
    own.runtime.run_task(own.manager.deploy_agent(AGENT))
    assert {own.manager.route_request("research").node_id for _ in range(9)} == {"b", "c", "d"}
    for route in routes:
        own.manager.finish_request(route)
    assert own.manager.route_request("research").ahead >= 0


def test_a_request_is_finished_once() -> None:
    own = Own()
    route = own.manager.route_request("research")
    own.manager.finish_request(route)
    with pytest.raises(FleetError, match="request 0 is not under way"):
        own.manager.finish_request(route)


def test_requests_max_bounds_what_is_under_way() -> None:
    own = Own(requests_max=2)
    route = own.manager.route_request()
    own.manager.route_request()
    with pytest.raises(FleetError, match="2 requests are under way, which is requests_max"):
        own.manager.route_request()
    own.manager.finish_request(route)
    assert own.manager.route_request()


def test_a_given_balancer_is_the_one_that_routes(rig: Rig) -> None:
    with pytest.raises(FleetError, match="route requests with that one"):
        rig.manager.route_request()


def test_a_lost_nodes_requests_do_not_count_any_more() -> None:
    own = Own()
    routes = [own.manager.route_request("research") for _ in range(6)]  # two on each
    own.manager.heartbeat("a", status=NodeStatus.OFFLINE)
    own.runtime.run_task(own.runtime.sleep(0.0))
    own.manager.heartbeat("a")
    own.runtime.run_task(own.runtime.sleep(0.0))
    for _ in range(2):  # a new place for the research agent that lost its own
        own.runtime.run_task(own.manager.deploy_agent(AGENT))
    for route in routes:
        if route.node_id == "a":
            own.manager.finish_request(route)  # a zombie's answer changes nothing
    fresh = [own.manager.route_request("research").node_id for _ in range(2)]
    assert fresh == ["a", "a"]

"""Every key of the source's YAML changes what the manager does: each test flips one and sees the difference."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sim.errors import DeployError, NodeError
from sim.runtime.virtual import VirtualRuntime
from sim.scalability.manager import DistributedManager
from sim.types.fleet import AgentStatus, NodeInfo, NodeStatus
from tests.scalability.manager.rig import AGENT, Rig, node


def picks(config: dict[str, Any]) -> list[str]:
    """Where six requests go when the first node's is answered at once and the others' never."""
    runtime = VirtualRuntime()
    manager = DistributedManager(config, runtime=runtime)

    async def go() -> list[str]:
        chosen = []
        for name in ("node-0", "node-1", "node-2"):
            await manager.register_node(node(name))
            await manager.deploy_agent(AGENT)
        for _ in range(6):
            route = manager.route_request()
            chosen.append(route.node_id)
            if route.node_id == "node-0":
                manager.finish_request(route)
        return chosen

    return runtime.run_task(go())


def strategy(value: str) -> object:
    return picks({"load_balancing_strategy": value})[-3:]


def seed(value: int) -> object:
    return picks({"load_balancing_strategy": "random", "seed": value})


def interval(value: float) -> object:
    """When silence is found: at the first check after node_timeout."""
    rig = Rig(health_check_interval=value)
    rig.add_nodes(1)
    rig.run(rig.manager.start())
    rig.pass_time(1000.0)
    return next(row.at for row in rig.log.rows if row.kind == "node_status")


def timeout(value: float) -> object:
    rig = Rig(node_timeout=value)
    rig.add_nodes(1)
    rig.run(rig.manager.start())
    rig.pass_time(1000.0)
    return next(row.at for row in rig.log.rows if row.kind == "node_status")


class Provider:
    def __init__(self) -> None:
        self.made = 0
        self.released: list[str] = []

    async def provide(self) -> NodeInfo:
        self.made += 1
        return node(f"extra-{self.made}")

    async def release(self, node_id: str) -> None:
        self.released.append(node_id)


def fleet_after(agents: int, nodes: int, **config: Any) -> int:
    """How many nodes the manager holds ten decisions later."""
    rig = Rig(node_timeout=1e6, **config)
    rig.manager.provider = Provider()
    rig.add_nodes(nodes)
    rig.deploy(agents)
    rig.run(rig.manager.start())
    rig.pass_time(315.0)
    return len(rig.manager.list_nodes())


def registered(**config: Any) -> int:
    rig = Rig(**config)
    for index in range(10):
        try:
            rig.run(rig.manager.register_node(node(f"node-{index}")))
        except NodeError:
            return index
    return 10


def given_up_at(value: float) -> object:
    rig = Rig(deployment_timeout=value)
    rig.host.stuck.add(*rig.add_nodes(1))
    with pytest.raises(DeployError):
        rig.deploy()
    return rig.runtime.now()


def after_a_loss(**config: Any) -> tuple[object, ...]:
    """What became of an agent and its state when its node fell silent."""
    rig = Rig(auto_scaling=False, **config)
    rig.add_nodes(3)
    (agent_id,) = rig.deploy()
    rig.run(rig.manager.save_state(agent_id, {"step": 1}))
    rig.run(rig.manager.start())
    for _ in range(10):
        rig.beat("node-1", "node-2")
        rig.pass_time(10.0)
    try:
        held = rig.manager.load_state(agent_id).version
    except DeployError:
        held = 0
    return rig.home(agent_id), held


STAY, AROUND = ["node-0"] * 3, ["node-0", "node-1", "node-2"]
FLIPS: list[tuple[str, Callable[[Any], object], Any, object, Any, object]] = [
    ("load_balancing_strategy", strategy, "least_connections", STAY, "round_robin", AROUND),
    ("health_check_interval", interval, 30, 90.0, 7, 63.0),
    ("node_timeout", timeout, 60, 90.0, 100, 120.0),
    ("auto_scaling", lambda on: fleet_after(11, 1, auto_scaling=on), True, 2, False, 1),
    ("max_nodes", lambda most: registered(max_nodes=most), 10, 10, 4, 4),
    ("min_nodes", lambda least: fleet_after(0, 1, min_nodes=least), 1, 1, 3, 3),
    ("scaling_threshold", lambda ratio: fleet_after(8, 1, scaling_threshold=ratio), 0.8, 1, 0.5, 2),
    ("deployment_timeout", given_up_at, 300, 300.0, 5.5, 5.5),
    ("failover_enabled", lambda on: after_a_loss(failover_enabled=on), True, ("node-1", 1), False, ("node-0", 1)),
    ("data_replication", lambda on: after_a_loss(data_replication=on), True, ("node-1", 1), False, ("node-1", 0)),
]


NAMES = ("key", "behavior", "source", "expected", "other", "changed")


@pytest.mark.parametrize(NAMES, FLIPS, ids=[flip[0] for flip in FLIPS])
def test_a_key_changes_behavior(
    key: str, behavior: Callable[[Any], object], source: Any, expected: object, other: Any, changed: object
) -> None:
    assert behavior(source) == expected
    assert behavior(other) == changed


def test_every_key_of_the_source_is_flipped() -> None:
    assert [flip[0] for flip in FLIPS] == [
        "load_balancing_strategy",
        "health_check_interval",
        "node_timeout",
        "auto_scaling",
        "max_nodes",
        "min_nodes",
        "scaling_threshold",
        "deployment_timeout",
        "failover_enabled",
        "data_replication",
    ]


def test_max_nodes_bounds_the_scaling() -> None:
    assert fleet_after(12, 1, max_nodes=1) == 1


def test_seed_changes_the_random_picks() -> None:
    assert seed(1) == seed(1)
    assert seed(1) != seed(2)


def test_agents_max_bounds_what_is_placed_and_pending() -> None:
    rig = Rig(agents_max=2)
    rig.add_nodes(1)
    rig.deploy(2)
    with pytest.raises(DeployError, match="agents_max=2"):
        rig.deploy()
    assert rig.manager.status().registered == 2


def test_agent_types_max_bounds_the_types() -> None:
    rig = Rig(agent_types_max=1)
    rig.add_nodes(1)
    rig.deploy(type="research")
    with pytest.raises(DeployError, match="agent_types_max=1"):
        rig.deploy(type="writer")


def test_stopped_max_bounds_what_is_remembered() -> None:
    rig = Rig(stopped_max=1)
    rig.add_nodes(1)
    first, second = rig.deploy(2)
    rig.run(rig.manager.undeploy_agent(first))
    assert rig.manager.get_agent(first).status is AgentStatus.STOPPED
    rig.run(rig.manager.undeploy_agent(second))
    assert rig.manager.get_agent(second).status is AgentStatus.STOPPED
    with pytest.raises(DeployError, match="is not deployed"):
        rig.manager.get_agent(first)


def test_redeploy_attempts_max_gives_up() -> None:
    rig = Rig(redeploy_attempts_max=2, auto_scaling=False)
    rig.add_nodes(2)
    (agent_id,) = rig.deploy()
    rig.run(rig.manager.save_state(agent_id, {"step": 1}))
    rig.host.broken.add("node-1")
    rig.run(rig.manager.start())
    for _ in range(14):
        rig.beat("node-1")
        rig.pass_time(10.0)
    assert rig.manager.get_agent(agent_id).status is AgentStatus.STOPPED
    assert rig.reasons("agent_stopped", agent_id) == ["given up after 2 starts: node-1 is broken"]
    assert rig.manager.get_node("node-0").status is NodeStatus.OFFLINE
    assert (rig.manager.metrics().given_up, rig.manager.status().states) == (1, 0)

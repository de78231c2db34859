"""The source's scaling rule: up above the threshold, down by one node's worth, within min and max."""

from __future__ import annotations

from typing import Any

from sim.errors import FleetError
from sim.types.fleet import NodeInfo, NodeStatus
from tests.scalability.manager.rig import Rig, node


class Provider:
    """Gives nodes after `delay_s`; fails while `broken`."""

    def __init__(self, rig: Rig, delay_s: float = 0.0) -> None:
        self.rig, self.delay_s = rig, delay_s
        self.broken = False
        self.provided: list[str] = []
        self.released: list[str] = []

    async def provide(self) -> NodeInfo:
        if self.broken:
            raise FleetError("no machine to be had")
        await self.rig.runtime.sleep(self.delay_s)
        self.provided.append(f"extra-{len(self.provided)}")
        return node(self.provided[-1], 4)

    async def release(self, node_id: str) -> None:
        self.released.append(node_id)


def fleet(nodes: int, agents: int, **config: Any) -> tuple[Rig, Provider]:
    """Nodes of four agents each that never fall silent, with a provider."""
    rig = Rig(node_timeout=1e9, **config)
    rig.manager.provider = provider = Provider(rig)
    assert rig.manager.provider is provider
    rig.add_nodes(nodes, 4)
    rig.deploy(agents)
    rig.run(rig.manager.start())
    return rig, provider


def test_above_the_threshold_one_node_is_added() -> None:
    rig, provider = fleet(1, 4)
    rig.pass_time(31.0)
    assert provider.provided == ["extra-0"]
    assert rig.reasons("scale_out", "extra-0") == ["4 agents for 4 places, over 0.8"]
    rig.pass_time(300.0)
    assert (len(rig.manager.list_nodes()), rig.manager.metrics().scale_outs) == (2, 1)


def test_at_the_threshold_nothing_happens() -> None:
    rig, provider = fleet(2, 4, scaling_threshold=0.5)
    rig.pass_time(100.0)
    assert (provider.provided, provider.released) == ([], [])


def test_pending_agents_count_as_demand() -> None:
    rig, provider = fleet(2, 6)
    rig.manager.heartbeat("node-0", status=NodeStatus.OFFLINE)
    assert rig.manager.status().pending == 2
    rig.pass_time(31.0)
    assert provider.provided == ["extra-0"]
    assert rig.manager.status().pending == 0
    assert rig.reasons("scale_out") == ["6 agents for 4 places, over 0.8"]
    rig.audit_at_rest()


def test_one_nodes_worth_below_the_emptiest_is_returned() -> None:
    rig, provider = fleet(3, 4)
    rig.run(rig.manager.undeploy_agent("agent-3"))
    rig.pass_time(31.0)
    assert provider.released == ["node-2"]
    assert rig.manager.metrics().scale_ins == 1
    rig.pass_time(300.0)
    assert len(rig.manager.list_nodes()) == 1  # three agents on four places
    assert rig.manager.status().agents["ready"] == 3
    rig.audit_at_rest()


def test_never_below_min_nodes() -> None:
    rig, provider = fleet(3, 0, min_nodes=2)
    rig.pass_time(300.0)
    assert provider.released == ["node-2"]


def test_an_idle_fleet_can_go_to_zero() -> None:
    rig, provider = fleet(1, 0, min_nodes=0)
    rig.pass_time(300.0)
    assert provider.released == ["node-0"]
    assert rig.manager.list_nodes() == []


def test_without_failover_only_empty_nodes_are_returned() -> None:
    rig, provider = fleet(2, 2, failover_enabled=False)
    rig.pass_time(100.0)
    assert provider.released == []
    rig.run(rig.manager.undeploy_agent("agent-2"))
    rig.pass_time(30.0)
    assert provider.released == ["node-1"]


def test_agents_that_the_manager_did_not_place_are_not_drained() -> None:
    rig, provider = fleet(2, 0)
    for name in ("node-0", "node-1"):
        rig.manager.heartbeat(name, current_load=1)
    rig.pass_time(100.0)
    assert provider.released == []


def test_lost_nodes_under_min_nodes_are_replaced() -> None:
    rig, _ = fleet(2, 0, min_nodes=2)
    rig.manager.heartbeat("node-1", status=NodeStatus.OFFLINE)
    rig.pass_time(31.0)
    assert rig.reasons("scale_out") == ["1 nodes online, under min_nodes=2"]


def test_provisioning_takes_its_time_and_checks_go_on() -> None:
    rig, provider = fleet(1, 4)
    provider.delay_s = 100.0
    rig.pass_time(200.0)
    assert provider.provided == ["extra-0"]  # asked once at 30 s, not again at 60, 90 and 120 s
    assert rig.manager.metrics().checks == 6
    assert next(row.at for row in rig.log.rows if row.kind == "scale_out") == 130.0


def test_a_provider_that_fails_or_hangs_is_told_and_asked_again() -> None:
    rig, provider = fleet(1, 4, deployment_timeout=10.0)
    provider.broken = True
    rig.pass_time(31.0)
    assert rig.reasons("scale_failed") == ["no machine to be had"]
    provider.broken, provider.delay_s = False, 1e6
    rig.pass_time(45.0)
    assert "10.0 s" in rig.reasons("scale_failed")[1]
    provider.delay_s = 0.0
    rig.pass_time(15.0)
    assert rig.manager.metrics().scales_failed == 2
    assert len(rig.manager.list_nodes()) == 2


def test_a_node_that_cannot_be_registered_goes_back() -> None:
    rig, provider = fleet(1, 4)
    rig.run(rig.manager.register_node(node("extra-0", 1)))
    rig.run(rig.manager.update_node("extra-0", status=NodeStatus.MAINTENANCE))
    rig.pass_time(31.0)
    assert provider.released == ["extra-0"]
    assert rig.reasons("scale_failed") == ["node extra-0: is registered already"]


def test_without_a_provider_it_recommends_once() -> None:
    rig = Rig(node_timeout=1e9)
    rig.add_nodes(1)
    agents = rig.deploy(10)
    rig.run(rig.manager.start())
    rig.pass_time(100.0)
    status = rig.manager.status()
    assert (status.scale_recommendation, status.scale_reason) == (1, "10 agents for 12 places, over 0.8")
    assert rig.kinds("fleet") == ["scale_recommended"]
    for agent_id in agents[:5]:
        rig.run(rig.manager.undeploy_agent(agent_id))
    rig.pass_time(30.0)
    assert rig.manager.status().scale_recommendation == 0
    rig.add_nodes(1)
    rig.pass_time(30.0)
    assert rig.manager.status().scale_recommendation == -1
    assert len(rig.manager.list_nodes()) == 2

"""Whoever waits for what a machine was asked hears of its loss at once, and of a slow one at `deployment_timeout`."""

from __future__ import annotations

import pytest

from sim.errors import DeployError
from sim.runtime.cancelled import Cancelled
from sim.types.fleet import AgentStatus, NodeStatus
from tests.scalability.manager.rig import AGENT, Rig

OFF, ON = NodeStatus.OFFLINE, NodeStatus.ONLINE
NEVER = 1e9
LIMIT_S = 300.0  # deployment_timeout


def fleet(**config: bool) -> Rig:
    """Two nodes, an agent on each."""
    rig = Rig(auto_scaling=False, **config)
    rig.add_nodes(2, 4)
    rig.deploy(2)
    return rig


def waits(rig: Rig) -> int:
    """Timeouts that are remembered."""
    return len(rig.manager._deployer.asking._waits)


def test_a_caller_whose_machine_is_lost_while_its_agent_starts_hears_of_it_at_once() -> None:
    rig = fleet()
    rig.host.stuck.add("node-1")

    async def go() -> float:
        deploy = rig.runtime.spawn(rig.manager.deploy_agent(AGENT, node_id="node-1"))
        await rig.runtime.sleep(2.0)
        rig.manager.heartbeat("node-1", status=OFF)
        with pytest.raises(DeployError, match="node-1 went offline while it started"):
            await deploy.join()
        return rig.runtime.now()

    began_at = rig.runtime.now()
    assert rig.run(go()) == began_at + 2.0
    assert waits(rig) == 0
    rig.audit()


def test_one_that_is_only_slow_has_its_time() -> None:
    rig = fleet(failover_enabled=False)
    rig.host.stuck.add("node-1")

    async def go() -> float:
        deploy = rig.runtime.spawn(rig.manager.deploy_agent(AGENT, node_id="node-1"))
        await rig.runtime.sleep(2.0)
        rig.manager.heartbeat("node-0", status=OFF)  # another one
        with pytest.raises(DeployError, match=r"not ready on node-1 within 300\.0 s, undone"):
            await deploy.join()
        return rig.runtime.now()

    began_at = rig.runtime.now()
    assert rig.run(go()) == began_at + LIMIT_S
    assert waits(rig) == 0


@pytest.mark.parametrize("failover_enabled", [False, True])
def test_a_drain_whose_machine_is_lost_ends_at_once(failover_enabled: bool) -> None:
    """Storm 509579: its agents were asked to stop, and the machine was lost and back before anybody answered."""
    rig = fleet(failover_enabled=failover_enabled)
    rig.host.stop_s = NEVER

    async def go() -> float:
        drain = rig.runtime.spawn(rig.manager.drain_node("node-0"))
        await rig.runtime.sleep(2.0)
        rig.manager.heartbeat("node-0", status=OFF)
        await drain.join()
        return rig.runtime.now()

    began_at = rig.runtime.now()
    assert rig.run(go()) == began_at + 2.0
    assert rig.reasons("stop_failed", "agent-1") == ["node node-0: was lost before it answered"]
    assert rig.orphans("node-0") == {"agent-1"}, "it may still run there"
    assert waits(rig) == 0
    rig.host.stop_s = 0.0
    rig.beat("node-0")
    rig.pass_time(1.0)
    rig.run(rig.manager.update_node("node-0", status=ON))
    assert rig.orphans("node-0") == set()
    rig.audit_at_rest()


def test_whoever_undeploys_an_agent_of_a_machine_that_is_lost_is_told() -> None:
    rig = fleet()
    rig.host.stop_s = NEVER

    async def go() -> None:
        undeploy = rig.runtime.spawn(rig.manager.undeploy_agent("agent-1"))
        await rig.runtime.sleep(2.0)
        rig.manager.heartbeat("node-0", status=OFF)
        with pytest.raises(DeployError, match=r"keeps its place until its host confirms the stop: .*was lost"):
            await undeploy.join()

    rig.run(go())
    assert [agent.status for agent in rig.manager.list_agents()] == [AgentStatus.READY]
    rig.audit()


def test_a_caller_that_is_cancelled_at_the_instant_of_the_loss_stays_cancelled() -> None:
    rig = fleet()
    rig.host.stuck.add("node-1")

    async def go() -> None:
        deploy = rig.runtime.spawn(rig.manager.deploy_agent(AGENT, node_id="node-1"))
        await rig.runtime.sleep(2.0)
        deploy.cancel()
        rig.manager.heartbeat("node-1", status=OFF)
        with pytest.raises(Cancelled):
            await deploy.join()

    rig.run(go())
    assert waits(rig) == 0
    rig.audit()

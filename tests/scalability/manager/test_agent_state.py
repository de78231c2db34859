"""Agent state: on the agent's node and one partner, restored after a loss, never older than acknowledged."""

from __future__ import annotations

from typing import Any

import pytest

from sim.errors import DeployError
from sim.types.fleet import NodeStatus
from tests.scalability.manager.rig import AGENT, Rig


def fleet(nodes: int, agents: int = 1, **config: Any) -> Rig:
    rig = Rig(auto_scaling=False, **config)
    rig.add_nodes(nodes)
    rig.deploy(agents)
    return rig


def save(rig: Rig, agent_id: str = "agent-1", **state: Any) -> int:
    return rig.run(rig.manager.save_state(agent_id, state))


def lose(rig: Rig, *node_ids: str) -> None:
    for node_id in node_ids:
        rig.manager.heartbeat(node_id, status=NodeStatus.OFFLINE)
        rig.pass_time(1.0)


def test_a_state_is_kept_twice_and_its_version_grows() -> None:
    rig = fleet(3)
    state = {"notes": ["a"]}
    assert rig.run(rig.manager.save_state("agent-1", state)) == 1
    state["notes"].append("b")
    saved = rig.manager.load_state("agent-1")
    assert (saved.version, saved.state, saved.node_ids) == (1, {"notes": ["a"]}, ("node-0", "node-1"))
    saved.state["notes"].append("c")
    assert rig.manager.load_state("agent-1").state == {"notes": ["a"]}
    assert save(rig, step=2) == 2
    status = rig.manager.status()
    assert (status.states, status.states_single, rig.manager.metrics().states_saved) == (1, 0, 2)


def test_the_partner_stands_in_another_zone() -> None:
    rig = Rig()
    rig.add_nodes(2, zone="a")
    rig.add_nodes(1, zone="b")
    rig.deploy()
    save(rig)
    assert rig.manager.load_state("agent-1").node_ids == ("node-0", "node-2")


def test_versions_never_go_back() -> None:
    rig = fleet(2)
    assert rig.run(rig.manager.save_state("agent-1", {}, version=7)) == 7
    for version in (7, 3):
        with pytest.raises(DeployError, match=f"state version {version}: 7 is saved already"):
            rig.run(rig.manager.save_state("agent-1", {}, version=version))
    assert save(rig) == 8


def test_a_state_follows_its_agent_after_a_loss() -> None:
    rig = fleet(3)
    save(rig, step=5)
    lose(rig, "node-0")
    assert rig.home("agent-1") == "node-1"
    saved = rig.manager.load_state("agent-1")
    assert (saved.version, saved.state, set(saved.node_ids)) == (1, {"step": 5}, {"node-1", "node-2"})
    lose(rig, "node-1")
    assert rig.manager.load_state("agent-1").state == {"step": 5}
    assert rig.manager.status().states_single == 1  # one node is left
    assert rig.manager.metrics().states_lost == 0
    assert save(rig, step=6) == 2


def test_a_state_comes_to_where_the_agent_starts() -> None:
    rig = fleet(4, agents=3)  # one agent each on node-0, node-1, node-2
    save(rig, step=5)  # node-0 and node-1
    lose(rig, "node-0")  # agent-1 starts on node-3, the emptiest
    assert rig.home("agent-1") == "node-3"
    assert "state_restored" in rig.kinds("agent-1")
    assert set(rig.manager.load_state("agent-1").node_ids) == {"node-3", "node-1"}
    assert rig.manager.metrics().states_restored == 1


def test_a_lost_partner_is_replaced() -> None:
    rig = fleet(3)
    save(rig)
    lose(rig, "node-1")
    assert rig.manager.load_state("agent-1").node_ids == ("node-0", "node-2")


def test_without_replication_a_state_is_reported_lost_once() -> None:
    rig = fleet(2, data_replication=False)
    save(rig)
    assert rig.manager.load_state("agent-1").node_ids == ("node-0",)
    lose(rig, "node-0")
    assert rig.kinds("agent-1").count("state_lost") == 1
    with pytest.raises(DeployError, match="state version 1 is on no reachable node"):
        rig.manager.load_state("agent-1")
    assert rig.manager.metrics().states_lost == 1
    assert save(rig) == 2  # never below what was acknowledged


def test_without_replication_a_state_moves_with_a_drained_agent() -> None:
    rig = fleet(2, data_replication=False)
    save(rig, step=1)
    rig.run(rig.manager.remove_node("node-0"))
    assert rig.manager.load_state("agent-1").state == {"step": 1}
    assert rig.manager.load_state("agent-1").node_ids == ("node-1",)


def test_a_leaving_node_hands_on_the_state_of_a_waiting_agent() -> None:
    rig = Rig(auto_scaling=False)
    rig.add_nodes(2, 1)
    rig.deploy(2)
    save(rig, "agent-1", step=1)
    save(rig, "agent-2", step=2)
    lose(rig, "node-0")  # agent-1 waits, its state is on node-1 alone
    rig.add_nodes(1, 1)
    rig.pass_time(1.0)
    assert rig.manager.load_state("agent-1").state == {"step": 1}
    rig.run(rig.manager.remove_node("node-1"))  # agent-2 waits now
    assert rig.manager.load_state("agent-2").state == {"step": 2}
    rig.audit()


def test_the_last_node_takes_the_state_with_it() -> None:
    rig = fleet(1)
    save(rig)
    rig.run(rig.manager.remove_node("node-0"))
    assert rig.kinds("agent-1").count("state_lost") == 1
    assert rig.manager.metrics().states_lost == 1


def test_both_holders_lost_at_once() -> None:
    rig = fleet(2)
    save(rig)
    rig.manager.heartbeat("node-0", status=NodeStatus.OFFLINE)
    rig.manager.heartbeat("node-1", status=NodeStatus.OFFLINE)
    rig.pass_time(1.0)
    assert rig.manager.metrics().states_lost == 1


def test_a_waiting_agents_copy_finds_a_second_home() -> None:
    rig = Rig(auto_scaling=False)
    rig.add_nodes(3, 1)
    rig.deploy(3)
    save(rig, step=1)  # node-0, node-1
    lose(rig, "node-0")  # no room: agent-1 waits, its state stays on node-1 and goes to node-2
    assert rig.manager.status().pending == 1
    assert set(rig.manager.load_state("agent-1").node_ids) == {"node-1", "node-2"}
    lose(rig, "node-1")
    assert rig.manager.load_state("agent-1").node_ids == ("node-2",)


def test_an_offline_holder_without_failover_keeps_its_copy() -> None:
    rig = fleet(2, failover_enabled=False, data_replication=False)
    save(rig)
    lose(rig, "node-0")
    with pytest.raises(DeployError, match="on no reachable node"):
        rig.manager.load_state("agent-1")
    with pytest.raises(DeployError, match="is not ready on a reachable node, so that its state cannot be saved"):
        save(rig)
    rig.beat("node-0")
    assert rig.manager.load_state("agent-1").version == 1


def test_a_state_goes_with_its_agent() -> None:
    rig = fleet(2)
    save(rig)
    rig.run(rig.manager.undeploy_agent("agent-1"))
    assert rig.manager.status().states == 0
    with pytest.raises(DeployError, match="has saved no state"):
        rig.manager.load_state("agent-1")
    lose(rig, "node-1")


@pytest.mark.parametrize(
    ("state", "problem"),
    [
        ({"x": {1, 2}}, "JSON can hold"),
        ({"x": float("nan")}, "JSON can hold"),
        (7, "JSON can hold"),
        ({"x": "y" * 100}, "a state of 109 bytes: accepted are 100"),
    ],
)
def test_a_state_that_cannot_be_kept_is_refused(state: Any, problem: str) -> None:
    rig = fleet(1, state_bytes_max=100)
    with pytest.raises(DeployError, match=problem):
        rig.run(rig.manager.save_state("agent-1", state))
    assert rig.manager.status().states == 0


def test_an_agent_that_starts_has_no_state_yet() -> None:
    rig = fleet(1, agents=0)
    rig.host.start_s = 2.0

    async def go() -> None:
        task = rig.runtime.spawn(rig.manager.deploy_agent(AGENT))
        await rig.runtime.sleep(1.0)
        with pytest.raises(DeployError, match="agent agent-1: is not ready on a reachable node"):
            await rig.manager.save_state("agent-1", {})
        await task.join()
        assert await rig.manager.save_state("agent-1", {}) == 1

    rig.run(go())


def test_only_deployed_agents_have_a_state() -> None:
    rig = fleet(1)
    with pytest.raises(DeployError, match="agent ghost: is not deployed"):
        save(rig, "ghost")
    with pytest.raises(DeployError, match="has saved no state"):
        rig.manager.load_state("agent-1")

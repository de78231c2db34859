"""Agents start, stop and are undone; ten at once never over-fill a node; a cancel leaves nothing behind."""

from __future__ import annotations

from typing import Any

import pytest

from sim.errors import ConfigError, DeployError, FleetError
from sim.runtime.cancelled import Cancelled
from sim.types.fleet import AgentStatus, NodeStatus
from tests.scalability.manager.rig import AGENT, Rig


def test_a_deployed_agent_is_ready_and_known(rig: Rig) -> None:
    rig.add_nodes(1)
    rig.host.start_s = 2.5
    (agent_id,) = rig.deploy(color="blue")
    info = rig.manager.get_agent(agent_id)
    assert (info.agent_id, info.node_id, info.status) == ("agent-1", "node-0", AgentStatus.READY)
    assert (info.deployed_at, info.ready_at) == (0.0, 2.5)
    assert info.config == {**AGENT, "color": "blue"}
    assert rig.books.ready == {"node-0": {"research": 1}}
    assert rig.kinds(agent_id) == ["agent_starting", "agent_ready"]
    rig.audit_at_rest()


def test_every_event_of_an_agent_names_the_node_that_it_is_on(rig: Rig) -> None:
    rig.add_nodes(1)
    (agent_id,) = rig.deploy()
    rig.run(rig.manager.undeploy_agent(agent_id))
    rows = [(row.kind, dict(row.fields)["node"]) for row in rig.log.rows if row.subject == agent_id]
    assert rows == [("agent_starting", "node-0"), ("agent_ready", "node-0"), ("agent_stopped", "")]


def test_an_agent_that_stopped_counts_in_its_zone_no_more(rig: Rig) -> None:
    rig.add_nodes(1, zone="a")
    rig.add_nodes(1, zone="b")
    for _ in range(2):  # both zones are empty again: the oldest node
        (agent_id,) = rig.deploy()
        assert rig.home(agent_id) == "node-0"
        rig.run(rig.manager.undeploy_agent(agent_id))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"name": ""}, "agent.name=: accepted is a text"),
        ({"name": None}, "agent.name=None: accepted is a text"),
        ({"model": "m" * 257}, "accepted is a text of 1 to 256"),
        ({"type": "two words"}, "agent.type=two words: accepted is 1 to 128"),
        ({"type": 5}, "agent.type=5"),
        ({"temperature": 2.1}, "agent.temperature=2.1: accepted is a number in 0..2"),
        ({"temperature": float("nan")}, "agent.temperature=nan"),
        ({"temperature": "hot"}, "agent.temperature=hot"),
    ],
)
def test_a_bad_config_is_refused_before_anything_happens(rig: Rig, change: dict[str, Any], problem: str) -> None:
    rig.add_nodes(1)
    with pytest.raises(ConfigError) as caught:
        rig.deploy(**change)
    assert problem in str(caught.value)
    assert rig.manager.status().registered == 0
    assert rig.host.calls == []


def test_a_config_is_a_mapping(rig: Rig) -> None:
    with pytest.raises(ConfigError, match="agent=7: accepted is a mapping"):
        rig.run(rig.manager.deploy_agent(7))  # type: ignore[arg-type]


def test_no_room_is_told_and_counted(rig: Rig) -> None:
    with pytest.raises(DeployError, match="no online node has a free place for 'Research Agent'"):
        rig.deploy()
    rig.add_nodes(1, 1)
    rig.deploy()
    with pytest.raises(DeployError, match="agent agent-3: no online node"):
        rig.deploy()
    status = rig.manager.status()
    assert (status.registered, status.agents["stopped"], status.agents["ready"]) == (3, 2, 1)
    rig.audit_at_rest()


def test_ten_at_once_never_over_fill(rig: Rig) -> None:
    rig.add_nodes(3, 2)
    rig.host.start_s = 1.0
    tasks = [rig.runtime.spawn(rig.manager.deploy_agent(AGENT)) for _ in range(10)]

    async def outcomes() -> list[str]:
        seen = []
        for task in tasks:
            try:
                seen.append(await task.join())
            except DeployError:
                seen.append("refused")
        return seen

    seen = rig.run(outcomes())
    assert seen.count("refused") == 4
    assert rig.loads() == {"node-0": 2, "node-1": 2, "node-2": 2}
    assert rig.runtime.now() == 1.0  # all six started side by side
    rig.audit_at_rest()


def test_the_deployment_timeout_fires_and_undoes(rig: Rig) -> None:
    rig.host.stuck.add(*rig.add_nodes(1))
    with pytest.raises(DeployError, match=r"not ready on node-0 within 300\.0 s, undone"):
        rig.deploy()
    assert rig.runtime.now() == 300.0
    assert rig.host.calls == [("start", "node-0", "agent-1"), ("stop", "node-0", "agent-1")]
    assert rig.loads() == {"node-0": 0}
    assert rig.manager.get_agent("agent-1").status is AgentStatus.STOPPED
    assert rig.manager.metrics().deploys_failed == 1
    rig.audit_at_rest()


def test_a_host_that_fails_is_undone_and_its_error_passes(rig: Rig) -> None:
    rig.host.broken.add(*rig.add_nodes(1))
    with pytest.raises(FleetError, match="node-0 is broken"):
        rig.deploy()
    assert rig.reasons("agent_stopped") == ["not deployed: node-0 is broken"]
    assert rig.loads() == {"node-0": 0}
    rig.audit_at_rest()


def test_a_type_that_the_balancer_refuses_is_undone(rig: Rig) -> None:
    rig.add_nodes(1)
    rig.books.refused.add("research")
    with pytest.raises(FleetError, match="type research is not known"):
        rig.deploy()
    assert rig.manager.ready_count("node-0", "research") == 0
    rig.audit_at_rest()


@pytest.mark.parametrize("after_s", [0.0, 1.0])
def test_a_cancelled_deploy_leaves_nothing_behind(rig: Rig, after_s: float) -> None:
    rig.add_nodes(1, 1)
    rig.host.start_s = 2.0

    async def go() -> None:
        task = rig.runtime.spawn(rig.manager.deploy_agent(AGENT))
        await rig.runtime.sleep(after_s)
        rig.audit()
        assert rig.loads() == {"node-0": 1}
        task.cancel()
        with pytest.raises(Cancelled):
            await task.join()

    rig.run(go())
    assert rig.loads() == {"node-0": 0}
    rig.audit_at_rest()
    rig.deploy()
    rig.audit_at_rest()


def test_a_place_whose_stop_was_cut_short_is_freed_at_the_next_check(rig: Rig) -> None:
    rig.add_nodes(1, 1)
    rig.run(rig.manager.start())
    rig.host.start_s, rig.host.stop_s = 2.0, 5.0

    async def go() -> None:
        task = rig.runtime.spawn(rig.manager.deploy_agent(AGENT))
        for _ in range(2):
            await rig.runtime.sleep(1.0)
            task.cancel()
        with pytest.raises(Cancelled):
            await task.join()

    rig.run(go())  # the second cancel hit the stop: the host may still run it
    assert (rig.loads(), rig.orphans("node-0")) == ({"node-0": 1}, {"agent-1"})
    assert rig.manager.status().orphans == 1
    rig.audit_at_rest()
    rig.pass_time(34.0)
    assert rig.loads() == {"node-0": 0}
    rig.audit_at_rest()


def test_a_deploy_cancelled_before_it_begins_does_nothing(rig: Rig) -> None:
    rig.add_nodes(1)

    async def go() -> None:
        task = rig.runtime.spawn(rig.manager.deploy_agent(AGENT))
        task.cancel()
        with pytest.raises(Cancelled):
            await task.join()

    rig.run(go())
    assert rig.manager.status().registered == 0
    assert rig.host.calls == []


def test_a_node_lost_during_a_start_fails_the_deploy(rig: Rig) -> None:
    rig.add_nodes(1)
    rig.host.start_s = 2.0

    async def go() -> None:
        task = rig.runtime.spawn(rig.manager.deploy_agent(AGENT))
        await rig.runtime.sleep(1.0)
        await rig.manager.update_node("node-0", status=NodeStatus.OFFLINE)
        with pytest.raises(DeployError, match="node-0 went offline while it started"):
            await task.join()

    rig.run(go())
    assert rig.orphans("node-0") == {"agent-1"}
    rig.audit()
    rig.run(rig.manager.update_node("node-0", status=NodeStatus.ONLINE))
    assert rig.loads() == {"node-0": 0}
    assert rig.host.calls == [("start", "node-0", "agent-1"), ("stop", "node-0", "agent-1")]  # it may have started
    rig.audit_at_rest()


def test_undeploy_stops_and_frees(rig: Rig) -> None:
    rig.add_nodes(1)
    first, second = rig.deploy(2)
    rig.run(rig.manager.undeploy_agent(first))
    assert rig.books.ready == {"node-0": {"research": 1}}
    assert rig.host.running == {"node-0": {second}}
    assert [info.agent_id for info in rig.manager.list_agents()] == [second]
    assert rig.manager.metrics().undeploys == 1
    with pytest.raises(DeployError, match=f"agent {first}: is not deployed"):
        rig.run(rig.manager.undeploy_agent(first))
    rig.audit_at_rest()


def test_who_is_being_stopped_saves_with_the_others_until_it_has_stopped(rig: Rig) -> None:
    """Who may save is looked up anew when the stop has ended, though nothing else has changed since it began."""
    rig.add_nodes(1)
    rig.deploy(2)
    rig.host.stop_s = 2.0
    rig.runtime.spawn(rig.manager.undeploy_agent("agent-1"))
    rig.pass_time(1.0)
    assert rig.manager.save_all({"step": 1}, ["node-0"]) == (2, [])
    rig.pass_time(2.0)
    assert rig.manager.save_all({"step": 2}, ["node-0"]) == (1, [])


def test_undeploy_waits_for_a_start(rig: Rig) -> None:
    rig.add_nodes(1)
    rig.host.start_s = 2.0

    async def go() -> None:
        task = rig.runtime.spawn(rig.manager.deploy_agent(AGENT))
        await rig.runtime.sleep(1.0)
        stops = [rig.runtime.spawn(rig.manager.undeploy_agent("agent-1")) for _ in range(2)]
        await task.join()
        await stops[0].join()
        with pytest.raises(DeployError, match="is not deployed"):
            await stops[1].join()

    rig.run(go())
    assert rig.runtime.now() == 2.0
    assert rig.loads() == {"node-0": 0}
    rig.audit_at_rest()


def test_a_host_that_cannot_stop_is_told_and_the_place_stays_taken_until_it_does(rig: Rig) -> None:
    rig.add_nodes(1)
    rig.run(rig.manager.start())
    (agent_id,) = rig.deploy()
    rig.host.unstoppable.add("node-0")
    with pytest.raises(DeployError, match="keeps its place until its host confirms the stop: node-0 does not listen"):
        rig.run(rig.manager.undeploy_agent(agent_id))
    assert rig.loads() == {"node-0": 1}
    assert rig.manager.ready_count("node-0", "research") == 0
    assert rig.manager.metrics().stops_failed == 1
    assert rig.reasons("stop_failed", agent_id) == ["node-0 does not listen"]
    rig.pass_time(31.0)
    assert rig.reasons("clear_failed", "node-0") == ["node-0 does not listen"]
    rig.audit_at_rest()
    rig.host.unstoppable.clear()
    rig.pass_time(30.0)
    assert rig.loads() == {"node-0": 0}
    rig.audit_at_rest()


def test_a_stop_that_hangs_is_given_up(rig: Rig) -> None:
    rig.add_nodes(1)
    (agent_id,) = rig.deploy()
    rig.host.stop_s = 1e6
    with pytest.raises(DeployError, match=r"not done within 300\.0 s"):
        rig.run(rig.manager.undeploy_agent(agent_id))
    assert rig.runtime.now() == 300.0


def test_lists_can_be_asked_for_a_part(rig: Rig) -> None:
    rig.add_nodes(2, 2)
    rig.deploy(2)
    rig.deploy(2, type="writer")
    assert [info.agent_id for info in rig.manager.list_agents(agent_type="writer")] == ["agent-3", "agent-4"]
    assert [info.agent_id for info in rig.manager.list_agents(node_id="node-0")] == ["agent-1", "agent-3"]
    assert rig.manager.list_agents(status=AgentStatus.PENDING) == []
    assert rig.manager.ready_count("node-0", "writer") == 1

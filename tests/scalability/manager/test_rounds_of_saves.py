"""All agents save at once: the same versions, places and digests as one save after the other."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sim.types.fleet import AgentStatus, NodeStatus
from tests.scalability.manager.rig import Rig

Change = Callable[[Rig], None]
NODES = [f"node-{number}" for number in range(4)]


def lose(rig: Rig) -> None:
    rig.manager.heartbeat("node-1", status=NodeStatus.OFFLINE)
    rig.pass_time(1.0)


def come_back(rig: Rig) -> None:
    rig.manager.heartbeat("node-1", status=NodeStatus.ONLINE)
    rig.pass_time(1.0)


def lose_a_disk(rig: Rig) -> None:
    rig.manager.node_restarted("node-2", False)


def one_more(rig: Rig) -> None:
    rig.deploy(1)


def one_less(rig: Rig) -> None:
    rig.run(rig.manager.undeploy_agent("agent-2"))


def one_alone(rig: Rig) -> None:
    rig.run(rig.manager.save_state("agent-1", {"alone": True}))


def nothing(rig: Rig) -> None:
    """A round like the last one."""


def one_by_one(rig: Rig, step: int, able: list[str]) -> int:
    agents = [agent for agent in rig.manager.list_agents(status=AgentStatus.READY) if agent.node_id in able]
    for agent in agents:
        rig.run(rig.manager.save_state(agent.agent_id, {"step": step}, epoch=agent.epoch))
    return len(agents)


@pytest.mark.parametrize("change", [nothing, lose, lose_a_disk, one_more, one_less, one_alone])
def test_a_round_is_as_good_as_one_save_after_the_other(change: Change) -> None:
    together, apart = (Rig(auto_scaling=False, failover_enabled=True, copies_min=2) for _ in range(2))
    for rig in (together, apart):
        rig.add_nodes(4)
        rig.deploy(6)
    for step in range(11):
        able = NODES[:3] if step in (6, 7, 8) else NODES  # one machine does not work: its agents save nothing
        for rig in (together, apart):
            if step == 3:
                change(rig)
            if step == 5 and change is lose:
                come_back(rig)
        count, failed = together.manager.save_all({"step": step}, able)
        assert (count, failed) == (one_by_one(apart, step, able), [])
        for one, other in zip(together.manager.list_agents(), apart.manager.list_agents(), strict=True):
            assert together.manager.load_state(one.agent_id) == apart.manager.load_state(other.agent_id)
        assert [together.manager.state_digest(name) for name in NODES] == [
            apart.manager.state_digest(name) for name in NODES
        ]
    assert together.manager.metrics() == apart.manager.metrics()
    assert together.log.digest() == apart.log.digest()


def test_who_cannot_save_is_named_and_the_others_have_saved() -> None:
    rig = Rig(auto_scaling=False, state_bytes_max=10)
    rig.add_nodes(2)
    rig.deploy(2)
    assert rig.manager.save_all({}, NODES) == (2, [])
    count, failed = rig.manager.save_all({"much": "x" * 10}, NODES[:1])
    assert count == 0
    assert [agent_id for agent_id, _ in failed] == ["agent-1"]
    assert "accepted are 10" in failed[0][1]


def test_copied_disks_stay_as_they_were_while_rounds_go_on() -> None:
    rig = Rig(auto_scaling=False, copies_min=1)
    rig.add_nodes(2)
    rig.deploy(3)
    disks = rig.manager._states.disks
    for step in range(3):  # from the third on agents share a copy
        rig.manager.save_all({"step": step}, NODES)
    copied, before = disks.copied(), rig.manager.state_digest("node-0")
    rig.manager.save_all({"step": 3}, NODES)
    assert copied.digest("node-0") == before != rig.manager.state_digest("node-0")
    saved = rig.manager.load_state("agent-1")
    assert (saved.version, saved.state) == (4, {"step": 3})


def test_the_books_count_their_changes() -> None:
    rig = Rig(auto_scaling=False)
    counts = [rig.manager.changes_count()]

    def moved() -> bool:
        counts.append(rig.manager.changes_count())
        return counts[-1] > counts[-2]

    rig.add_nodes(2)
    assert moved()
    rig.deploy(1)
    assert moved()
    rig.manager.heartbeat("node-0")
    assert not moved()
    lose(rig)
    assert moved()
    come_back(rig)
    assert moved()
    rig.run(rig.manager.undeploy_agent("agent-1"))
    assert moved()
    rig.run(rig.manager.remove_node("node-1"))
    assert moved()
    rig.run(rig.manager.drain_node("node-0"))
    assert moved()
    rig.run(rig.manager.remove_node("node-0"))  # which changes no status any more
    assert moved()

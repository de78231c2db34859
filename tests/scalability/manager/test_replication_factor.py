"""States stand on the agent's node and `copies_min` others; the number is restored; stale copies are found and go."""

from __future__ import annotations

from typing import Any

import pytest

from sim.errors import ConfigError, DeployError
from sim.types.fleet import NodeStatus
from tests.scalability.manager.rig import Rig, node

OFF, ON = NodeStatus.OFFLINE, NodeStatus.ONLINE


def fleet(nodes: int, agents: int = 1, zones: int = 1, **config: Any) -> Rig:
    rig = Rig(auto_scaling=False, **config)
    for index in range(nodes):
        rig.run(rig.manager.register_node(node(f"node-{index}", zone=f"zone-{index % zones}")))
    rig.deploy(agents)
    return rig


def save(rig: Rig, agent_id: str = "agent-1", **state: Any) -> int:
    return rig.run(rig.manager.save_state(agent_id, state))


def lose(rig: Rig, *node_ids: str) -> None:
    for node_id in node_ids:
        rig.manager.heartbeat(node_id, status=OFF)
        rig.pass_time(1.0)


def back(rig: Rig, *node_ids: str, kept_state: bool = True) -> None:
    for node_id in node_ids:
        rig.manager.node_restarted(node_id, kept_state)
        rig.beat(node_id)
        rig.pass_time(1.0)


def holders(rig: Rig, agent_id: str = "agent-1") -> tuple[str, ...]:
    return rig.manager.load_state(agent_id).node_ids


def short(rig: Rig) -> int:
    return rig.manager.status().states_under_replicated


@pytest.mark.parametrize(("copies_min", "count"), [(0, 1), (1, 2), (2, 3), (4, 5)])
def test_a_write_stands_on_so_many_nodes(copies_min: int, count: int) -> None:
    rig = fleet(5, copies_min=copies_min)
    save(rig)
    assert holders(rig) == tuple(f"node-{index}" for index in range(count))
    assert short(rig) == 0


def test_replication_off_means_no_copies() -> None:
    rig = fleet(3, copies_min=2, data_replication=False)
    save(rig)
    assert (holders(rig), short(rig)) == (("node-0",), 0)


@pytest.mark.parametrize("value", [-1, 101, 1.5, True])
def test_a_bad_number_of_copies_is_refused(value: Any) -> None:
    with pytest.raises(ConfigError, match=f"copies_min={value}: accepted is a whole number in 0..100"):
        Rig(copies_min=value)


def test_other_zones_come_first() -> None:
    rig = fleet(6, zones=3, copies_min=3)
    save(rig)
    assert holders(rig) == ("node-0", "node-1", "node-2", "node-3")  # zones 0, 1, 2, and 0 again


def test_too_few_nodes_are_counted_and_completed_when_one_joins() -> None:
    rig = fleet(1, copies_min=2)
    assert save(rig) == 1
    assert (holders(rig), short(rig)) == (("node-0",), 1)
    rig.run(rig.manager.register_node(node("node-8")))
    assert (holders(rig), short(rig)) == (("node-0", "node-8"), 1)
    rig.run(rig.manager.register_node(node("node-9")))
    assert (holders(rig), short(rig)) == (("node-0", "node-8", "node-9"), 0)
    assert rig.manager.metrics().states_copied == 2


@pytest.mark.parametrize("first", ["node-0", "node-1", "node-2"])
def test_acknowledged_writes_survive_the_loss_of_all_but_one_copy(first: str) -> None:
    rig = fleet(3, copies_min=2)
    save(rig, step=7)
    for name in [name for name in ("node-0", "node-1", "node-2") if name != first]:
        rig.manager.heartbeat(name, status=OFF)  # at one instant
    saved = rig.manager.load_state("agent-1")
    assert (saved.version, saved.state, saved.node_ids) == (1, {"step": 7}, (first,))
    assert rig.manager.metrics().states_lost == 0


def test_the_number_is_restored_after_a_loss() -> None:
    rig = fleet(5, copies_min=2)
    save(rig, step=7)
    lose(rig, "node-1", "node-2", "node-3")
    assert (holders(rig), short(rig)) == (("node-0", "node-4"), 1)
    back(rig, "node-2")
    assert (set(holders(rig)), short(rig)) == ({"node-0", "node-4", "node-2"}, 0)
    lose(rig, "node-0", "node-4")
    assert rig.manager.load_state("agent-1").state == {"step": 7}


def test_a_returning_node_has_its_stale_copy_overwritten() -> None:
    rig = fleet(2)
    save(rig, step=1)
    lose(rig, "node-0")
    save(rig, step=2)
    disks = rig.manager._states.disks
    stale = disks.read("node-0", "agent-1")
    assert stale is not None
    assert stale.version == 1  # really there, and never read
    assert rig.manager.load_state("agent-1").state == {"step": 2}
    assert rig.manager.state_digest("node-0") != rig.manager.state_digest("node-1")
    back(rig, "node-0")
    assert rig.manager.state_digest("node-0") == rig.manager.state_digest("node-1")
    assert (set(holders(rig)), short(rig)) == ({"node-0", "node-1"}, 0)
    assert rig.manager.metrics().states_dropped == 1
    assert dict(next(row for row in rig.log.rows if row.kind == "states_dropped").fields)["count"] == 1


def test_after_a_heal_all_replicas_are_equal() -> None:
    rig = fleet(4, agents=6, copies_min=3)
    for step in range(3):
        for number in range(6):
            save(rig, f"agent-{number + 1}", step=step)
        lose(rig, f"node-{step}")
    for number in range(6):
        save(rig, f"agent-{number + 1}", step=9)
    assert len({rig.manager.state_digest(f"node-{index}") for index in range(4)}) == 4
    back(rig, "node-0", "node-2", "node-1")
    assert len({rig.manager.state_digest(f"node-{index}") for index in range(4)}) == 1
    assert short(rig) == 0


def test_a_node_that_lost_its_disk_brings_nothing_back() -> None:
    rig = fleet(1, data_replication=False)
    save(rig)
    lose(rig, "node-0")
    assert rig.manager.metrics().states_lost == 1
    back(rig, "node-0", kept_state=False)
    with pytest.raises(DeployError, match="state version 1 is on no reachable node"):
        rig.manager.load_state("agent-1")
    assert save(rig) == 2


def test_a_state_that_was_lost_is_found_with_its_node() -> None:
    rig = fleet(2, data_replication=False)
    save(rig, step=1)
    lose(rig, "node-0")
    assert rig.manager.metrics().states_lost == 1
    back(rig, "node-0")
    saved = rig.manager.load_state("agent-1")
    assert (saved.state, saved.node_ids) == ({"step": 1}, ("node-1",))  # where the agent is by now
    assert rig.manager.metrics().states_found == 1
    assert rig.kinds("agent-1").count("state_found") == 1
    lose(rig, "node-1")
    assert rig.manager.metrics().states_lost == 2  # it can be lost again


def test_a_restart_that_nobody_noticed_restores_the_copies() -> None:
    rig = fleet(3)
    save(rig, step=1)
    rig.manager.node_restarted("node-1", kept_state=True)
    assert rig.manager.metrics().states_copied == 0
    rig.manager.node_restarted("node-1", kept_state=False)  # it is online all the while
    assert (len(holders(rig)), short(rig), rig.manager.metrics().states_copied) == (2, 0, 1)
    lose(rig, "node-0")
    assert rig.manager.load_state("agent-1").state == {"step": 1}


def test_the_last_copy_goes_with_the_disk() -> None:
    rig = fleet(1)
    save(rig)
    rig.manager.node_restarted("node-0", kept_state=False)
    assert rig.reasons("state_lost") == ["its disk is gone"]


def test_what_a_stopped_agent_left_behind_is_dropped_at_the_return() -> None:
    rig = fleet(3)
    save(rig)
    lose(rig, "node-1")
    rig.run(rig.manager.undeploy_agent("agent-1"))
    assert rig.manager._states.disks.agents("node-1") == ["agent-1"]
    back(rig, "node-1")
    assert rig.manager._states.disks.agents("node-1") == []
    assert short(rig) == 0


def test_a_draining_node_takes_no_new_copy_but_keeps_one_until_it_is_gone() -> None:
    rig = fleet(3, zones=3)
    save(rig)  # node-0 and node-1
    rig.run(rig.manager.drain_node("node-1"))
    assert holders(rig) == ("node-0", "node-1")
    assert save(rig) == 2
    assert holders(rig) == ("node-0", "node-2")
    rig.run(rig.manager.update_node("node-2", status=NodeStatus.MAINTENANCE))
    save(rig)
    assert holders(rig) == ("node-0", "node-2")  # better there than nowhere
    rig.run(rig.manager.remove_node("node-2"))
    assert (holders(rig), short(rig)) == (("node-0",), 1)


def test_without_failover_copies_are_restored_and_nothing_is_called_lost() -> None:
    rig = fleet(3, failover_enabled=False)
    save(rig, step=1)
    lose(rig, "node-1")
    assert holders(rig) == ("node-0", "node-2")
    lose(rig, "node-0", "node-2")
    assert rig.manager.metrics().states_lost == 0
    with pytest.raises(DeployError, match="on no reachable node"):
        rig.manager.load_state("agent-1")
    back(rig, "node-2", "node-0")
    assert (rig.manager.load_state("agent-1").state, set(holders(rig))) == ({"step": 1}, {"node-0", "node-2"})


def test_an_agent_that_waits_gets_its_found_state_where_it_starts() -> None:
    rig = fleet(1, data_replication=False)
    save(rig, step=1)
    lose(rig, "node-0")
    assert rig.manager.status().pending == 1
    back(rig, "node-0")
    assert (rig.home("agent-1"), holders(rig)) == ("node-0", ("node-0",))
    assert rig.manager.metrics().states_found == 1

"""Writes that are carried over a link: acknowledged only when they stand, never half, one after the other."""

from __future__ import annotations

from typing import Any

import pytest

from sim.errors import DeployError, FleetError
from sim.runtime.cancelled import Cancelled
from sim.types.fleet import NodeStatus
from tests.scalability.manager.rig import Rig

OFF = NodeStatus.OFFLINE


class Link:
    """Takes `carry_s`; targets in `broken` fail at the end of it."""

    def __init__(self) -> None:
        self.rig: Rig
        self.carry_s = 2.0
        self.broken: set[str] = set()
        self.carried: list[tuple[str, str, int]] = []

    async def carry(self, source: str, target: str, agent_id: str, version: int, size_bytes: int) -> None:
        await self.rig.runtime.sleep(self.carry_s)
        if target in self.broken:
            raise FleetError(f"{target} does not answer")
        assert size_bytes == len('{"step": 1}')
        self.carried.append((source, target, version))


def fleet(nodes: int, **config: Any) -> tuple[Rig, Link]:
    link = Link()
    rig = link.rig = Rig(auto_scaling=False, link=link, **config)
    rig.add_nodes(nodes)
    rig.deploy()
    return rig, link


def save(rig: Rig, step: int = 1, **given: Any) -> int:
    return rig.run(rig.manager.save_state("agent-1", {"step": step}, **given))


def staged(rig: Rig, node_id: str) -> int | None:
    copy = rig.manager._states.disks.staged(node_id, "agent-1")
    return None if copy is None else copy.version


def test_a_write_is_acknowledged_once_it_was_carried_to_all() -> None:
    rig, link = fleet(4, copies_min=2)
    assert save(rig) == 1
    assert rig.runtime.now() == 4.0
    assert link.carried == [("node-0", "node-1", 1), ("node-0", "node-2", 1)]
    assert rig.manager.load_state("agent-1").node_ids == ("node-0", "node-1", "node-2")
    assert staged(rig, "node-0") is None


def test_the_older_version_is_read_until_then() -> None:
    rig, _ = fleet(2)
    save(rig)

    async def go() -> None:
        task = rig.runtime.spawn(rig.manager.save_state("agent-1", {"step": 2}))
        await rig.runtime.sleep(1.0)
        assert staged(rig, "node-0") == 2
        assert rig.manager.load_state("agent-1").state == {"step": 1}
        assert await task.join() == 2

    rig.run(go())
    assert rig.manager.load_state("agent-1").state == {"step": 2}


def test_a_node_that_fails_is_replaced() -> None:
    rig, link = fleet(3)
    link.broken.add("node-1")
    assert save(rig) == 1
    assert rig.manager.load_state("agent-1").node_ids == ("node-0", "node-2")


@pytest.mark.parametrize("carry_s", [2.0, 1e6])
def test_a_write_that_too_few_nodes_took_is_not_acknowledged(carry_s: float) -> None:
    rig, link = fleet(3, copies_min=2, deployment_timeout=10.0)
    link.carry_s = carry_s
    link.broken |= {"node-1"}
    with pytest.raises(DeployError, match="state version 1 is not acknowledged: node-1: "):
        save(rig)
    assert rig.manager.status().states == 0
    assert [staged(rig, f"node-{index}") for index in range(3)] == [None] * 3
    link.broken.clear()
    link.carry_s = 1.0
    assert save(rig) == 1


def test_a_single_node_takes_a_write_without_the_link() -> None:
    rig, link = fleet(1)
    assert (save(rig), link.carried, rig.manager.status().states_under_replicated) == (1, [], 1)


def test_writes_of_one_agent_come_one_after_the_other() -> None:
    rig, link = fleet(2)

    async def go() -> None:
        tasks = [rig.runtime.spawn(rig.manager.save_state("agent-1", {"step": 1})) for _ in range(3)]
        assert [await task.join() for task in tasks] == [1, 2, 3]

    rig.run(go())
    assert [version for _, _, version in link.carried] == [1, 2, 3]
    assert rig.runtime.now() == 6.0


def test_a_write_whose_agent_was_placed_elsewhere_is_fenced() -> None:
    rig, _ = fleet(3)
    save(rig)

    async def go() -> None:
        task = rig.runtime.spawn(rig.manager.save_state("agent-1", {"step": 2}))
        await rig.runtime.sleep(1.0)
        rig.manager.heartbeat("node-0", status=OFF)
        with pytest.raises(DeployError, match="fenced: epoch 1 is not the live one, 2"):
            await task.join()

    rig.run(go())
    assert rig.home("agent-1") == "node-1"
    saved = rig.manager.load_state("agent-1")
    assert (saved.version, saved.state) == (1, {"step": 1})
    assert staged(rig, "node-0") == 2  # a newer version that nobody acknowledged, on a node out of reach
    rig.beat("node-0")
    rig.pass_time(1.0)
    assert staged(rig, "node-0") is None
    assert rig.manager._states.disks.read("node-0", "agent-1") is None
    assert rig.manager.load_state("agent-1").version == 1


def test_an_acknowledged_copy_beside_one_that_never_was_counts_again() -> None:
    rig, _ = fleet(2)
    save(rig)

    async def go() -> None:
        task = rig.runtime.spawn(rig.manager.save_state("agent-1", {"step": 2}))
        await rig.runtime.sleep(1.0)
        rig.manager.heartbeat("node-0", status=OFF)
        with pytest.raises(DeployError, match="fenced"):
            await task.join()
        rig.beat("node-0")
        await rig.runtime.sleep(1.0)

    rig.run(go())
    assert rig.manager.load_state("agent-1").node_ids == ("node-1", "node-0")
    assert rig.manager.load_state("agent-1").state == {"step": 1}
    metrics = rig.manager.metrics()
    assert (metrics.states_dropped, metrics.states_copied, staged(rig, "node-0")) == (0, 0, None)


def test_a_partner_that_is_lost_or_loses_its_disk_meanwhile_is_replaced() -> None:
    rig, link = fleet(4, copies_min=2)

    async def go() -> None:
        task = rig.runtime.spawn(rig.manager.save_state("agent-1", {"step": 1}))
        await rig.runtime.sleep(3.0)  # node-1 has it, node-2 is on its way
        rig.manager.heartbeat("node-1", status=OFF)
        await task.join()

    rig.run(go())
    assert rig.manager.load_state("agent-1").node_ids == ("node-0", "node-2", "node-3")
    link.carried.clear()

    async def erase() -> None:
        task = rig.runtime.spawn(rig.manager.save_state("agent-1", {"step": 1}))
        await rig.runtime.sleep(1.0)
        rig.manager.node_restarted("node-0", kept_state=False)
        await task.join()

    rig.run(erase())
    assert set(rig.manager.load_state("agent-1").node_ids) == {"node-0", "node-2", "node-3"}
    assert ("node-0", "node-0", 2) in link.carried  # its own copy again


def test_a_partner_that_leaves_meanwhile_is_no_trouble() -> None:
    rig, link = fleet(3, copies_min=2)
    link.broken.add("node-2")

    async def go() -> None:
        task = rig.runtime.spawn(rig.manager.save_state("agent-1", {"step": 1}))
        await rig.runtime.sleep(3.0)
        await rig.manager.remove_node("node-1")
        with pytest.raises(DeployError, match="not acknowledged: node-2"):
            await task.join()

    rig.run(go())


def test_a_cancelled_write_leaves_nothing_behind() -> None:
    rig, _ = fleet(2)

    async def go() -> None:
        task = rig.runtime.spawn(rig.manager.save_state("agent-1", {"step": 1}))
        await rig.runtime.sleep(1.0)
        task.cancel()
        with pytest.raises(Cancelled):
            await task.join()

    rig.run(go())
    assert (rig.manager.status().states, staged(rig, "node-0")) == (0, None)
    assert save(rig) == 1


def test_versions_that_are_asked_for_grow() -> None:
    rig, _ = fleet(2)
    assert save(rig, version=5) == 5
    with pytest.raises(DeployError, match="state version 5: 5 is saved already"):
        save(rig, version=5)

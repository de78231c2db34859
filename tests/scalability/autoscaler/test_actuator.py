"""A node comes whole or not at all, and leaves drained; against a scripted manager."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sim.errors import DeployError, FleetError, NodeError
from sim.runtime.virtual import VirtualRuntime
from sim.scalability.autoscaler.actuator import FleetActuator
from sim.scalability.autoscaler.params import AutoscalerParams
from sim.types.fleet import AgentStatus, NodeStatus
from tests.scalability.autoscaler.fake_manager import FakeManager, FakeProvider


class Rig:
    def __init__(self) -> None:
        self.runtime = VirtualRuntime()
        self.manager, self.provider = FakeManager(self.runtime), FakeProvider(self.runtime)
        self.flying: dict[str, int] = {}
        self.actuator = FleetActuator(
            self.runtime,
            self.manager,
            self.provider,
            AutoscalerParams(kind="hpa", drain_s=20.0),
            {"chat": 2, "code": 1},
            lambda node_id: self.flying.get(node_id, 0),
        )

    def add(self) -> str:
        return self.runtime.run_task(self.actuator.add())

    def types(self, node_id: str) -> list[str]:
        return sorted(agent.agent_type for agent in self.manager.list_agents(node_id=node_id))

    def nothing_is_left(self) -> bool:
        return not (self.manager.nodes or self.manager.agents or self.actuator.joining or self.actuator.leaving)


@pytest.fixture
def rig() -> Iterator[Rig]:
    made = Rig()
    yield made
    made.runtime.close()


def test_a_node_comes_with_its_agents_side_by_side(rig: Rig) -> None:
    rig.provider.provide_s, rig.manager.start_s = 60.0, 5.0
    assert rig.add() == "m-0"
    assert rig.runtime.now() == 65.0
    assert rig.types("m-0") == ["chat", "chat", "code"]
    assert rig.actuator.removable(9) == ["m-0"]


def test_agents_that_waited_for_a_place_are_part_of_the_node(rig: Rig) -> None:
    rig.manager.pending = ["chat", "other"]
    rig.add()
    assert rig.types("m-0") == ["chat", "chat", "code", "other"]


def test_while_its_agents_start_it_is_not_ready(rig: Rig) -> None:
    rig.manager.start_s = 5.0
    task = rig.runtime.spawn(rig.actuator.add(), "add")
    rig.runtime.run(until=3.0)
    assert list(rig.actuator.joining) == ["m-0"]
    assert rig.actuator.removable(9) == []
    rig.runtime.run(until=6.0)
    assert task.done()
    assert rig.actuator.removable(9) == ["m-0"]


def test_an_agent_that_does_not_start_undoes_the_node(rig: Rig) -> None:
    rig.manager.failing = {1}
    with pytest.raises(DeployError, match="did not start"):
        rig.add()
    assert rig.provider.released == ["m-0"]
    assert rig.manager.removals == [("m-0", True, 0.0)]
    assert rig.nothing_is_left()


@pytest.mark.parametrize(("agent_type", "stays"), [("chat", True), ("code", False)])
def test_a_place_that_another_took_meanwhile_is_no_failure_if_it_is_of_the_type(
    rig: Rig, agent_type: str, stays: bool
) -> None:
    """Else who deploys again and again makes every set-up fail, and the fleet never has a node."""
    rig.manager.failing, rig.manager.start_s = {1}, 5.0

    async def deploys_meanwhile() -> None:
        await rig.runtime.sleep(3.0)
        rig.manager._agent(agent_type, "m-0")

    rig.runtime.spawn(deploys_meanwhile(), "a user")
    if stays:
        assert rig.add() == "m-0"
        assert rig.types("m-0") == ["chat", "chat", "code"]
    else:
        with pytest.raises(DeployError, match="did not start"):
            rig.add()
        assert rig.nothing_is_left()


def test_a_bug_is_not_taken_for_a_failure_of_the_host(rig: Rig) -> None:
    rig.manager.bug = True
    with pytest.raises(ExceptionGroup) as failures:
        rig.add()
    assert isinstance(failures.value.exceptions[0], ZeroDivisionError)
    assert rig.nothing_is_left()


def test_a_refused_machine_goes_back(rig: Rig) -> None:
    rig.manager.full = True
    with pytest.raises(NodeError, match="full"):
        rig.add()
    assert rig.provider.released == ["m-0"]
    assert rig.manager.removals == []
    assert rig.nothing_is_left()


def test_a_provider_that_hangs_is_given_up(rig: Rig) -> None:
    rig.provider.provide_s = 1e9
    with pytest.raises(TimeoutError):
        rig.add()
    assert rig.runtime.now() == 1200.0  # 20 x provisioning_s, over 900 s
    assert rig.nothing_is_left()


@pytest.mark.parametrize("at", [30.0, 63.0])
def test_cancelled_at_any_stage_it_leaves_nothing(rig: Rig, at: float) -> None:
    rig.provider.provide_s, rig.manager.start_s = 60.0, 5.0
    task = rig.runtime.spawn(rig.actuator.add(), "add")
    rig.runtime.run(until=at)
    task.cancel()
    rig.runtime.run(until=100.0)
    assert task.done()
    assert rig.provider.released == (["m-0"] if at > 60.0 else [])
    assert rig.nothing_is_left()


def test_undone_although_it_is_gone_already(rig: Rig) -> None:
    rig.manager.start_s = 5.0
    task = rig.runtime.spawn(rig.actuator.add(), "add")
    rig.runtime.run(until=1.0)
    rig.runtime.run_task(rig.manager.remove_node("m-0", stop_agents=True, drain_s=0.0, reason="test"))
    task.cancel()
    rig.runtime.run(until=2.0)
    assert rig.provider.released == ["m-0"]
    assert rig.nothing_is_left()


def test_a_node_that_a_user_drains_is_undone_after_that(rig: Rig) -> None:
    """Storm 709737: its machine was gone at once, and the drained node stood in the fleet for ever."""
    rig.manager.start_s = 5.0
    task = rig.runtime.spawn(rig.actuator.add(), "add")
    rig.runtime.run(until=1.0)
    rig.manager.busy = "m-0"
    task.cancel()
    rig.runtime.run(until=20.0)
    assert (list(rig.manager.nodes), rig.provider.released, task.done()) == (["m-0"], [], False)
    rig.manager.busy = ""
    rig.runtime.run(until=40.0)
    assert task.done()
    assert rig.provider.released == ["m-0"]
    assert rig.nothing_is_left()


def test_a_node_that_a_user_removes_meanwhile_is_given_back(rig: Rig) -> None:
    rig.manager.start_s = 5.0
    task = rig.runtime.spawn(rig.actuator.add(), "add")
    rig.runtime.run(until=1.0)
    rig.manager.busy = "m-0"
    task.cancel()
    rig.runtime.run(until=2.0)
    rig.manager.busy = ""
    rig.runtime.run_task(rig.manager.remove_node("m-0", stop_agents=True, drain_s=0.0, reason="test"))
    rig.runtime.run(until=40.0)
    assert task.done()
    assert rig.provider.released == ["m-0"]
    assert rig.nothing_is_left()


def test_a_node_that_goes_while_it_is_asked_to_is_given_back(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another removal may end while this one waits for its turn, which then finds no such node."""
    remove = rig.manager.remove_node

    async def removed_before_its_turn(node_id: str, *, stop_agents: bool, drain_s: float, reason: str) -> None:
        await remove(node_id, stop_agents=stop_agents, drain_s=drain_s, reason=reason)
        raise NodeError(node_id, "unknown node")

    monkeypatch.setattr(rig.manager, "remove_node", removed_before_its_turn)
    rig.manager.start_s = 5.0
    task = rig.runtime.spawn(rig.actuator.add(), "add")
    rig.runtime.run(until=1.0)
    task.cancel()
    rig.runtime.run(until=2.0)
    assert task.done()
    assert rig.provider.released == ["m-0"]
    assert rig.nothing_is_left()


def test_the_fewest_in_flight_leave_first_then_the_youngest(rig: Rig) -> None:
    for _ in range(4):
        rig.add()
    rig.flying = {"m-0": 1, "m-1": 4, "m-2": 1}
    assert rig.actuator.removable(9) == ["m-3", "m-2", "m-0", "m-1"]


def test_a_node_without_agents_leaves_before_all_others(rig: Rig) -> None:
    """Storm 2261: a node that was drained and opened again had none, and stayed as the last one of the fleet."""
    for _ in range(3):
        rig.add()
    rig.flying = {"m-0": 3, "m-1": 0, "m-2": 0}
    for name in [name for name, agent in rig.manager.agents.items() if agent.node_id == "m-0"]:
        del rig.manager.agents[name]
    assert rig.actuator.removable(9) == ["m-0", "m-2", "m-1"]


def test_the_last_node_of_a_type_stays_while_any_other_does(rig: Rig) -> None:
    """Storm 207860: scaled in to one node, the fleet had no agent of one of its types, whose requests then waited."""
    for _ in range(3):
        rig.add()
    agents = rig.manager.agents
    for name in [name for name, each in agents.items() if each.node_id == "m-2" and each.agent_type == "chat"]:
        del agents[name]
    for name in [name for name, each in agents.items() if each.node_id != "m-2" and each.agent_type == "code"]:
        del agents[name]
    assert rig.actuator.removable(1) == ["m-1"]  # m-2 is younger, and has the only agent for code
    assert rig.actuator.removable(2) == ["m-1"]  # two are kept: neither has both
    assert rig.actuator.removable(1, ["m-1"]) == []
    assert rig.actuator.removable(2, ["m-1"]) == ["m-2", "m-0"]  # none stays: the next node brings every type


def test_agents_that_only_start_count_where_none_of_their_type_answers(rig: Rig) -> None:
    for _ in range(2):
        rig.add()
    for agent in rig.manager.agents.values():
        agent.status = AgentStatus.STARTING
    assert rig.actuator.removable(1) == ["m-1"]
    next(
        agent for agent in rig.manager.list_agents(node_id="m-1") if agent.agent_type == "code"
    ).status = AgentStatus.READY
    assert rig.actuator.removable(1) == ["m-0"]


def test_a_node_leaves_drained_and_its_machine_is_released(rig: Rig) -> None:
    rig.add()
    task = rig.runtime.spawn(rig.actuator.remove("m-0", "test"), "remove")
    rig.runtime.run(until=19.0)
    assert rig.actuator.removable(9) == []
    assert rig.provider.released == []
    rig.runtime.run(until=21.0)
    assert task.done()
    assert rig.manager.removals == [("m-0", True, 20.0)]
    assert rig.provider.released == ["m-0"]
    assert rig.nothing_is_left()


def test_a_removal_that_fails_is_raised(rig: Rig) -> None:
    rig.add()
    rig.manager.full = True
    with pytest.raises(FleetError, match="does not answer"):
        rig.runtime.run_task(rig.actuator.remove("m-0", "test"))
    assert not rig.actuator.leaving
    assert rig.provider.released == []


def test_a_node_that_is_silent_for_twenty_minutes_is_lost(rig: Rig) -> None:
    for _ in range(3):
        rig.add()
    rig.manager.nodes["m-0"].status = rig.manager.nodes["m-1"].status = NodeStatus.OFFLINE
    assert rig.actuator.lost() == []
    rig.runtime.run(until=600.0)
    rig.manager.nodes["m-1"].status = NodeStatus.ONLINE
    assert rig.actuator.lost() == []
    rig.manager.nodes["m-1"].status = NodeStatus.OFFLINE  # it came back meanwhile: counted anew
    rig.runtime.run(until=1200.0)
    assert rig.actuator.lost() == ["m-0"]
    rig.actuator.leaving["m-0"] = None
    assert rig.actuator.lost() == []
    assert rig.actuator.removable(9) == ["m-2"]


def test_nodes_are_not_looked_at_again_while_none_was_offline_and_nothing_has_changed(rig: Rig) -> None:
    changes, asked = [0], []
    actuator = FleetActuator(
        rig.runtime, rig.manager, rig.provider, AutoscalerParams(kind="hpa"), {}, lambda _: 0,
        changes_count=lambda: changes[0],
    )  # fmt: skip
    statuses = rig.manager.node_statuses
    rig.manager.node_statuses = lambda: asked.append(1) or statuses()  # type: ignore[method-assign,func-returns-value]
    rig.add()
    asked.clear()
    assert actuator.lost() == actuator.lost() == []
    assert len(asked) == 1
    rig.manager.nodes["m-0"].status = NodeStatus.OFFLINE
    changes[0] += 1
    assert actuator.lost() == []
    rig.runtime.run(until=1200.0)
    assert actuator.lost() == ["m-0"]  # asked every time as long as one is OFFLINE
    assert len(asked) == 3

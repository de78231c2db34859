"""Machines as faults and the autoscaler meet them: flags, clocks, provisioning, drains, what is gone."""

from __future__ import annotations

from typing import Any

import pytest

from sim.errors import NodeError
from sim.runtime.draws import PROVISIONING
from sim.runtime.virtual import VirtualRuntime
from sim.types.fleet import NodeInfo
from sim.world.machines import Machines, WorldNode
from sim.world.network import Network
from sim.world.provider import MachineProvider, ProviderParams
from sim.world.world import World
from tests.world.struck import ChosenDraws, crash, pause, restore, resume, struck_run


def test_a_node_works_when_it_is_neither_down_nor_paused_and_its_clock_may_be_off() -> None:
    node = WorldNode(0, 1.0, "a", 0.0)
    assert node.works
    node.down = True
    assert not node.works
    node.down, node.paused = False, True
    assert not node.works
    assert node.clock(7.0) == 7.0
    node.skew_s, node.drift_ratio, node.skewed_at = -5.0, 0.5, 10.0
    assert node.clock(14.0) == 14.0 - 5.0 + 2.0


def test_machines_by_birth_and_those_that_are_gone() -> None:
    runtime = VirtualRuntime()
    machines = Machines(runtime, Network(ChosenDraws({})))
    born: list[str] = []
    gone: list[str] = []
    machines.born_listeners.append(born.append)
    machines.gone_listeners.append(gone.append)
    for name, zone in (("b", "z1"), ("a", "z2"), ("c", "z1")):
        machines.add(name, 1.0, zone)
    machines.remove("a")
    assert machines.node_ids() == ["b", "c"]
    assert (machines.there("a"), machines.there("b"), machines.there("x")) == (False, True, False)
    assert [machines.birth_of(name) for name in ("b", "a", "c")] == [0, 1, 2]
    assert machines.zone_of("c") == "z1"
    assert (born, gone) == (["b", "a", "c"], ["a"])
    machines.skew("b", 3.0, 0.25)
    machines.mute("b", True)
    machines.notice("b", 5.0)  # nobody listens
    node = machines.all["b"]
    assert (node.skew_s, node.drift_ratio, node.skewed_at, node.muted) == (3.0, 0.25, 0.0, True)
    machines.crash("b", True, False)
    machines.crash("b", False, True)
    assert (node.down, node.kept_state, node.restarted) == (True, False, False)
    machines.restore("b")
    assert (node.down, node.kept_state, node.restarted) == (False, False, True)


def test_a_world_without_faults_has_no_network_to_break() -> None:
    with pytest.raises(AssertionError):
        _ = Machines(VirtualRuntime(), None).network


def provider_of(
    world: World, runtime: VirtualRuntime, exponential: bool = False, provisioning_s: float = 2.0
) -> MachineProvider:
    def describe(ordinal: int) -> NodeInfo:
        return NodeInfo(f"n{ordinal}", "127.0.0.1", 8080)

    draws = ChosenDraws({(PROVISIONING, 0, 0): 0.5, (PROVISIONING, 1, 0): 0.25})
    params = ProviderParams(provisioning_s, exponential)

    def add(info: NodeInfo) -> None:
        world.add_node(info.node_id, 1.0, "zone-1")

    return MachineProvider(runtime, world.machines, draws, params, describe, add)


def test_a_machine_takes_its_provisioning_time() -> None:
    came: list[tuple[str, float]] = []

    def ask(exponential: bool) -> Any:
        def act(world: World) -> None:
            provider = provider_of(world, world.runtime, exponential)

            async def wait() -> None:
                info = await provider.provide()
                came.append((info.node_id, world.runtime.now()))

            for _ in range(2):
                world.runtime.spawn(wait(), "machine")

        return act

    struck_run([0.0], [9.0], during={1.0: ask(False)})
    assert came == [("n2", 3.0), ("n3", 3.0)]
    came.clear()
    struck_run([0.0], [9.0], during={1.0: ask(True)})
    expected: list[tuple[str, Any]] = [
        ("n2", pytest.approx(1.0 + 2.0 * 0.6931471805599453)),
        ("n3", pytest.approx(1.0 + 2.0 * 1.3862943611198906)),
    ]
    assert came == expected

    def at_once(world: World) -> None:
        async def wait() -> None:
            came.append(((await provider_of(world, world.runtime, False, 0.0).provide()).node_id, world.runtime.now()))

        world.runtime.spawn(wait(), "machine")

    came.clear()
    struck_run([0.0], [9.0], during={1.0: at_once})
    assert came == [("n2", 1.0)]


def drained_at(
    during: dict[float, Any], at: list[float], work_s: list[float], ask_at: float = 1.0, **keys: Any
) -> list[float]:
    """When `drained("n0")`, asked for at `ask_at`, ended."""
    found: list[float] = []

    def ask(world: World) -> None:
        provider = provider_of(world, world.runtime)

        async def wait() -> None:
            await provider.drained("n0")
            found.append(world.runtime.now())
            await provider.release("n0")
            await provider.release("n0")  # once more changes nothing
            await provider.drained("n0")
            found.append(world.runtime.now())

        world.runtime.spawn(wait(), "drain")

    struck_run(at, work_s, to=lambda count, now: 0 if now < ask_at else 1, during={ask_at: ask, **during},
               **{"horizon_s": 50.0, **keys})  # fmt: skip
    return found


def test_a_drain_ends_with_the_last_attempt_there() -> None:
    assert drained_at({}, [0.0, 0.5], [2.0, 1.0]) == [3.0, 3.0]
    assert drained_at({}, [2.0], [1.0]) == [1.0, 1.0]  # there was nothing


@pytest.mark.parametrize("sharing", [False, True])
def test_a_drain_ends_with_a_crash_or_when_what_is_left_is_cancelled(sharing: bool) -> None:
    assert drained_at({1.5: crash(0)}, [0.0], [9.0], deadline_s=5.0, sharing=sharing) == [1.5, 1.5]
    assert drained_at({}, [0.0], [9.0], deadline_s=2.5, kills=True, sharing=sharing) == [2.5, 2.5]


def test_a_drain_ends_when_all_that_waited_had_expired() -> None:
    during = {0.5: pause(0), 4.0: resume(0)}
    assert drained_at(during, [0.75], [1.0], deadline_s=2.0, drop_expired=True) == [4.0, 4.0]

    def lose(world: World) -> None:
        world.nodes["n0"].pools["agent"].lose_agent(world.runtime.now())  # type: ignore[attr-defined]

    def regain(world: World) -> None:
        world.nodes["n0"].pools["agent"].regain_agent(world.runtime.now())  # type: ignore[attr-defined]

    assert drained_at({0.5: lose, 4.0: regain}, [0.75], [1.0], deadline_s=2.0, drop_expired=True) == [4.0, 4.0]


def test_agents_start_only_on_a_machine_that_answers() -> None:
    started: list[tuple[str, float]] = []
    failed: list[str] = []

    def start(world: World) -> None:
        async def one(node_id: str, agent_id: str) -> None:
            try:
                await world.start_agent(node_id, agent_id, {"type": "agent"})
                started.append((agent_id, world.runtime.now()))
            except NodeError as error:
                failed.append(error.args[0])

        for node_id, agent_id in (("n0", "well"), ("n1", "down"), ("none", "nowhere")):
            world.runtime.spawn(one(node_id, agent_id), agent_id)

    run = struck_run([3.0], [1.0], during={1.0: crash(1), 2.0: start, 2.25: restore(1)})
    assert started == [("well", 2.5)]  # who asked a machine that was down never hears of it
    assert failed == ["none"]
    assert run.record.nodes.agents.tolist() == [2, 1]

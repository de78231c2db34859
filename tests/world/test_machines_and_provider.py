"""Machines as faults, heartbeats and the autoscaler meet them: flags, clocks, provisioning, drains, what is gone."""

from __future__ import annotations

from typing import Any

import pytest

from sim.errors import NodeError
from sim.runtime.draws import HEARTBEAT, PROVISIONING
from sim.runtime.virtual import VirtualRuntime
from sim.types.fleet import NodeInfo
from sim.world.machines import Machines, WorldNode
from sim.world.network import Network, Path
from sim.world.provider import MachineProvider, ProviderParams
from sim.world.pulse import Pulse
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


class Heard:
    """Takes heartbeats."""

    def __init__(self) -> None:
        self.words: list[tuple[str, float, float]] = []
        self.at: list[float] = []


def beats(
    during: dict[float, Any], jitter_ratio: float = 0.0, phase: float = 0.25, until: float = 5.0
) -> tuple[Heard, Pulse]:
    """Heartbeats of two nodes every second for 5 s; node 0 serves an attempt from 2 to 4."""
    heard = Heard()
    kept: list[Pulse] = []

    def begin(world: World) -> None:
        def hear(node_id: str, at: float, cpu_usage: float) -> None:
            heard.words.append((node_id, at, cpu_usage))
            heard.at.append(world.runtime.now())

        draws = ChosenDraws({HEARTBEAT: phase, (HEARTBEAT, 2, 0): 0.75, (HEARTBEAT, 1 << 24, 0): 0.5})
        assert world.network is not None
        pulse = Pulse(world.runtime, world.machines, world.network, draws, hear, 1.0, jitter_ratio)
        pulse.start()
        kept.append(pulse)

    struck_run([2.0], [2.0], during={0.0: begin, **during}, horizon_s=until, drain_s=0.0)
    return heard, kept[0]


def test_every_node_beats_at_a_phase_of_its_own_and_tells_how_busy_it_is() -> None:
    heard, _ = beats({})
    # each spawn asks the wall clock of its node, which starts at the runtime's epoch
    assert heard.at == [0.25, 0.5, 1.25, 1.5, 2.25, 2.5, 3.25, 3.5, 4.25, 4.5]
    assert [usage for _, _, usage in heard.words] == [0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0]


def test_beats_move_by_their_jitter_and_do_not_drift() -> None:
    heard, _ = beats({}, jitter_ratio=0.5)
    first = [at for at, (node_id, _, _) in zip(heard.at, heard.words, strict=True) if node_id == "n0"]
    assert first == [0.25, 1.25 - 0.125, 2.25 + 0.125, 3.25 - 0.125, 4.25 - 0.125]


def test_who_is_down_paused_or_muted_says_nothing() -> None:
    during = {
        0.75: crash(0), 1.75: restore(0), 1.25: pause(1), 2.75: resume(1),
        3.0: lambda world: world.machines.mute("n0", True), 4.0: lambda world: world.machines.mute("n0", False),
    }  # fmt: skip
    heard, pulse = beats(during)
    assert [(node_id, at) for at, (node_id, _, _) in zip(heard.at, heard.words, strict=True)] == [
        ("n0", 0.25), ("n1", 0.5), ("n0", 2.25), ("n1", 3.5), ("n0", 4.25), ("n1", 4.5),
    ]  # fmt: skip
    assert pulse.lost_count == 0


def test_heartbeats_are_late_lost_skewed_or_of_a_machine_that_is_gone() -> None:
    def late(world: World) -> None:
        world.machines.network.degrade(1, Path(delay_s=0.125))

    def cut(world: World) -> None:
        world.machines.network.block(0, False, True)

    def heal(world: World) -> None:
        world.machines.network.unblock(0, False, True)

    during = {
        0.1: late, 1.0: cut, 2.0: heal, 3.0: lambda world: world.machines.skew("n0", 100.0, 0.0),
        4.55: lambda world: world.machines.remove("n1"),
    }  # fmt: skip
    heard, pulse = beats(during, until=5.6)
    assert [(node_id, at) for at, (node_id, _, _) in zip(heard.at, heard.words, strict=True)] == [
        ("n0", 0.25), ("n1", 0.625), ("n1", 1.625), ("n0", 2.25), ("n1", 2.625), ("n0", 3.25), ("n1", 3.625),
        ("n0", 4.25), ("n0", 5.25),
    ]  # fmt: skip
    assert pulse.lost_count == 1
    clock = [word - at for at, (node_id, word, _) in zip(heard.at, heard.words, strict=True) if node_id == "n0"]
    assert [difference - clock[0] for difference in clock] == pytest.approx([0.0, 0.0, 100.0, 100.0, 100.0], abs=1e-6)


def test_checks_end_with_an_answer_or_never() -> None:
    answered: list[tuple[str, float]] = []

    def begin(world: World) -> None:
        assert world.network is not None
        pulse = Pulse(world.runtime, world.machines, world.network, ChosenDraws({}), lambda *_: None, 1.0, 0.0)
        network = world.machines.network
        runtime = world.runtime

        async def check(what: str, node_id: str, at: float) -> None:
            await runtime.sleep_until(at)
            try:
                async with runtime.timeout(0.5):
                    assert await pulse.probe(node_id, int(at))
                    answered.append((what, runtime.now()))
            except TimeoutError:
                answered.append((f"{what}: out", runtime.now()))

        plan = [("plain", "n0", 1.0), ("late", "n0", 2.0), ("cut", "n0", 3.0), ("down", "n1", 4.0), ("none", "n9", 4.0),
                ("dies on the way", "n0", 5.0)]  # fmt: skip
        for what, node_id, at in plan:
            runtime.spawn(check(what, node_id, at), what)

        async def strike() -> None:
            path = Path(delay_s=0.125)
            await runtime.sleep_until(1.5)
            network.degrade(0, path)
            await runtime.sleep_until(2.75)
            network.block(0, True, False)
            await runtime.sleep_until(3.75)
            network.unblock(0, True, False)
            world.machines.crash("n1", False, True)
            await runtime.sleep_until(5.1)
            world.machines.pause("n0")

        runtime.spawn(strike(), "strike")

    struck_run([0.0], [1.0], during={0.0: begin}, horizon_s=8.0)
    assert answered == [
        ("plain", 1.0), ("late", 2.25), ("cut: out", 3.5), ("down: out", 4.5), ("none: out", 4.5),
        ("dies on the way: out", 5.5),
    ]  # fmt: skip

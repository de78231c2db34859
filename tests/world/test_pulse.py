"""Heartbeats and active checks: phases, jitter, what silences them, what becomes of them on the way."""

from __future__ import annotations

import math
from typing import Any

import pytest

from sim.runtime.draws import HEARTBEAT
from sim.world.network import Path
from sim.world.pulse import Pulse
from sim.world.world import World
from tests.world.struck import ChosenDraws, crash, pause, restore, resume, struck_run


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


def held_back(
    asks: dict[float, Any], every: bool, during: dict[float, Any] | None = None
) -> tuple[list[tuple[str, float, float, float, int]], Heard]:
    """Heartbeats of two nodes every second that wait until somebody asks; a third node comes at 2.5."""
    told: list[tuple[str, float, float, float, int]] = []
    heard, kept = Heard(), []

    def begin(world: World) -> None:
        def hear(node_id: str, at: float, cpu_usage: float) -> None:
            heard.words.append((node_id, at, cpu_usage))
            heard.at.append(world.runtime.now())

        def late(*word: Any) -> None:
            told.append(word)

        draws = ChosenDraws({HEARTBEAT: 0.25, (HEARTBEAT, 1 << 24, 0): 0.5})
        assert world.network is not None
        pulse = Pulse(world.runtime, world.machines, world.network, draws, hear, 1.0, 0.0, late, every)
        pulse.start()
        kept.append(pulse)

    asking = {at: (lambda world, what=what: getattr(kept[0], what)()) for at, what in asks.items()}
    struck_run([2.0], [2.0], during={0.0: begin, **asking, **(during or {})}, horizon_s=5.0, drain_s=0.0)
    return told, heard


def test_heartbeats_that_wait_come_with_their_own_instants_and_how_busy_the_node_is_now() -> None:
    told, heard = held_back({0.125: "deliver", 2.5: "deliver"}, every=True)
    assert told == [
        ("n0", 0.25, 0.25, 1.0, 1), ("n0", 1.25, 1.25, 1.0, 1), ("n0", 2.25, 2.25, 1.0, 1),
        ("n1", 0.5, 0.5, 0.0, 1), ("n1", 1.5, 1.5, 0.0, 1),  # the one of 2.5 is not sent before what asks at 2.5
    ]  # fmt: skip
    told, _ = held_back({2.5: "deliver", 3.75: "deliver"}, every=False)
    assert told == [
        ("n0", 2.25, 2.25, 1.0, 3), ("n1", 1.5, 1.5, 0.0, 2), ("n0", 3.25, 3.25, 1.0, 1), ("n1", 3.5, 3.5, 0.0, 2),
    ]  # fmt: skip
    assert heard.at == []


def test_once_awake_every_heartbeat_is_an_event_at_its_instant() -> None:
    told, heard = held_back({1.75: "wake", 2.0: "wake", 2.75: "deliver"}, every=False)
    assert [word[:2] for word in told] == [("n0", 1.25), ("n1", 1.5)]
    assert heard.at == [2.25, 2.5, 3.25, 3.5, 4.25, 4.5]


def test_nobody_hears_what_a_machine_said_that_is_gone() -> None:
    told, _ = held_back(
        {0.75: "deliver", 3.0: "deliver", 4.0: "deliver"}, every=False,
        during={1.0: lambda world: world.machines.remove("n1")},
    )  # fmt: skip
    assert told == [
        ("n0", 0.25, 0.25, 0.0, 1), ("n1", 0.5, 0.5, 0.0, 1), ("n0", 2.25, 2.25, 1.0, 2), ("n0", 3.25, 3.25, 1.0, 1),
    ]  # fmt: skip


@pytest.mark.parametrize(("interval_s", "first_at"), [(0.1, 0.07), (0.7, 0.3), (1.0, 0.0), (3.0, 2.9999999999999996)])
def test_heartbeats_that_are_counted_at_once_are_those_counted_one_by_one(interval_s: float, first_at: float) -> None:
    def one_by_one(now: float, number: int) -> tuple[int, int, float, float]:
        count, at, last_at = 0, first_at + number * interval_s, math.nan
        while at < now:
            number, count, last_at = number + 1, count + 1, at
            at = first_at + number * interval_s
        return number, count, last_at, at

    world: Any = None
    pulse = Pulse(world, world, world, world, world, interval_s, 0.0)
    for number in (0, 1, 17, 1000):
        for ahead in (1, 2, 3, 10, 1001):
            edge = first_at + (number + ahead) * interval_s
            for now in (math.nextafter(edge, 0.0), edge, math.nextafter(edge, math.inf)):
                assert pulse._sent_until(now, number, first_at) == one_by_one(now, number)

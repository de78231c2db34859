"""What each fault does to a node, at which instants."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sim.runtime.draws import CounterDraws
from sim.world.faults.poison_request import poison_mask
from tests.world.faults.fake import Rig

ONCE = {"at_s": (10.0,), "for_s": 5.0, "nodes": (1,)}


@pytest.mark.parametrize("in_flight", ["lose", "requeue"])
@pytest.mark.parametrize("state", ["keep", "lose"])
def test_crash(in_flight: str, state: str) -> None:
    rig = Rig().add("crash", **ONCE, in_flight=in_flight, state=state).run(100.0)
    crash = (10.0, "crash", "node-1", (in_flight == "requeue", state == "keep"))
    assert rig.calls() == [crash, (15.0, "restore", "node-1", ())]


def test_pause() -> None:
    rig = Rig().add("pause", **ONCE).run(100.0)
    assert rig.calls() == [(10.0, "pause", "node-1", ()), (15.0, "resume", "node-1", ())]


def test_slow() -> None:
    rig = Rig().add("slow", **ONCE, factor=0.25).run(100.0)
    assert rig.calls() == [(10.0, "speed", "node-1", (0.25,)), (15.0, "speed", "node-1", (1.0,))]


def test_errors() -> None:
    rig = Rig().add("errors", **ONCE, prob=0.3).run(100.0)
    assert rig.calls() == [(10.0, "errors", "node-1", (0.3,)), (15.0, "errors", "node-1", (0.0,))]


def test_clock_skew() -> None:
    rig = Rig().add("clock_skew", **ONCE, offset_s=-60.0, drift_ratio=0.01).run(100.0)
    assert rig.calls() == [(10.0, "skew", "node-1", (-60.0, 0.01)), (15.0, "skew", "node-1", (0.0, 0.0))]


def test_flapping_alternates_within_the_episode_and_ends_sound() -> None:
    rig = Rig().add("flapping", at_s=(10.0,), for_s=12.0, nodes=(0,), silent_s=2.0, sound_s=3.0).run(100.0)
    turns = [(at, args[0]) for at, name, _, args in rig.calls() if name == "mute"]
    assert turns == [(10.0, True), (12.0, False), (15.0, True), (17.0, False), (20.0, True), (22.0, False)]


def test_flapping_turns_shorter_than_the_clock_can_tell() -> None:
    rig = Rig().add("flapping", at_s=(1e9,), for_s=1e-5, nodes=(0,), silent_s=1e-7, sound_s=1e-30).run(2e9)
    instants = [at for at, *_ in rig.calls("mute")]
    assert instants == sorted(instants)
    assert rig.calls()[-1][3] == (False,)
    assert math.isclose(instants[-1], 1e9 + 1e-5, abs_tol=1e-6)


def test_an_episode_that_ends_within_a_sound_turn_leaves_nothing_behind() -> None:
    rig = Rig().add("flapping", at_s=(10.0,), for_s=4.0, nodes=(0,), silent_s=2.0, sound_s=30.0).run(100.0)
    assert [(at, args[0]) for at, _, _, args in rig.calls()] == [(10.0, True), (12.0, False)]


def test_preemption_warns_takes_with_the_state_and_brings_back() -> None:
    rig = Rig().add("preemption", **ONCE, notice_s=3.0).run(100.0)
    assert rig.calls() == [
        (10.0, "notice", "node-1", (3.0,)),
        (13.0, "crash", "node-1", (False, False)),
        (18.0, "restore", "node-1", ()),
    ]
    assert rig.events("fault_began") == [(10.0, "node-1")]
    assert rig.events("fault_ended") == [(18.0, "node-1")]


def test_preemption_without_a_warning() -> None:
    rig = Rig().add("preemption", **ONCE, notice_s=0.0).run(100.0)
    assert [(at, name) for at, name, *_ in rig.calls()] == [(10.0, "notice"), (10.0, "crash"), (15.0, "restore")]


@pytest.mark.parametrize(
    ("direction", "to_node", "from_node"),
    [("both", True, True), ("to_node", True, False), ("from_node", False, True)],
)
def test_partition(direction: str, to_node: bool, from_node: bool) -> None:
    rig = Rig().add("partition", **ONCE, direction=direction)
    seen: list[tuple[bool, bool, bool, bool]] = []

    def look() -> None:
        network = rig.network
        seen.append((network.plain, network.blocked(1, True), network.blocked(1, False), network.blocked(0, True)))

    rig.at(9.0, look).at(12.0, look).at(15.0, look).run(100.0)
    assert seen == [(True, False, False, False), (False, to_node, from_node, False), (True, False, False, False)]


def test_packet_loss_of_some_nodes_and_of_the_whole_network() -> None:
    rig = Rig().add("packet_loss", **ONCE, loss_prob=0.5, delay_s=1.0)
    rig.add("packet_loss", at_s=(12.0,), for_s=5.0, loss_prob=0.2, delay_s=2.0, retransmit_s=0.7)
    seen: list[tuple[float, float, float]] = []
    active: list[tuple[str, ...]] = []

    def look() -> None:
        path = rig.network.path(1)
        seen.append((path.loss_prob, path.delay_s, rig.network.path(0).delay_s))
        active.extend([rig.injector.active("node-1"), rig.injector.active("fleet")])

    for instant in (11.0, 14.0, 16.0, 18.0):
        rig.at(instant, look)
    rig.run(100.0)
    assert seen == [(0.5, 1.0, 0.0), (pytest.approx(0.6), 3.0, 2.0), (0.2, 2.0, 2.0), (0.0, 0.0, 0.0)]
    both, neither = ("packet_loss",), ()
    assert active == [both, neither, both, both, neither, both, neither, neither]
    assert rig.events("fault_began") == [(10.0, "node-1"), (12.0, "fleet")]
    assert rig.network.plain


def test_zone_outage_strikes_all_nodes_of_the_zone_at_once() -> None:
    rig = Rig(nodes=5, zones=("east", "west")).add("zone_outage", at_s=(10.0,), for_s=5.0, zones=("east",)).run(100.0)
    down = [(at, node) for at, _, node, args in rig.calls("crash") if args == (False, True)]
    assert down == [(10.0, "node-0"), (10.0, "node-2"), (10.0, "node-4")]
    assert [(at, node) for at, _, node, _ in rig.calls("restore")] == [(15.0, node) for _, node in down]


def test_poison_is_a_function_of_the_request_and_grows_with_its_share() -> None:
    draws, entities = CounterDraws(3, 0), np.arange(50_000, dtype=np.uint64)
    few, many = poison_mask(draws, entities, 0.01), poison_mask(draws, entities, 0.1)
    assert all(more for one, more in zip(few, many, strict=True) if one)
    assert poison_mask(draws, entities[7:9], 0.1) == many[7:9]
    for mask, prob in ((few, 0.01), (many, 0.1)):
        bound = 4.5 * math.sqrt(prob * (1 - prob) / 50_000)  # 4.5 standard errors: false alarm 7e-6
        assert abs(sum(mask) / 50_000 - prob) < bound
    assert not any(poison_mask(draws, entities[:1000], 0.0))


def test_poison_has_no_episodes() -> None:
    rig = Rig().add("poison_request").run(100.0)
    assert (rig.calls(), rig.log.count, rig.injector.counts) == ([], 0, {})

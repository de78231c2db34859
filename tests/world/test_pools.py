"""Pools whose number of agents changes under load, worked out by hand, for every discipline; books of empty nodes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from sim.runtime.environment import OrderedEnvironment
from sim.runtime.virtual import VirtualRuntime
from sim.types.records import OK, TRUNCATED
from sim.world.columns import Columns
from sim.world.pool import Pool, PoolPlace
from sim.world.world import World
from tests.world.scripted import ScriptedBalancer, scripted_run


def agents_at(*changes: tuple[float, int]) -> Callable[[World, VirtualRuntime], None]:
    """The pool of n0 has so many agents from an instant on."""

    def prepare(world: World, runtime: VirtualRuntime) -> None:
        async def change() -> None:
            for at, agents in changes:
                await runtime.sleep_until(at)
                world.nodes["n0"].pools["agent"].set_agents(agents, runtime.now())

        runtime.spawn(change(), "change")

    return prepare


def test_fifo_with_fewer_agents_lets_the_running_ones_finish() -> None:
    record, _ = scripted_run(at=[0.0] * 4, work_s=[2.0, 3.0, 1.0, 1.0], agents=2, prepare=agents_at((1.0, 1), (4.5, 2)))
    # two run; with one agent left the next starts only when both are done, at 3; the last at 4, alone
    assert record.attempts.started_at.tolist() == [0.0, 0.0, 3.0, 4.0]
    assert record.attempts.finished_at.tolist() == [2.0, 3.0, 4.0, 5.0]
    assert record.nodes.area_busy_s[0] == 2.0 + 3.0 + 1.0 + 1.0


def test_fifo_without_agents_queues_and_goes_on() -> None:
    record, _ = scripted_run(at=[0.0, 1.0], work_s=[2.0, 1.0], prepare=agents_at((0.5, 0), (6.0, 1)))
    assert record.attempts.finished_at.tolist() == [2.0, 7.0]


def test_sharing_stands_still_without_agents_and_speeds_up_with_more() -> None:
    changes = agents_at((1.0, 0), (3.0, 1), (4.0, 2))
    record, _ = scripted_run(at=[0.0, 0.0], work_s=[2.0, 2.0], sharing=True, prepare=changes)
    # .5 each by 1, nothing until 3, .5 more each by 4, then 1 left at full speed
    assert record.attempts.finished_at.tolist() == [5.0, 5.0]
    assert record.nodes.area_busy_s[0] == 1.0 + 0.0 + 1.0 + 2.0
    assert record.nodes.work_done_s[0] == 4.0


def test_sharing_on_a_fast_node() -> None:
    record, _ = scripted_run(at=[0.0, 0.0, 0.0], work_s=[1.0, 2.0, 4.0], sharing=True, agents=2, speed=2.0)
    # 4/3 each until .75; then one agent of speed 2 each: the second by 1.25, the last 4 - 2 left, by 2.25
    assert record.attempts.finished_at.tolist() == pytest.approx([0.75, 1.25, 2.25], rel=1e-15)


def test_a_batch_grows_when_places_come() -> None:
    record, _ = scripted_run(at=[0.0, 0.0], tokens=[(8, 5), (8, 1)], prepare=agents_at((2.0, 2)))
    # the first is prefilled by 1; the second gets its place at 2 and is prefilled alone by 3
    table = record.attempts
    assert table.started_at.tolist() == [0.0, 2.0]
    assert table.first_token_at is not None
    assert table.first_token_at.tolist() == [1.0, 3.0]
    assert table.finished_at.tolist() == [1.0 + 4 * 0.5, 3.0]


def test_a_batch_on_a_fast_node() -> None:
    record, _ = scripted_run(at=[0.0, 0.0], tokens=[(8, 3), (16, 1)], agents=2, speed=2.0)
    table = record.attempts
    # 1 s and 2 s of prefill shared at speed 2: the first by 1, its two tokens by 1.5; the second alone from 1, by 1.5
    assert table.first_token_at is not None
    assert table.first_token_at.tolist() == [1.0, 1.5]
    assert table.finished_at.tolist() == [1.5, 1.5]


class Contexts:
    """Notes the context of every change of the batch; a token takes a quarter second."""

    def __init__(self, tokens: list[tuple[int, int]]) -> None:
        self.lengths = tokens
        self.seen: list[tuple[int, int]] = []

    def tokens(self, draws: Any, entities: Any, chunk: Any) -> tuple[list[int], list[int]]:
        rows = [self.lengths[int(entity)] for entity in entities.tolist()]
        return [prompt for prompt, _ in rows], [output for _, output in rows]

    def prefill_s(self, prompt_tokens: int) -> float:
        return 0.5

    def token_s(self, batch: int, context_tokens: int) -> float:
        self.seen.append((batch, context_tokens))
        return 0.25


def test_the_context_is_counted_at_joins_and_leaves() -> None:
    law = Contexts([(10, 9), (100, 3)])
    record, _ = scripted_run(at=[0.0, 1.0], token_law=law, agents=4)
    # 10 alone at .5; at 1.5 it has made 4 tokens and 100 joins; at 2 that one leaves and the first has made 6
    assert law.seen == [(1, 10), (2, 114), (1, 16)]
    assert record.attempts.finished_at.tolist() == [2.5, 2.0]
    assert record.nodes.work_done_s[0] == record.nodes.truncated_work_s[0] == 0.0


def test_a_node_without_agents_has_empty_books() -> None:
    def prepare(world: World, runtime: VirtualRuntime) -> None:
        world.add_node("empty", 0.5, "zone-9")

    record, _ = scripted_run(at=[0.0], work_s=[1.0], prepare=prepare)
    nodes = record.nodes
    assert (nodes.node_id, nodes.zone, nodes.speed.tolist()) == (["n0", "empty"], ["zone-1", "zone-9"], [1.0, 0.5])
    for name in ("agents", "area_present_s", "area_busy_s", "work_done_s", "truncated_work_s"):
        assert getattr(nodes, name)[1] == 0, name
    for name in ("arrived", "answered", "refused", "truncated"):
        assert getattr(nodes, name).tolist() == [int(name in ("arrived", "answered")), 0], name


def test_an_id_is_used_once() -> None:
    def prepare(world: World, runtime: VirtualRuntime) -> None:
        world.add_node("n0", 1.0, "zone-1")

    with pytest.raises(AssertionError):
        scripted_run(at=[0.0], prepare=prepare)


def test_occupancy_is_what_a_heartbeat_tells() -> None:
    seen: list[tuple[int, int, int]] = []

    def prepare(world: World, runtime: VirtualRuntime) -> None:
        async def look() -> None:
            await runtime.sleep_until(0.5)
            seen.append(world.occupancy("n0"))

        runtime.spawn(look(), "look")

    scripted_run(at=[0.0] * 5, work_s=[1.0] * 5, agents=2, prepare=prepare)
    assert seen == [(2, 2, 3)]


def test_a_bare_pool_has_no_discipline() -> None:
    pool = Pool(PoolPlace(0, 0, 1.0, 1), Columns(tokens=False), OrderedEnvironment(), lambda row, pool, now: None)
    with pytest.raises(AssertionError, match="without a discipline"):
        pool._start(0, 0.0)
    with pytest.raises(AssertionError, match="without a discipline"):
        pool.close(0.0, [])


def test_nothing_is_left_at_a_node_when_a_slot_never_comes() -> None:
    record, _ = scripted_run(
        at=[0.0, 0.5], work_s=[1.0, 1.0], balancer=ScriptedBalancer(lambda count, now: -1), horizon_s=2.0, drain_s=1.0
    )
    assert record.attempts.status.tolist() == [TRUNCATED, TRUNCATED]
    assert record.attempts.node.tolist() == [-1, -1]
    assert record.central_area_s == 3.0 + 2.5
    assert record.nodes.arrived.tolist() == [0]


def test_waiting_requests_send_their_probes_when_they_are_sent_on() -> None:
    class Probing(ScriptedBalancer):
        probes_count = 1
        probe_delay_s = 0.125
        central = True

        def __init__(self, script: Callable[[int, float], int]) -> None:
            super().__init__(script)
            self.asked_at: list[float] = []
            self.answers: list[tuple[float, int]] = []
            self.now = 0.0

        def dispatch(self, dispatcher: int, view: int, draws: Any, key: int, now: float) -> int:
            self.now = now
            return super().dispatch(dispatcher, view, draws, key, now)

        def probe_targets(self, dispatcher: int, view: int, draws: Any) -> list[int]:
            assert len(draws) == 1
            self.asked_at.append(self.now)
            return [0]

        def probe_answer(self, dispatcher: int, view: int, slot: int, now: float, rif: int, latency_s: float) -> None:
            self.answers.append((now, rif))

    balancer = Probing(lambda count, now: -1 if 0.0 < now < 2.0 else 0)
    record, _ = scripted_run(at=[0.0, 1.0], work_s=[2.0, 1.0], balancer=balancer)
    assert record.attempts.status.tolist() == [OK, OK]
    assert balancer.asked_at == [0.0, 2.0]
    assert balancer.answers == [(0.125, 1), (2.125, 1)]
    assert balancer.completed == [(0, 2.0, 2.0, 0), (0, 3.0, 1.0, 0)]
    assert math.isclose(record.central_area_s, 1.0)

"""What is asked for early changes nothing: the same rows with and without; the pick foreseen is the pick."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numba import types

from sim.bench.assemble import run_replication
from sim.bench.compose import compose
from sim.bench.engine_differences import differences
from sim.kernel import ahead, driver
from sim.kernel.lower import entry
from sim.kernel.queue import BEGUN, CURSOR, LINED, NEAR, SCOUT, SEEN, Queue
from sim.kernel.state import CHUNK_AT, CHUNK_END, NUMBERS, Chunk, Pools, Uses
from sim.kernel.structs import Structs, type_of
from sim.runtime.plain import touch
from sim.scalability.balancer.choosers.power_of_d import foresee_pair, pick_pair
from sim.scalability.balancer.choosers.random import foresee_random, pick_random
from sim.scalability.balancer.choosers.round_robin import TurnState, foresee_turn, pick_turn
from sim.scalability.balancer.fleet_state import Facts, FleetState, ViewState, enter
from sim.types.records import RunRecord

WORDS = ["fleet=yardstick", "engine=compiled", "arrivals.rate_per_s=108", "horizon_s=120", "fleet.queue_max=4"]


class Memory:
    __slots__ = ("near", "shared")

    def __init__(self) -> None:
        self.near = np.arange(4, dtype=np.int64)
        self.shared = np.arange(4.0)


def ask(memory: Memory, index: int) -> int:
    touch(memory.near, index)
    touch(memory.shared, index)
    return index + 1


def with_foresight(monkeypatch: pytest.MonkeyPatch, words: list[str]) -> tuple[RunRecord, RunRecord, list[Any]]:
    """The same run without and with, and the kernels that ran."""
    config, kernels = compose(words), []
    made = driver.Driver.load

    def load(self: Any, *arguments: Any) -> None:
        kernels.append(self.k)
        made(self, *arguments)

    monkeypatch.setattr(driver.Driver, "load", load)
    plain = run_replication(config, 0)
    monkeypatch.setattr(driver, "AHEAD_POOLS_MIN", 0)
    return plain, run_replication(config, 0), kernels


def test_any_index_may_be_asked_for() -> None:
    memory = Memory()
    compiled = entry(ask, type_of(memory), types.int64, (types.int64,))
    address = Structs().of(memory).address
    assert [compiled(address, index) for index in (0, 3, -1, 1 << 40)] == [1, 4, 0, (1 << 40) + 1]
    assert ask(memory, 7) == 8
    assert memory.near.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    "words",
    [
        ["balancer=power_of_d", "service.discipline=fifo"],
        ["balancer=power_of_d", "service.discipline=ps"],
        ["balancer=round_robin"],
        ["balancer=random"],
        ["balancer=weighted_least_connections"],  # whose picks cannot be foreseen
    ],
)
def test_rows_are_the_same_with_and_without(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    plain, early, kernels = with_foresight(monkeypatch, [*WORDS, *words])
    assert [int(k.uses.ahead) for k in kernels] == [0, 1]
    assert differences(plain, early) == []
    assert len(early.attempts) > 12_000  # enough for the event list to have set its width
    assert (kernels[0].coming == -1).all()
    assert (kernels[1].coming >= 0).all() == bool(kernels[1].uses.foresees)
    assert kernels[1].queue.numbers[LINED] + ahead.LINES_BEHIND == kernels[1].queue.numbers[SEEN] > 1_000
    assert kernels[1].queue.numbers[BEGUN] + ahead.STARTS_BEHIND == kernels[1].queue.numbers[SEEN]
    assert (kernels[1].passed_at > 0.0).all()
    assert kernels[1].queue.numbers[SCOUT] > kernels[1].queue.numbers[CURSOR] > 0
    assert kernels[1].queue.numbers[NEAR] == 0


def test_the_turn_that_is_foreseen_comes() -> None:
    fleet, state = FleetState(9, Facts(9), True), TurnState(9, 0, 1)
    for slot in (1, 2, 4, 7, 8):
        enter(state, slot)
    for _ in range(7):
        told = [foresee_turn(fleet, state, [], 1, 0, ahead) for ahead in range(12)]
        fresh = TurnState(9, 0, 1)
        for slot in (1, 2, 4, 7, 8):
            enter(fresh, slot)
        fresh.cursor = state.cursor
        assert told == [pick_turn(fleet, fresh, [], 0, 0.0) for _ in range(12)]
        pick_turn(fleet, state, [], 0, 0.0)


def test_the_uniform_slot_that_is_foreseen_is_the_one_that_is_picked() -> None:
    fleet, state = FleetState(9, Facts(9), True), ViewState(9)
    for slot in (1, 2, 4, 7, 8):
        enter(state, slot)
    picks = np.random.default_rng(5).random(50).tolist()
    for place in range(50):
        slot = pick_random(fleet, state, [picks[place]], 0, 0.0)
        assert foresee_random(fleet, state, picks, 50, place, 3) == slot, "seed 5"


def test_the_foreseen_slot_is_the_one_that_is_picked() -> None:
    dice = np.random.default_rng(5)
    fleet, state = FleetState(9, Facts(9), True), ViewState(9)
    for slot in (1, 2, 4, 7, 8):
        enter(state, slot)
        fleet.count[slot] = int(dice.integers(3))
    picks = dice.random(2 * 50).tolist()
    for place in range(50):
        draws = [picks[place], picks[50 + place]]
        assert foresee_pair(fleet, state, picks, 50, place, 0) == pick_pair(fleet, state, draws, 0, 0.0), "seed 5"


def test_a_strategy_that_foresees_nothing_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    plain, early, kernels = with_foresight(monkeypatch, [*WORDS, "balancer=least_connections"])
    assert [(int(k.uses.ahead), int(k.uses.foresees)) for k in kernels] == [(0, 0), (1, 0)]
    assert differences(plain, early) == []
    assert (kernels[1].coming == -1).all()


def test_a_block_whose_lines_are_asked_for_was_foreseen_before() -> None:
    assert ahead.STARTS_AHEAD + ahead.BLOCK <= ahead.PICKS_AHEAD
    assert ahead.PICKS_AHEAD + ahead.BLOCK - ahead.STARTS_AHEAD <= ahead.COMING
    for count in (ahead.BLOCK, ahead.COMING, ahead.PASSED_MAX):
        assert count & (count - 1) == 0


@pytest.mark.parametrize(("first", "count"), [(0, ahead.BLOCK), (20, 0)])
def test_where_the_arrivals_of_a_block_would_finish_is_asked_for(
    first: int, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[Any, int]] = []
    monkeypatch.setattr(ahead, "touch", lambda column, index: asked.append((column, index)))
    chunk, queue, pools = Chunk(32, Uses()), Queue(1024, 100.0), Pools(2, 2)
    chunk.at[:], chunk.work_s[:] = np.linspace(5.0, 9.0, 32), 3.0
    pools.speed[:] = 2.0, 9.0
    numbers = np.zeros(NUMBERS, dtype=np.int64)
    numbers[CHUNK_AT], numbers[CHUNK_END] = first, 30
    ahead.foresee_finishes(SimpleNamespace(chunk=chunk, queue=queue, pools=pools, numbers=numbers))
    assert all(column is queue.heads for column, _ in asked)
    places = range(first + ahead.STARTS_AHEAD, first + ahead.STARTS_AHEAD + count)
    buckets = [int((5.0 + 4.0 * place / 31 + 1.5) * 50.0) for place in places]
    assert [index for _, index in asked] == [bucket % len(queue.heads) for bucket in buckets]

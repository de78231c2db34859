"""Equal instants permuted: ranks and what is a rule within a key stay, all else moves with the word."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sim.runtime.order import ARRIVAL, CONTROL, FAULT, FINISH
from sim.runtime.shuffled import Livelock, ShuffledEnvironment, mixed
from sim.runtime.virtual import VirtualRuntime


def order_of(word: int, keys: list[tuple[int, int]]) -> list[tuple[int, int]]:
    env, seen = ShuffledEnvironment(word), list[tuple[int, int]]()
    for place in keys:
        env.call_at(1.0, *place, seen.append, place)
    env.run()
    return seen


def test_word_0_keeps_the_order() -> None:
    keys = [(rank, request << 16) for rank in (ARRIVAL, FINISH, CONTROL) for request in (3, 1, 2)]
    assert order_of(0, keys) == sorted(keys)


def test_ranks_stay_and_requests_move() -> None:
    keys = [(rank, request << 16) for rank in (ARRIVAL, FINISH) for request in range(6)]
    orders = {tuple(order_of(word, keys)) for word in range(1, 9)}
    assert len(orders) == 8
    for order in orders:
        assert sorted(order) == sorted(keys)
        assert [rank for rank, _ in order] == [FINISH] * 6 + [ARRIVAL] * 6


def test_attempts_of_a_request_and_phases_at_a_place_keep_their_order() -> None:
    attempts = [(FINISH, request << 16 | attempt) for request in range(5) for attempt in range(3)]
    faults = [(FAULT, (place << 24 | occurrence) << 2 | phase)
              for place in range(5) for occurrence in range(2) for phase in range(4)]  # fmt: skip
    for word in range(1, 6):
        order = order_of(word, attempts)
        assert all(
            [key for _, key in order if key >> 16 == one] == [one << 16 | n for n in range(3)] for one in range(5)
        )
        struck = order_of(word, faults)
        for place in range(5):
            mine = [key for _, key in struck if key >> 26 == place]
            assert mine == sorted(mine)


@pytest.mark.parametrize("word", [0, 7])
def test_control_callbacks_keep_their_keys(word: int) -> None:
    keys = [(CONTROL, key) for key in (5, 1, 3)]
    assert order_of(word, keys) == sorted(keys)


def steps(word: int) -> list[int]:
    runtime, seen = VirtualRuntime(ShuffledEnvironment(word)), list[int]()

    async def step(number: int) -> None:
        await runtime.sleep_until(1.0)
        seen.append(number)

    for number in range(6):
        runtime.spawn(step(number))
    runtime.run()
    runtime.close()
    return seen


def test_tasks_that_are_ready_at_once_step_in_an_order_of_their_own() -> None:
    assert steps(0) == list(range(6))
    orders = [steps(word) for word in range(1, 9)]
    assert all(sorted(order) == list(range(6)) for order in orders)
    assert len({tuple(order) for order in orders}) >= 7
    assert steps(5) == steps(5)


def test_what_goes_round_without_end_says_so() -> None:
    env = ShuffledEnvironment(events_max=1000)

    def again(fn: Callable[[object], None]) -> None:
        env.call_at(env.now, FINISH, 0, fn, fn)

    env.call_at(0.0, FINISH, 0, again, again)
    with pytest.raises(Livelock, match="more than 1,000 events by 0 s"):
        env.run()


def test_mixed_is_one_to_one_on_small_words() -> None:
    assert len({mixed(word) for word in range(10_000)}) == 10_000

"""The event list against a sorted list, as plain Python: any order of pushes and pops, ties, far events, growth."""

from __future__ import annotations

import heapq
import random

import numpy as np
import pytest

from sim.kernel.queue import (
    CHECK_EVERY,
    LEAST,
    POPS,
    RATE,
    Queue,
    queue_least,
    queue_push,
    queue_room,
    queue_take,
    queue_tune,
    spread_anew,
)

ROWS = 3000
REQUEST, ATTEMPT = np.arange(ROWS, dtype=np.int64) // 2, np.arange(ROWS, dtype=np.int32) % 2


def pop(queue: Queue) -> tuple[float, int]:
    """The first event: its instant and row."""
    node = queue_least(queue, REQUEST, ATTEMPT)
    found = float(queue.at[node]), int(queue.row[node])
    queue_take(queue)
    return found


@pytest.mark.parametrize("rate_per_s", [0.01, 1.0, 1000.0])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_it_gives_what_a_heap_gives(seed: int, rate_per_s: float) -> None:
    dice, queue, heap, now = random.Random(seed), Queue(256, rate_per_s), [], 0.0
    for row in range(ROWS):
        at = now + dice.choice([0.0, 0.5, dice.expovariate(1.0), dice.expovariate(0.001)])
        queue_push(queue, at, row, 0, 0)
        heapq.heappush(heap, (at, row))
        while heap and (len(heap) > 200 or dice.random() < 0.45):
            assert queue_least(queue, REQUEST, ATTEMPT) == queue.numbers[LEAST]
            now, first = heapq.heappop(heap)
            assert pop(queue) == (now, first), f"seed {seed}, after {row} pushes"
        if dice.random() < 0.01:
            spread_anew(queue, now)
    while heap:
        assert pop(queue) == heapq.heappop(heap)
    assert queue_least(queue, REQUEST, ATTEMPT) == -1


def test_it_grows_and_keeps_its_events() -> None:
    queue = Queue(64, 1.0)
    instants = [float((37 * number) % 61) for number in range(60)]
    for row, at in enumerate(instants):
        queue_push(queue, at, row, row + 1, row + 2)
    for _ in range(10):
        pop(queue)
    rest = sorted(zip(instants, range(60), strict=True))[10:]
    larger = queue.grown()
    spread_anew(larger, rest[0][0])
    assert queue_room(larger) == queue_room(queue) + 64
    for row in range(60, 100):
        queue_push(larger, 70.0 + row, row, 0, 0)
        rest.append((70.0 + row, row))
    assert [pop(larger) for _ in rest] == rest


def test_the_width_follows_the_events() -> None:
    queue, now = Queue(64, 0.0001), 0.0
    for row in range(32):
        queue_push(queue, row * 0.01, row, 0, 0)
    for _ in range(CHECK_EVERY):
        now, row = pop(queue)
        queue_push(queue, now + 0.32, row, 0, 0)
    before = float(queue.scales[RATE])
    queue_tune(queue, now)
    assert queue.numbers[POPS] == 0
    assert queue.scales[RATE] > 1000.0 * before
    assert pop(queue)[0] > now - 0.32

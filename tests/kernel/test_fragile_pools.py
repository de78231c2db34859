"""Pools of the kernel under fire, operation by operation, against the world's: the same rows and books, bit by bit."""

from __future__ import annotations

import pytest

from tests.kernel.struck import QUEUE_ROOM, drawn, played

SCRIPTS = 60


@pytest.mark.parametrize("discipline", ["fifo", "sharing", "batching"])
def test_drawn_scripts_leave_the_same_rows_and_books(discipline: str) -> None:
    dropped = answered = 0
    rooms: list[int] = []
    for seed in range(SCRIPTS):
        script = drawn(discipline, seed)
        world, kernel = played(script, False), played(script, True, rooms)
        assert kernel == world, f"{discipline}, seed {seed}"
        dropped += sum(int(world[f"dropped of {p}"]) for p in range(2))
        answered += sum(int(world[f"answered of {p}"]) for p in range(2))
    assert dropped > SCRIPTS
    assert answered > 15 * SCRIPTS
    assert max(rooms) > QUEUE_ROOM  # it grew on the way

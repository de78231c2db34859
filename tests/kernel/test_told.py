"""What a chunk is told ahead (draws of picks) and what the books of a streamed run are told behind (ends)."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from sim.kernel import told
from sim.kernel.state import CHUNK_END, CHUNK_FIRST, ENDED, ENDS_MAX, NUMBERS, PICKED, Chunk, Ends, Uses
from sim.runtime.draws import PICK, CounterDraws
from sim.runtime.plain import Chance
from tests.kernel.plainly import plainly

FIRST, COUNT = 40, 7


def kernel_of(width: int) -> Any:
    """As much of a kernel as these functions look at: a chunk of COUNT requests from FIRST on."""
    draws = CounterDraws(5, 1)
    k = SimpleNamespace(chance=Chance(draws.key), chunk=Chunk(16, Uses(), width), draws=np.zeros(width + 3))
    k.numbers, k.draws_count, k.ends, k.stream = np.zeros(NUMBERS, dtype=np.int64), width, Ends(), None
    k.numbers[CHUNK_END], k.numbers[CHUNK_FIRST] = COUNT, FIRST
    k.known = draws
    return k


@pytest.mark.parametrize("width", [0, 1, 2, 5])
@pytest.mark.parametrize("clients", [False, True])
def test_picks_drawn_together_are_the_draws_of_their_requests(width: int, clients: bool) -> None:
    k = kernel_of(width)
    plainly(told.draw_picks, {"CLIENTS": clients})(k)
    for place in range(COUNT):
        plainly(told.take_picks, {"CLIENTS": clients})(k, place, FIRST + place)
        known = [k.known.uniform(PICK, FIRST + place, 0, number) for number in range(width)]
        assert k.draws[:width].tolist() == known


def test_picks_are_drawn_once_a_chunk() -> None:
    k = kernel_of(2)
    told.draw_picks(k)
    assert k.numbers[PICKED] == 1
    k.chunk.picks[:] = 0.25
    told.draw_picks(k)
    assert set(k.chunk.picks.tolist()) == {0.25}
    k.numbers[PICKED] = 0  # the next chunk
    told.draw_picks(k)
    assert k.chunk.picks[0] == k.known.uniform(PICK, FIRST, 0, 0)


def test_ends_are_told_in_their_order_when_there_is_no_room_for_more() -> None:
    k, heard = kernel_of(0), list[tuple[Any, ...]]()
    bound = {"stream_ended": lambda _, *end: heard.append(end)}
    ended, told_all = plainly(told.tell_ended, bound), plainly(told.tell_all, bound)
    ends = [(number + 0.0, number + 0.5, number + 1.0, 0.25, number % 3, 1 + number % 2) for number in range(ENDS_MAX)]
    for end in ends[:-1]:
        ended(k, *end)
    assert heard == []
    assert k.numbers[ENDED] == ENDS_MAX - 1
    ended(k, *ends[-1])
    assert heard == ends
    assert k.numbers[ENDED] == 0
    ended(k, *ends[3])
    told_all(k)
    told_all(k)
    assert heard == [*ends, ends[3]]

"""The feed: what a request carries is drawn by its own number alone, however the blocks are cut."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from sim.contracts import ArrivalChunk
from sim.runtime.draws import DISPATCHER, IDLE_TOKEN, KEY, PICK, PROBE, TYPE, CounterDraws
from sim.world.columns import Columns
from sim.world.feed import CLIENT_BLOCK, Block, Feed, Shape
from sim.world.marks import Marks
from tests.world.scripted import ScriptedTokens, ScriptedWork

DRAWS = CounterDraws(31, 2)


class HalfSeconds(ScriptedWork):
    """Half a second by ordinal within its client."""

    def work_s(self, draws: Any, entities: Any, chunk: Any) -> list[float]:
        return [0.5 * (int(entity) & 0xFFFFFFFF) for entity in entities.tolist()]


FULL = Shape(pick_width=3, dispatchers_count=4, probes_count=2, types_count=3, keyed=True, idle_tokens=True)
BARE = Shape(pick_width=0, dispatchers_count=1, probes_count=0, types_count=1, keyed=False, idle_tokens=False)
MARKS = Marks([1.0, 0.0, 3.0], 10, 0.0)


def feed_of(shape: Shape, marks: Marks = MARKS) -> Feed:
    return Feed(Columns(tokens=False), DRAWS, HalfSeconds([]), marks, shape)


def chunks(total: int, size: int) -> Iterator[ArrivalChunk]:
    for first in range(0, total, size):
        yield ArrivalChunk(first, [float(number) for number in range(first, min(first + size, total))])


def test_a_request_carries_what_its_number_draws() -> None:
    feed = feed_of(FULL)
    block = next(feed.open_blocks(iter([ArrivalChunk(7, [1.0, 2.5])])))
    assert (block.row, block.at) == (0, [1.0, 2.5])
    assert feed.columns.request.tolist() == [7, 8]
    assert feed.columns.work_s.tolist() == [3.5, 4.0]
    for index, request in enumerate((7, 8)):
        assert list(block.picks[index]) == [DRAWS.uniform(PICK, request, 0, width) for width in range(3)]
        assert block.dispatchers is not None
        assert block.dispatchers[index] == int(4 * DRAWS.uniform(DISPATCHER, request))
        assert block.probes is not None
        assert list(block.probes[index]) == [DRAWS.uniform(PROBE, request, 0, width) for width in range(2)]
        assert block.keys[index] == int(10 * DRAWS.uniform(KEY, request))
        assert block.views is not None
        assert block.views[index] == (0 if DRAWS.uniform(TYPE, request) < 0.25 else 2)
        assert feed.columns.idle_draw[index] == DRAWS.uniform(IDLE_TOKEN, request)
    assert feed.columns.dispatcher.tolist() == block.dispatchers


def test_what_nobody_reads_is_not_drawn() -> None:
    feed = feed_of(BARE)
    block = next(feed.open_blocks(iter([ArrivalChunk(0, [0.0, 0.0])])))
    assert (block.dispatchers, block.views, block.probes, block.keys) == (None, None, None, [0, 0])
    assert [len(pick) for pick in block.picks] == [0, 0]
    assert feed.columns.dispatcher.tolist() == [0, 0]
    assert len(feed.columns.idle_draw) == 0


def test_the_cut_into_blocks_does_not_matter() -> None:
    def joined(size: int) -> tuple[list[list[float]], list[int], list[int], list[int]]:
        blocks = list(feed_of(FULL).open_blocks(chunks(50, size)))
        assert [block.row for block in blocks] == list(range(0, 50, size))
        return (
            [list(pick) for block in blocks for pick in block.picks],
            [key for block in blocks for key in block.keys],
            [view for block in blocks for view in block.views or []],
            [dispatcher for block in blocks for dispatcher in block.dispatchers or []],
        )

    assert joined(50) == joined(7) == joined(1)


def test_what_the_source_says_comes_before_what_is_drawn() -> None:
    chunk = ArrivalChunk(0, [0.0, 1.0], types=[2, 1], keys=[77, 78])
    block = next(feed_of(FULL).open_blocks(iter([chunk])))
    assert (block.views, block.keys) == ([2, 1], [77, 78])


def test_without_a_mix_a_request_takes_the_view_of_all_types_and_its_own_number_as_key() -> None:
    block = next(feed_of(FULL, Marks(None, 0, 0.0)).open_blocks(iter([ArrivalChunk(5, [0.0, 1.0])])))
    assert (block.views, block.keys) == ([3, 3], [5, 6])


def test_a_clients_next_requests() -> None:
    feed = feed_of(FULL)
    feed.client_block(0, 0)
    block: Block = feed_of(FULL).client_block(3, CLIENT_BLOCK)
    first = (3 << 32) + CLIENT_BLOCK
    assert len(block.at) == len(block.keys) == CLIENT_BLOCK == 32
    assert all(math.isnan(at) for at in block.at)
    assert list(block.picks[1]) == [DRAWS.uniform(PICK, first + 1, 0, width) for width in range(3)]
    assert feed.client_block(3, 0).row == CLIENT_BLOCK
    assert feed.columns.request[CLIENT_BLOCK] == 3 << 32


def test_a_key_fits_what_a_ring_can_hash() -> None:
    """Requests of a client far out still have keys below 2**62."""
    block = feed_of(FULL, Marks(None, 0, 0.0)).client_block(2**30, 0)
    assert block.keys[:2] == [0, 1]
    assert feed_of(FULL, Marks(None, 0, 0.0)).client_block(2**29, 4).keys[0] == (2**61) + 4


def test_tokens_take_the_place_of_seconds() -> None:
    feed = Feed(Columns(tokens=True), DRAWS, ScriptedTokens([(8, 3), (9, 4), (10, 5)]), MARKS, BARE)
    next(feed.open_blocks(iter([ArrivalChunk(1, [0.0, 1.0])])))
    assert feed.columns.prompt_tokens.tolist() == [9, 10]
    assert feed.columns.output_tokens.tolist() == [4, 5]
    assert feed.columns.work_s.tolist() == [0.0, 0.0]
    assert np.isnan(np.asarray(feed.columns.first_token_at)).all()


def test_fates_need_not_be_asked_only_where_they_say_nothing() -> None:
    entities = np.arange(200, dtype=np.uint64)
    silent = feed_of(BARE)
    assert not silent.has_fates
    assert silent.fates(entities) == ([0] * 200, [0] * 200)
    assert not silent.poisonous
    for change in ({"priority_mix": (1.0, 1.0)}, {"single_ratio": 0.5}, {"poison_prob": 0.5}):
        feed = feed_of(dataclasses.replace(BARE, **change))
        priorities, singles = feed.fates(entities)
        assert feed.has_fates
        assert any(priorities) or any(singles) or feed.poisonous

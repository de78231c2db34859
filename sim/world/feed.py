"""Requests become known a block at a time: instants, demands and every uniform a pick may need, drawn ahead.

Each draw is a pure function of (seed, replication, purpose, request), so that drawing a thousand requests ahead
changes nothing but the speed (Philox is vectorized; one scalar draw costs as much as a hundred in a block). The open
feed follows the arrival law's chunks; the closed feed draws 32 requests of one client at a time, entity
client * 2**32 + ordinal.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from sim.contracts import ArrivalChunk, Draws, ServiceLaw, TokenLaw
from sim.runtime.draws import ADMISSION, DISPATCHER, IDEMPOTENT, IDLE_TOKEN, PICK, PRIORITY, PROBE
from sim.world.columns import Columns
from sim.world.faults.poison_request import poison_mask
from sim.world.marks import Marks

CLIENT_BLOCK = 32  # requests of one closed client drawn at a time


@dataclass(slots=True)
class Block:
    """Consecutive requests: row of the first, and lists of equal length."""

    row: int
    at: list[float]
    picks: Sequence[Sequence[float]]  # the uniforms of each pick
    keys: list[int]
    dispatchers: list[int] | None  # None: the only one
    views: list[int] | None  # None: view 0
    probes: Sequence[Sequence[float]] | None  # the uniforms of each request's probes
    admissions: list[float] | None = None  # the uniform of each request's admission
    in_order: bool = False  # rows of the main open source, in order of arrival: cursors watch their timers


@dataclass(frozen=True, slots=True)
class Shape:
    """What a request needs drawn: uniforms a pick, dispatchers to choose from, agent types of the fleet."""

    pick_width: int
    dispatchers_count: int
    probes_count: int
    types_count: int  # 1: untyped
    keyed: bool  # the balancer reads keys
    idle_tokens: bool  # a completion takes a draw
    priority_mix: tuple[float, ...] = (1.0,)  # shares of priority 0, 1, ...
    single_ratio: float = 0.0  # share of requests that must not run twice
    admits_by_chance: bool = False
    poison_prob: float = 0.0  # share of requests that kill the agent that serves them


class Feed:
    """Draws what requests carry and appends their rows to the columns."""

    def __init__(
        self, columns: Columns, draws: Draws, service: ServiceLaw | TokenLaw, marks: Marks, shape: Shape
    ) -> None:
        self.columns, self.draws, self.service, self.marks, self.shape = columns, draws, service, marks, shape
        self.poisonous: set[int] = set()  # requests; only ever looked up

    def block(self, entities: NDArray[np.uint64], at: list[float], chunk: ArrivalChunk | None) -> Block:
        """Append the rows of `entities` (arriving at `at`) and draw what they carry."""
        columns, draws, shape, count = self.columns, self.draws, self.shape, len(entities)
        row = len(columns)
        columns.extend([int(entity) for entity in entities.tolist()], at)
        if columns.tokens:
            prompt, output = self.service.tokens(draws, entities, chunk)  # type: ignore[union-attr]
            columns.prompt_tokens.extend(prompt)
            columns.output_tokens.extend(output)
            columns.work_s.extend([0.0] * count)
        else:
            columns.work_s.extend(self.service.work_s(draws, entities, chunk))  # type: ignore[union-attr]
        width = shape.pick_width
        picks: Sequence[Sequence[float]] = [()] * count
        if width:
            picks = draws.uniforms_of(PICK, entities, width).tolist()
        dispatchers: list[int] | None = None
        if shape.dispatchers_count > 1:
            scaled = draws.uniforms_of(DISPATCHER, entities)[:, 0] * shape.dispatchers_count
            dispatchers = scaled.astype(np.int64).tolist()
            columns.dispatcher[row : row + count] = type(columns.dispatcher)("i", dispatchers)
        probes = draws.uniforms_of(PROBE, entities, shape.probes_count).tolist() if shape.probes_count else None
        if shape.idle_tokens:
            columns.idle_draw.extend(draws.uniforms_of(IDLE_TOKEN, entities)[:, 0].tolist())
        keys, views = self.keys(entities, chunk), self.views(entities, chunk)
        admissions = self._fates(entities, keys, views) if columns.several else None
        return Block(row, at, picks, keys, dispatchers, views, probes, admissions)

    def _fates(self, entities: NDArray[np.uint64], keys: list[int], views: list[int] | None) -> list[float] | None:
        """What a request with several attempts needs at any later one; gives the uniforms of the admission."""
        columns, draws, shape, count = self.columns, self.draws, self.shape, len(entities)
        columns.key.extend(keys)
        columns.view.extend(views or [0] * count)
        priorities, singles = self.fates(entities)
        columns.priority.extend(priorities)
        columns.single.extend(singles)
        return draws.uniforms_of(ADMISSION, entities)[:, 0].tolist() if shape.admits_by_chance else None

    @property
    def has_fates(self) -> bool:
        """Whether `fates` says or notes anything of any entity; without, an engine need not ask."""
        shape = self.shape
        return len(shape.priority_mix) > 1 or shape.single_ratio > 0.0 or shape.poison_prob > 0.0

    def fates(self, entities: NDArray[np.uint64]) -> tuple[list[int], list[int]]:
        """Priority of each entity, and 1 for one that must not run twice; poisonous ones are noted."""
        draws, shape, count = self.draws, self.shape, len(entities)
        bounds = np.cumsum(shape.priority_mix) / sum(shape.priority_mix)
        priorities, singles = [0] * count, [0] * count
        if len(bounds) > 1:
            classes = np.searchsorted(bounds, draws.uniforms_of(PRIORITY, entities)[:, 0], side="right")
            priorities = np.minimum(classes, len(bounds) - 1).tolist()
        if shape.single_ratio:
            singles = (draws.uniforms_of(IDEMPOTENT, entities)[:, 0] < shape.single_ratio).astype(int).tolist()
        if shape.poison_prob:
            struck = poison_mask(draws, entities, shape.poison_prob)
            self.poisonous.update(compress(entities.tolist(), struck))
        return priorities, singles

    def keys(self, entities: NDArray[np.uint64], chunk: ArrivalChunk | None) -> list[int]:
        """The affinity key of each entity, 0 where nothing reads it."""
        if chunk is not None and chunk.keys is not None:
            return chunk.keys
        if not self.shape.keyed:
            return [0] * len(entities)
        keys = self.marks.keys(self.draws, entities)
        return [int(entity) & (2**62 - 1) for entity in entities.tolist()] if keys is None else keys

    def views(self, entities: NDArray[np.uint64], chunk: ArrivalChunk | None) -> list[int] | None:
        """The view that each entity is routed in, None in a fleet of one type."""
        types_count = self.shape.types_count
        if types_count == 1:
            return None
        types = chunk.types if chunk is not None and chunk.types is not None else None
        if types is None:
            types = self.marks.types(self.draws, entities)
        if types is None:  # nothing asks for a type: the view of all slots
            types = [types_count] * len(entities)
        return types

    def open_blocks(self, chunks: Iterator[ArrivalChunk], in_order: bool = True) -> Iterator[Block]:
        """One block a chunk of the arrival law; `in_order` for the main source."""
        for chunk in chunks:
            entities = np.arange(chunk.first, chunk.first + len(chunk.at), dtype=np.uint64)
            block = self.block(entities, chunk.at, chunk)
            block.in_order = in_order
            yield block

    def client_block(self, client: int, ordinal: int) -> Block:
        """The next CLIENT_BLOCK requests of a closed client, from its `ordinal` on; instants are not yet known."""
        first = (client << 32) + ordinal
        entities = np.arange(first, first + CLIENT_BLOCK, dtype=np.uint64)
        return self.block(entities, [float("nan")] * CLIENT_BLOCK, None)

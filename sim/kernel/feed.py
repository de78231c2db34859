"""Requests for the kernel, a chunk at a time: instants, demands and marks, from the very laws that SimPy's side asks.

A law that gives its rule as a plain function (`fill` of arrivals, `rule` of demands) is compiled and fills thousands at
once; any other is asked as it is, in chunks of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import types

from sim.contracts import ArrivalChunk, Draws
from sim.kernel.clients import CLIENT_BITS
from sim.kernel.errors import CannotCompile
from sim.kernel.lower import entry
from sim.kernel.state import CHUNK_AT, CHUNK_END, CHUNK_FIRST, PICKED, Chunk, Kernel, Uses
from sim.kernel.structs import Structs, type_of
from sim.runtime.draws import SERVICE_REQUEST
from sim.runtime.plain import Chance, draw

Marked = Callable[[Any, ArrivalChunk | None], Any]
Fates = Callable[[Any], tuple[Any, Any]]
AHEAD = 4096  # requests that are drawn at once: a quarter of a second cache of 512 KB with what their picks need


class Source:
    """What the compiled fill reads and writes."""

    __slots__ = ("at", "chance", "demand", "stream", "work_s")

    def __init__(self, chance: Chance, stream: Any, demand: Any, chunk: Chunk) -> None:
        self.chance, self.stream, self.demand = chance, stream, demand
        self.at, self.work_s = chunk.at, chunk.work_s  # the very memory: nothing is copied


def fill(stream: Any, chance: Chance, first: int, count: int, at: Any) -> None:
    """Bound to the arrival law's."""


def rule(demand: Any, u: float) -> float:
    """Bound to the service law's."""
    return 0.0


def fill_source(source: Source, first: int, count: int) -> None:
    """Instants and demands of requests first..first + count - 1."""
    fill(source.stream, source.chance, first, count, source.at)
    for number in range(count):  # a loop of its own, which the compiler does for several at once
        source.work_s[number] = draw(source.chance, SERVICE_REQUEST, first + number, 0, 0)
    for number in range(count):
        source.work_s[number] = rule(source.demand, source.work_s[number])


class KernelFeed:
    """`keys` and `views` give what requests carry, None where nothing reads it."""

    def __init__(
        self, law: Any, service: Any, draws: Draws, horizon_s: float, keys: Marked | None, views: Marked | None,
        fates: Fates | None = None,
    ) -> None:  # fmt: skip
        self.service, self.draws, self.keys, self.views, self.horizon_s = service, draws, keys, views, horizon_s
        self.fates = fates  # gives (priorities, singles) of a run with attempts
        self.first, self.ended = 0, False
        self.structs = Structs()
        self.source: Source | None = None
        self.chunk: Chunk | None = None  # that the compiled fill writes to
        plain_fill, plain_rule = getattr(law, "fill", None), getattr(service, "rule", None)
        if plain_fill is not None and plain_rule is not None:
            chunk = Chunk(1, Uses())  # until there is one of a kernel
            source = Source(Chance(draws.key), law.stream, service.coefficients, chunk)  # type: ignore[attr-defined]
            bound = {"fill": plain_fill, "rule": plain_rule}
            arguments = (types.int64, types.int64)
            try:
                self.fill_source = entry(fill_source, type_of(source), types.void, arguments, bound)
                self.source = source
            except CannotCompile:
                pass  # a user's own law: asked in Python
        asked = self.source is None and law is not None  # without a law: closed clients, a few at a time
        self.chunks = law.chunks(draws, horizon_s) if asked else iter(())

    def fill(self, k: Kernel) -> bool:
        """The next chunk; False when the source has ended."""
        return self._fill_asked(k) if self.source is None else self._fill_compiled(k, self.source)

    def _fill_compiled(self, k: Kernel, source: Source) -> bool:
        if self.ended:
            return False
        if self.chunk is None:
            self._lay_chunk(k, source)
        self.fill_source(self.structs.of(source).address, self.first, AHEAD)
        count = int(np.searchsorted(source.at, self.horizon_s, side="left"))
        self.ended = count < AHEAD
        if not count:
            return False
        self._mark(k, self.first, count, None)
        self.first += count
        return True

    def _lay_chunk(self, k: Kernel, source: Source) -> None:
        """A chunk for the kernel, which the compiled fill writes to."""
        k.chunk = self.chunk = Chunk(AHEAD, k.uses, k.draws_count)
        source.at, source.work_s = k.chunk.at, k.chunk.work_s
        self.structs.forget(source)

    def _fill_asked(self, k: Kernel) -> bool:
        found = next(self.chunks, None)
        if found is None:
            return False
        count = len(found.at)
        if len(k.chunk.at) < count:
            k.chunk = Chunk(max(count, 1024), k.uses, k.draws_count)
        chunk = k.chunk
        entities = np.arange(found.first, found.first + count, dtype=np.uint64)
        chunk.at[:count] = found.at
        if k.uses.tokens:
            prompt, output = self.service.tokens(self.draws, entities, found)
            chunk.prompt_tokens[:count], chunk.output_tokens[:count] = prompt, output
        else:
            chunk.work_s[:count] = self.service.work_s(self.draws, entities, found)
        self._mark(k, found.first, count, found)
        return True

    def fill_client(self, k: Kernel, law: Any, client: int) -> None:
        """The next requests of a closed client, and how long it thinks after each."""
        clients, chunk = k.clients, k.chunk
        size, ordinal = int(clients.size), int(clients.known[client])
        place, first = client * size, (client << CLIENT_BITS) + ordinal
        entities = np.arange(first, first + size, dtype=np.uint64)
        if k.uses.tokens:
            prompt, output = self.service.tokens(self.draws, entities, None)
            chunk.prompt_tokens[place : place + size], chunk.output_tokens[place : place + size] = prompt, output
        else:
            chunk.work_s[place : place + size] = self.service.work_s(self.draws, entities, None)
        self._carry(k, slice(place, place + size), entities, None)
        clients.think_s[place : place + size] = thinks_s(law, self.draws, client, ordinal + 1, size)
        clients.known[client] = ordinal + size

    def _mark(self, k: Kernel, first: int, count: int, found: ArrivalChunk | None) -> None:
        """Keys and views of the chunk, and where it begins and ends."""
        if k.uses.keys or k.uses.views or self.fates is not None:
            self._carry(k, slice(count), np.arange(first, first + count, dtype=np.uint64), found)
        k.numbers[CHUNK_AT], k.numbers[CHUNK_END], k.numbers[CHUNK_FIRST] = 0, count, first
        k.numbers[PICKED] = 0

    def _carry(self, k: Kernel, places: slice, entities: Any, found: ArrivalChunk | None) -> None:
        """What requests carry beside their demands, into these places of the chunk."""
        chunk = k.chunk
        if k.uses.keys and self.keys is not None:
            chunk.key[places] = self.keys(entities, found)
        if k.uses.views and self.views is not None:
            chunk.of_view[places] = self.views(entities, found)
        if self.fates is not None:
            priorities, singles = self.fates(entities)
            if k.uses.priorities:
                chunk.priority[places] = priorities
            if k.uses.singles:
                chunk.single[places] = singles


def thinks_s(law: Any, draws: Draws, client: int, first: int, count: int) -> list[float]:
    """Times that a client thinks before its requests first..first + count - 1, all at once where the law can."""
    if hasattr(law, "thinks_s"):
        found: list[float] = law.thinks_s(draws, client, first, count)
        return found
    return [law.think_s(draws, client, ordinal) for ordinal in range(first, first + count)]

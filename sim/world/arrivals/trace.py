"""A recorded trace: its instants and sizes as they were (`resample: none`), or resampled in blocks.

Blocks of `block_s` trace seconds are drawn with replacement, as many as the trace has (block bootstrap with fixed
starts; Carlstein 1986): order and bursts inside a block stay, so that replications differ as hours of the same service
do, and the mean number of requests is the trace's. A pause longer than a block is cut, so that blocks should be longer
than the pauses that make the trace bursty. Only where each block begins in the file is held in memory.
`speedup` divides all instants. A trace does not loop: the load ends with it.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from itertools import islice

from sim.contracts import ArrivalChunk, Draws
from sim.errors import ConfigError
from sim.registry import register
from sim.runtime.draws import RESAMPLE
from sim.world.params import ArrivalParams
from sim.world.renewal import CHUNK
from sim.world.traces.reader import Place, TraceReader, TraceRow

BLOCKS_MAX = 1_000_000


class Blocks:
    """Where each block of `block_s` trace seconds begins in the file and how many rows it has."""

    def __init__(self, reader: TraceReader, block_s: float) -> None:
        self.reader, self.block_s = reader, block_s
        self.offsets, self.lines, self.counts = array("q"), array("q"), array("q")
        for place, row in reader.scan():
            index = int(row.at / block_s)
            if index >= BLOCKS_MAX:
                accepted = f"at least {row.at / BLOCKS_MAX:g} (at most {BLOCKS_MAX:,} blocks of a trace)"
                raise ConfigError("arrivals.block_s", block_s, accepted)
            while len(self.counts) <= index:
                self.offsets.append(place.offset)
                self.lines.append(place.line)
                self.counts.append(0)
            self.counts[index] += 1

    def __len__(self) -> int:
        return len(self.counts)

    def resampled(self, draws: Draws) -> Iterator[TraceRow]:
        """As many blocks as the trace has, each drawn with replacement, one after the other."""
        block_s, last = self.block_s, 0.0
        for number in range(len(self)):
            index = int(draws.uniform(RESAMPLE, number) * len(self))
            place = Place(self.offsets[index], self.lines[index])
            for row in islice(self.reader.rows_from(place), self.counts[index]):
                last = max(last, number * block_s + (row.at - index * block_s))  # never backward by rounding
                yield row._replace(at=last)


class TraceArrivals:
    """Implements `sim.contracts.ArrivalLaw` over a trace file."""

    terminating = True

    def __init__(self, path: str, params: ArrivalParams) -> None:
        self.params = params
        self.reader = TraceReader(path, params.columns, params.time_unit)
        self._types = {name: number for number, name in enumerate(params.types)} if len(params.types) > 1 else {}

    def rate_per_s(self) -> float:
        """Requests over the span of the trace, times `speedup`; infinite for a trace of one instant."""
        count, last = 0, 0.0
        for row in self.reader.rows():
            count, last = count + 1, row.at
        return count * self.params.speedup / last if last else float("inf")

    def chunks(self, draws: Draws, horizon_s: float) -> Iterator[ArrivalChunk]:
        """Arrivals before `horizon_s`; raises `InputError` at a broken row."""
        if self.params.resample == "none":
            rows = self.reader.rows()
        else:
            rows = Blocks(self.reader, self.params.block_s).resampled(draws)
        first, speedup = 0, self.params.speedup
        while batch := list(islice(rows, CHUNK)):
            at = [row.at / speedup for row in batch]
            ended = not at[-1] < horizon_s
            if ended:
                at = [instant for instant in at if instant < horizon_s]
                batch = batch[: len(at)]
            if at:
                yield self._chunk(first, at, batch)
            if ended:
                return
            first += CHUNK

    def _chunk(self, first: int, at: list[float], rows: list[TraceRow]) -> ArrivalChunk:
        columns = self.reader.columns
        return ArrivalChunk(
            first=first,
            at=at,
            service_s=[row.service_s for row in rows] if "service_s" in columns else None,
            prompt_tokens=[row.prompt_tokens for row in rows] if "prompt_tokens" in columns else None,
            output_tokens=[row.output_tokens for row in rows] if "output_tokens" in columns else None,
            types=[self._type(row) for row in rows] if self._types and "type" in columns else None,
            keys=[row.key for row in rows] if "key" in columns else None,
        )

    def _type(self, row: TraceRow) -> int:
        if row.type not in self._types:
            accepted = "an agent type of the fleet: " + ", ".join(self._types)
            raise self.reader.refused(row.line, "type", row.type, accepted)
        return self._types[row.type]


@register("arrivals", "trace")
def trace(params: ArrivalParams, rate_per_s: float | None) -> TraceArrivals:
    """The trace's own rate times `speedup`; raises `ConfigError` without a path, `InputError` for a bad header."""
    if params.path is None:
        raise ConfigError("arrivals.path", None, "the path of a CSV file with one row a request")
    return TraceArrivals(params.path, params)

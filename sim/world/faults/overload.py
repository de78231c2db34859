"""More requests than the load has of itself, for a while: a step, a spike (triangle) or a herd (all at one instant).

Extra arrivals are a Poisson process by time change of unit exponentials (Cinlar 1975), ordinals of source 1, so that
they leave the load's own requests as they are and the same extra ones come under every height. The injector tells the
event log when it begins and ends; what it does is in the arrivals. Rates in 1/s, instants in seconds.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from sim.contracts import ArrivalChunk, Draws
from sim.registry import register
from sim.runtime.draws import OVERLOAD
from sim.world.faults.hands import Episode, Fault
from sim.world.faults.params import EpisodeParams
from sim.world.piecewise import PiecewiseInverse, Segment
from sim.world.renewal import CHUNK, chunks

SOURCE_FIRST = 1 << 56  # entity of the first extra request


@dataclass(frozen=True, slots=True)
class OverloadParams:
    """`ratio`: extra rate at its height over the load's mean rate; `requests_count`: of a herd."""

    enabled: bool = True
    shape: str = "step"
    at_s: float = 60.0
    for_s: float = 60.0
    ratio: float = 1.0
    requests_count: int = 1_000


@register("fault", "overload")
class Overload(Fault):
    """Told to the event log as a fault of the fleet."""

    params_type = OverloadParams
    params: OverloadParams
    scope = "fleet"

    def episodes(self) -> EpisodeParams:
        """One; a herd ends when it begins."""
        herd = self.params.shape == "herd"
        return EpisodeParams(at_s=(self.params.at_s,), for_s=0.0 if herd else self.params.for_s)

    def strike(self, episode: Episode) -> None:
        """Nothing: the arrivals do it."""

    def heal(self, episode: Episode) -> None:
        """Nothing."""


def overload_chunks(
    params: OverloadParams, mean_rate_per_s: float, draws: Draws, horizon_s: float
) -> Iterator[ArrivalChunk]:
    """The extra arrivals before `horizon_s`, up to 1,024 at a time; `mean_rate_per_s` is the load's own mean rate."""
    if params.shape == "herd":
        count = params.requests_count if params.at_s < horizon_s else 0
        for first in range(0, count, CHUNK):
            yield ArrivalChunk(SOURCE_FIRST + first, [params.at_s] * min(CHUNK, count - first))
        return
    inverse = PiecewiseInverse(iter(_segments(params, params.ratio * mean_rate_per_s)))
    for chunk in chunks(draws, horizon_s, _gaps, inverse):
        chunk.first += SOURCE_FIRST
        yield chunk


def _segments(params: OverloadParams, height_per_s: float) -> list[Segment]:
    begins_at, ends_at = params.at_s, params.at_s + params.for_s
    if params.shape == "step":
        return [Segment(begins_at, ends_at, height_per_s, height_per_s)]
    middle_at = begins_at + 0.5 * params.for_s
    return [Segment(begins_at, middle_at, 0.0, height_per_s), Segment(middle_at, ends_at, height_per_s, 0.0)]


def _gaps(draws: Draws, first: int) -> list[float]:
    """Unit exponential gaps of 1,024 extra requests."""
    log = math.log
    return [-log(u) for u in draws.uniforms(OVERLOAD, SOURCE_FIRST + first, CHUNK)[:, 0].tolist()]

"""Demands as the trace recorded them: its duration column, request by request (needs `arrivals=trace`)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.contracts import ArrivalChunk, Draws
from sim.errors import ConfigError
from sim.registry import register
from sim.world.params import ServiceParams


class TraceService:
    """Implements `sim.contracts.ServiceLaw`; what was recorded is the same at every attempt."""

    def __init__(self, mean_s: float) -> None:
        self._mean_s = mean_s

    def mean_s(self) -> float:
        """The config's mean, for the utilization ratio only."""
        return self._mean_s

    def work_s(
        self, draws: Draws, entities: NDArray[np.uint64], chunk: ArrivalChunk | None, attempt: int = 0
    ) -> list[float]:
        """The chunk's seconds; raises `ConfigError` where the arrivals bring none."""
        if chunk is None or chunk.service_s is None:
            accepted = "a law that draws, or arrivals=trace with a duration column (arrivals.columns.service_s)"
            raise ConfigError("service.kind", "trace", accepted)
        return chunk.service_s


@register("service", "trace")
def trace(params: ServiceParams) -> TraceService:
    """The durations of the trace."""
    return TraceService(params.mean_s)

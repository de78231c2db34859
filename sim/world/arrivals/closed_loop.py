"""A closed loop: `clients_count` clients that wait for each answer and then think for an exponential time."""

from __future__ import annotations

import math

import numpy as np

from sim.contracts import Draws
from sim.registry import register
from sim.runtime.draws import THINK
from sim.world.params import ArrivalParams


class ClosedLoop:
    """Implements `sim.contracts.ClosedLaw`; entity of a draw is client * 2**32 + ordinal."""

    terminating = False

    def __init__(self, clients_count: int, think_s: float) -> None:
        self.clients_count, self._mean_s = clients_count, think_s

    def think_s(self, draws: Draws, client: int, ordinal: int) -> float:
        """Seconds the client thinks before its `ordinal`-th request."""
        return -self._mean_s * math.log(draws.uniform(THINK, (client << 32) + ordinal))

    def thinks_s(self, draws: Draws, client: int, first: int, count: int) -> list[float]:
        """The same before its requests first..first + count - 1."""
        entities = np.arange((client << 32) + first, (client << 32) + first + count, dtype=np.uint64)
        return [-self._mean_s * math.log(u) for u in draws.uniforms_of(THINK, entities)[:, 0].tolist()]


@register("arrivals", "closed_loop")
def closed_loop(params: ArrivalParams, rate_per_s: float | None) -> ClosedLoop:
    """The number of clients is the load; a rate is not read."""
    return ClosedLoop(params.clients_count, params.think_s)

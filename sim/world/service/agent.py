"""Answers of the fitted agent at its incumbent setting: what a fleet with an optimizer starts from.

Work is that of `sim.world.surfaces` in a batch of `NOMINAL_BATCH`, prefill included; ability and length are drawn by
the request. A run with an optimizer sizes each answer anew when it starts, by the setting of its node and the batch.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.contracts import ArrivalChunk, Draws
from sim.registry import register
from sim.runtime.draws import SURFACE_TASK
from sim.world.params import ServiceParams
from sim.world.surfaces.agent import ABILITIES, FITTED, LENGTHS, answer_s, cells
from sim.world.surfaces.outcomes import ABILITY, LENGTH
from sim.world.surfaces.space import CONTEXT_TOKENS
from sim.world.surfaces.surface import INCUMBENT

NOMINAL_BATCH = 12


class AgentService:
    """Implements `sim.contracts.ServiceLaw`."""

    def __init__(self) -> None:
        tokens = cells(FITTED, np.array([INCUMBENT]), 1e-6, 0.0).tokens[0]
        context = INCUMBENT[CONTEXT_TOKENS]
        self.seconds = [[answer_s(FITTED, float(each), context, NOMINAL_BATCH) for each in row] for row in tokens]

    def mean_s(self) -> float:
        """Mean over all tasks, exactly."""
        return float(np.mean(self.seconds))

    def work_s(
        self, draws: Draws, entities: NDArray[np.uint64], chunk: ArrivalChunk | None, attempt: int = 0
    ) -> list[float]:
        """Seconds of each entity."""
        u = draws.uniforms_of(SURFACE_TASK, entities, LENGTH + 1, attempt)
        pairs = zip(u[:, ABILITY].tolist(), u[:, LENGTH].tolist(), strict=True)
        return [self.seconds[int(ability * ABILITIES)][int(length * LENGTHS)] for ability, length in pairs]


@register("service", "agent")
def agent(params: ServiceParams) -> AgentService:
    """The fitted agent."""
    return AgentService()

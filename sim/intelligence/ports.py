"""What the optimizer asks of the world around it: to set parameters, and to run two settings side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from sim.intelligence.protocol import Window
from sim.types.metrics import OptimizationResult


class Actuator(Protocol):
    """Sets an agent's parameters; `arm` says whether as a trial or to stay."""

    async def apply(self, agent_id: str, params: Mapping[str, float], arm: str) -> None: ...


class Twin(Protocol):
    """Runs the same interval under two settings: a simulated twin, or a canary beside the rest."""

    async def pair(
        self, agent_id: str, old: Mapping[str, float], new: Mapping[str, float], number: int
    ) -> tuple[Window, Window]: ...


class Review(Protocol):
    """Others who hear of every proposal, a plugin for one; gives why it is rejected, empty where nobody objects."""

    async def __call__(self, result: OptimizationResult) -> str: ...

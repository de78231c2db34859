"""What is tuned as a whole, a simulated fleet or a served one: the optimizer acts on it as on one agent.

Between proofs the optimizer proposes what to try next, turn by turn for its targets; each window gives a sample of
either arm.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic

from sim.bench.schema import Config
from sim.bench.tuned_samples import make_optimizer, sample_of
from sim.bench.tuned_subject import A, TunedSubject
from sim.contracts import Draws, EventSink, Runtime
from sim.intelligence.ports import Review
from sim.intelligence.protocol import Window
from sim.types.metrics import OptimizationTarget
from sim.world.surfaces.surface import Point, Surface
from sim.world.surfaces.windows import Outcomes

AGENT = "fleet"


class TunedWhole(Generic[A]):
    """Implements `sim.intelligence.ports.Actuator` and `Twin` over one `TunedSubject`."""

    def __init__(
        self, config: Config, runtime: Runtime, draws: Draws, events: EventSink, surface: Surface, arms: A,
        review: Review | None,
    ) -> None:  # fmt: skip
        self.runtime = runtime
        self.subject = TunedSubject(arms, config.optimizer, runtime)
        self.optimizer = make_optimizer(
            config, runtime, draws, events, surface, actuator=self, twin=self, review=review
        )  # fmt: skip
        self.windows_count = self._turn = 0

    async def apply(self, agent_id: str, params: Mapping[str, float], arm: str) -> None:
        """A setting stands from now on; nothing is on trial."""
        self.subject.apply(params)

    async def pair(
        self, agent_id: str, old: Mapping[str, float], new: Mapping[str, float], number: int
    ) -> tuple[Window, Window]:
        """One window of both settings side by side; see `TunedSubject`."""
        return await self.subject.pair(old, new)

    async def windows(self) -> None:
        """The windows that feed the optimizer, for ever."""
        await self.subject.windows(self._propose, self._collect)

    def _propose(self) -> Mapping[str, float] | None:
        targets = self.optimizer.config.optimization_targets
        proposal = self.optimizer.propose(AGENT, OptimizationTarget(targets[self._turn % len(targets)]), {})
        self._turn += 1
        return None if proposal is None else proposal.params

    async def _collect(self, outcomes: Outcomes, point: Point, arm: int) -> None:
        self.windows_count += 1
        await self.optimizer.collect_metrics(sample_of(AGENT, self.runtime.wall_at(), outcomes, point, arm))

"""The optimizer in a simulated fleet: its windows come from the fleet's agents, its settings go to them.

A share of the nodes (the canaries) has the setting on trial, the others the one that stands. Each window gives a
sample of either arm; between proofs the optimizer proposes what to try next, turn by turn for its targets; its own
background loop recommends, and proves by pairs of such windows before a setting stands. The agents' own parameters are
tuned; concurrency is the fleet's. Seconds on the virtual clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sim.bench.schema import Config
from sim.bench.tuned_samples import fleet_surface, make_optimizer, sample_of
from sim.bench.tuned_subject import TunedSubject
from sim.contracts import Draws, EventSink
from sim.errors import ConfigError
from sim.intelligence.ports import Review
from sim.intelligence.protocol import Window
from sim.runtime.virtual import VirtualRuntime
from sim.types.metrics import OptimizationTarget
from sim.world.surfaces.surface import Point
from sim.world.surfaces.tuning import Outcomes, TunedFifo, Tuning
from sim.world.world import World

AGENT = "fleet"


class Tuned:
    """Implements `sim.intelligence.ports.Actuator` and `Twin` over a fleet's `Tuning`."""

    def __init__(
        self, config: Config, runtime: VirtualRuntime, draws: Draws, log: EventSink, nodes: int,
        review: Review | None = None,
    ) -> None:  # fmt: skip
        group, surface = config.optimizer, fleet_surface(config)
        canaries = max(1, round(group.canary_ratio * nodes))
        if canaries >= nodes:
            raise ConfigError("fleet.nodes", nodes, "2 or more with an optimizer (one node tries, the others stand)")
        self.runtime = runtime
        self.tuning = Tuning(surface, draws, canaries)
        self.fleet = TunedSubject(self.tuning, group, runtime)
        self.optimizer = make_optimizer(config, runtime, draws, log, surface, actuator=self, twin=self, review=review)
        self.windows_count = self._turn = 0

    def make_pool(self, *args: Any) -> TunedFifo:
        """A node's agents."""
        return TunedFifo(self.tuning, *args)

    def connect(self, world: World) -> None:
        """The fleet is built; it is tuned as a whole, whoever its agents are."""

    async def start(self) -> None:
        """The optimizer's loop, and the windows that feed it."""
        await self.optimizer.start()
        self.runtime.spawn(self.fleet.windows(self._propose, self._collect), "windows")

    async def apply(self, agent_id: str, params: Mapping[str, float], arm: str) -> None:
        """A setting stands from now on; nothing is on trial."""
        self.fleet.apply(params)

    async def pair(
        self, agent_id: str, old: Mapping[str, float], new: Mapping[str, float], number: int
    ) -> tuple[Window, Window]:
        """One window of both settings side by side; see `TunedSubject`."""
        return await self.fleet.pair(old, new)

    def counts(self) -> dict[str, int]:
        """What the record tells."""
        return {"optimizer_windows": self.windows_count, "optimizer_results": len(self.optimizer.results)}

    def _propose(self) -> Mapping[str, float] | None:
        targets = self.optimizer.config.optimization_targets
        proposal = self.optimizer.propose(AGENT, OptimizationTarget(targets[self._turn % len(targets)]), {})
        self._turn += 1
        return None if proposal is None else proposal.params

    async def _collect(self, outcomes: Outcomes, point: Point, arm: int) -> None:
        self.windows_count += 1
        await self.optimizer.collect_metrics(sample_of(AGENT, self.runtime.wall_at(), outcomes, point, arm))

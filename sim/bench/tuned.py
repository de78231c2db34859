"""The optimizer in a simulated fleet: its windows come from the fleet's agents, its settings go to them.

A share of the nodes (the canaries) has the setting on trial, the others the one that stands. Each window gives a
sample of either arm; between proofs the optimizer proposes what to try next, turn by turn for its targets; its own
background loop recommends, and proves by pairs of such windows before a setting stands. The agents' own parameters are
tuned; concurrency is the fleet's. Seconds on the virtual clock.
"""

from __future__ import annotations

from typing import Any

from sim.bench.schema import Config
from sim.bench.tuned_samples import fleet_surface
from sim.bench.tuned_whole import TunedWhole
from sim.contracts import Draws, EventSink
from sim.errors import ConfigError
from sim.intelligence.ports import Review
from sim.runtime.virtual import VirtualRuntime
from sim.world.surfaces.tuning import TunedFifo, Tuning
from sim.world.world import World


class Tuned(TunedWhole[Tuning]):
    """A fleet's `Tuning` and its optimizer."""

    def __init__(
        self, config: Config, runtime: VirtualRuntime, draws: Draws, log: EventSink, nodes: int,
        review: Review | None = None,
    ) -> None:  # fmt: skip
        group, surface = config.optimizer, fleet_surface(config)
        canaries = max(1, round(group.canary_ratio * nodes))
        if canaries >= nodes:
            raise ConfigError("fleet.nodes", nodes, "2 or more with an optimizer (one node tries, the others stand)")
        self.tuning = Tuning(surface, draws, canaries)
        super().__init__(config, runtime, draws, log, surface, self.tuning, review)

    def make_pool(self, *args: Any) -> TunedFifo:
        """A node's agents."""
        return TunedFifo(self.tuning, *args)

    def connect(self, world: World) -> None:
        """The fleet is built; it is tuned as a whole, whoever its agents are."""

    async def start(self) -> None:
        """The optimizer's loop, and the windows that feed it."""
        await self.optimizer.start()
        self.runtime.spawn(self.windows(), "windows")

    def counts(self) -> dict[str, int]:
        """What the record tells."""
        return {"optimizer_windows": self.windows_count, "optimizer_results": len(self.optimizer.results)}

"""The optimizer in a simulated fleet, agent by agent (`optimizer.unit=agent`): settings and samples of their own.

In every window an agent takes its tasks in turn under the setting that stands and under one drawn around it (uniform in
the middle `SPREAD_RATIO` of each range, logarithmic where the range is; space filling before there is a model, as in
Jones et al. 1998): each arm is a sample. What is recommended is proved by pairs of such windows on that agent alone.
Nothing is asked of a model before it is wanted, so that a fleet of many agents costs no more than its windows.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from sim.bench.schema import Config
from sim.bench.tuned_samples import fleet_surface, make_optimizer, sample_of, spread_around
from sim.bench.tuned_subject import TunedSubject
from sim.contracts import Draws, EventSink
from sim.errors import FleetError
from sim.intelligence.ports import Review
from sim.intelligence.protocol import Window
from sim.runtime.virtual import VirtualRuntime
from sim.world.surfaces.seated import SeatedFifo, Seats
from sim.world.surfaces.surface import Point
from sim.world.surfaces.tuning import Tuning
from sim.world.surfaces.windows import Outcomes
from sim.world.world import World


class TunedAgents:
    """Implements `sim.intelligence.ports.Actuator` and `Twin` over the agents of a fleet."""

    def __init__(
        self, config: Config, runtime: VirtualRuntime, draws: Draws, log: EventSink, review: Review | None = None
    ) -> None:
        surface = fleet_surface(config)
        self.config, self.runtime, self.draws = config.optimizer, runtime, draws
        self.seats = Seats(surface, draws, self._agents_of)
        self.subjects: dict[str, TunedSubject[Tuning]] = {}
        self.optimizer = make_optimizer(config, runtime, draws, log, surface, actuator=self, twin=self, review=review)
        self.windows_count = 0
        self._world: World | None = None

    def make_pool(self, *args: Any) -> SeatedFifo:
        """A node's agents."""
        return SeatedFifo(self.seats, *args)

    def connect(self, world: World) -> None:
        """The fleet is built; it knows which agents run where."""
        self._world = world

    async def start(self) -> None:
        """The optimizer's loop, and windows for every agent that is there, now and later."""
        await self.optimizer.start()
        self.runtime.spawn(self._watch(), "agents to tune")

    async def apply(self, agent_id: str, params: Mapping[str, float], arm: str) -> None:
        """A setting stands from now on; nothing is on trial."""
        self._subject(agent_id).apply(params)

    async def pair(
        self, agent_id: str, old: Mapping[str, float], new: Mapping[str, float], number: int
    ) -> tuple[Window, Window]:
        """One window of both settings on the agent, its tasks in turn; see `TunedSubject`."""
        return await self._subject(agent_id).pair(old, new)

    def counts(self) -> dict[str, int]:
        """What the record tells."""
        return {"optimizer_windows": self.windows_count, "optimizer_results": len(self.optimizer.results)}

    def _subject(self, agent_id: str) -> TunedSubject[Tuning]:
        if agent_id not in self.subjects:
            raise FleetError(f"{agent_id} is no agent that is tuned here")
        return self.subjects[agent_id]

    def _agents_of(self, node: int) -> list[str]:
        """Agents that run on a node, oldest there first."""
        assert self._world is not None
        nodes = self._world.nodes
        return [agent_id for node_id, agent_id in self._world.agent_types if nodes[node_id].ordinal == node]

    async def _watch(self) -> None:
        """Windows begin for whoever is new; an agent keeps its own when it moves."""
        assert self._world is not None
        while True:
            for _, agent_id in list(self._world.agent_types):
                if agent_id not in self.subjects and len(self.subjects) < self.optimizer.config.agents_max:
                    serial = len(self.subjects)
                    subject = TunedSubject(self.seats.tuning(agent_id), self.config, self.runtime)
                    self.subjects[agent_id] = subject
                    propose = partial(self._spread, subject, serial)
                    windows = subject.windows(propose, partial(self._collect, agent_id))
                    self.runtime.spawn(windows, f"windows of {agent_id}")
            await self.runtime.sleep(self.config.window_s)

    def _spread(self, subject: TunedSubject[Tuning], serial: int) -> dict[str, float]:
        tuning = subject.tuning
        return spread_around(self.seats.surface.space, self.draws, tuning.standing, serial, tuning.window)

    async def _collect(self, agent_id: str, outcomes: Outcomes, point: Point, arm: int) -> None:
        self.windows_count += 1
        await self.optimizer.collect_metrics(sample_of(agent_id, self.runtime.wall_at(), outcomes, point, arm))

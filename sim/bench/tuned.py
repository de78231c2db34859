"""The optimizer in a simulated fleet: its windows come from the fleet's agents, its settings go to them.

A share of the nodes (the canaries) has the setting on trial, the others the one that stands. Each window gives a
sample of either arm; between proofs the optimizer proposes what to try next, turn by turn for its targets; its own
background loop recommends, and proves by pairs of such windows before a setting stands. The agents' own parameters are
tuned; concurrency is the fleet's. Seconds on the virtual clock.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from sim.bench.schema import Config
from sim.contracts import Draws, EventSink
from sim.errors import ConfigError
from sim.intelligence.config import OptimizerConfig
from sim.intelligence.optimizer import MLOptimizer
from sim.intelligence.ports import Review
from sim.intelligence.protocol import Guardrail, Parameter, Window
from sim.runtime.virtual import VirtualRuntime
from sim.types.metrics import AgentMetrics, OptimizationTarget
from sim.world.surfaces.space import CONCURRENCY, CONTEXT_TOKENS, LOGARITHMIC_FROM, NAMES
from sim.world.surfaces.surface import TARGETS, Point, Surface
from sim.world.surfaces.tuning import STANDING, TRIAL, Outcomes, TunedFifo, Tuning

AGENT = "fleet"
TUNED = NAMES[:CONCURRENCY]


class Tuned:
    """Implements `sim.intelligence.ports.Actuator` and `Twin` over a fleet's `Tuning`."""

    def __init__(
        self, config: Config, runtime: VirtualRuntime, draws: Draws, log: EventSink, nodes: int,
        review: Review | None = None,
    ) -> None:  # fmt: skip
        if config.service.kind != "agent":
            raise ConfigError("service.kind", config.service.kind, "agent with an optimizer (it tunes the agents)")
        group = config.optimizer
        canaries = max(1, round(group.canary_ratio * nodes))
        if canaries >= nodes:
            raise ConfigError("fleet.nodes", nodes, "2 or more with an optimizer (one node tries, the others stand)")
        slots = (float(config.fleet.agents_per_node),)
        surface = Surface("fleet")
        surface = surface.changed(incumbent=surface.incumbent[:CONCURRENCY] + slots)
        self.config, self.runtime = group, runtime
        self.tuning = Tuning(surface, draws, canaries)
        known = [each.name for each in dataclasses.fields(OptimizerConfig)]
        settings = {name: value for name, value in vars(group).items() if name in known}
        space = surface.space
        self.optimizer = MLOptimizer(
            {**settings, "seed": config.seed},
            runtime=runtime,
            draws=draws,
            events=log,
            parameters=[
                Parameter(name, space.low[at], space.high[at], at >= LOGARITHMIC_FROM, at >= LOGARITHMIC_FROM)
                for at, name in enumerate(TUNED)
            ],
            guardrails=(
                Guardrail("success_rate", minimum=group.guard_success_rate_min),
                Guardrail("error_rate", maximum=group.guard_error_rate_max),
            ),
            actuator=self,
            twin=self,
            review=review,
        )
        self.proving = False
        self.windows_count = 0
        self._running: int | None = None  # window of a proof that has run, not yet taken

    def make_pool(self, *args: Any) -> TunedFifo:
        """A node's agents."""
        return TunedFifo(self.tuning, *args)

    async def start(self) -> None:
        """The optimizer's loop, and the windows that feed it."""
        await self.optimizer.start()
        self.runtime.spawn(self._windows(), "windows")

    async def apply(self, agent_id: str, params: Mapping[str, float], arm: str) -> None:
        """A setting stands from now on; nothing is on trial."""
        self.tuning.standing = self._point(params)
        self.tuning.next_window(None)
        self.proving, self._running = False, None

    async def pair(
        self, agent_id: str, old: Mapping[str, float], new: Mapping[str, float], number: int
    ) -> tuple[Window, Window]:
        """One window of both settings side by side, more while too few were answered.

        A window is taken one window after its end, when its long answers are there too; that one is the next pair's.
        """
        self.proving = True
        standing: Outcomes = []
        trial: Outcomes = []
        if self._running is None:
            self._running = self.tuning.next_window(self._point(new))
            await self.runtime.sleep(self.config.window_s)
        while min(len(standing), len(trial)) < self.config.window_requests_min:
            following = self.tuning.next_window(self._point(new))
            await self.runtime.sleep(self.config.window_s)
            more, self._running = self.tuning.take(self._running), following
            standing, trial = standing + more[STANDING], trial + more[TRIAL]
        at = self.runtime.now()
        return self._window(standing, old, "incumbent", at), self._window(trial, new, "canary", at)

    def counts(self) -> dict[str, int]:
        """What the record tells."""
        return {"optimizer_windows": self.windows_count, "optimizer_results": len(self.optimizer.results)}

    async def _windows(self) -> None:
        """Windows for ever: what to try goes out, and comes in once its answers are there."""
        turn, before = 0, None
        while True:
            targets = self.optimizer.config.optimization_targets
            proposal = self.optimizer.propose(AGENT, OptimizationTarget(targets[turn % len(targets)]), {})
            turn += 1
            trial = None if proposal is None else self._point(proposal.params)
            number = self.tuning.next_window(trial)
            points = (self.tuning.standing, trial)
            await self.runtime.sleep(self.config.window_s)
            if before is not None:
                for arm, outcomes in enumerate(self.tuning.take(before[0])):
                    await self._collect(outcomes, before[1][arm], arm)
            before = (number, points)
            while self.proving:
                before = None
                await self.runtime.sleep(self.config.window_s)

    async def _collect(self, outcomes: Outcomes, point: Point | None, arm: int) -> None:
        if point is None or len(outcomes) < self.config.window_requests_min:
            return
        self.windows_count += 1
        means = {name: math.fsum(each[name] for each in outcomes) / len(outcomes) for name in TARGETS}
        sample = AgentMetrics(
            agent_id=AGENT,
            timestamp=self.runtime.wall_at() + 1e-3 * arm,  # two arms of one instant are two samples
            response_time=means["response_time"],
            success_rate=means["success_rate"],
            cpu_usage=means["resource_usage"],
            memory_usage=means["resource_usage"],
            user_satisfaction=means["user_satisfaction"],
            task_completion_rate=means["task_completion_rate"],
            error_rate=means["error_rate"],
            interaction_count=len(outcomes),
            context_length=point[CONTEXT_TOKENS],
            model_parameters=dict(zip(TUNED, point[:CONCURRENCY], strict=True)),
            variances=_variances(outcomes),
            arm="explore" if arm == TRIAL else "incumbent",
        )
        await self.optimizer.collect_metrics(sample)

    def _window(self, outcomes: Outcomes, params: Mapping[str, float], arm: str, at: float) -> Window:
        means = {name: math.fsum(each[name] for each in outcomes) / len(outcomes) for name in TARGETS}
        return Window(dict(params), {}, len(outcomes), means, _variances(outcomes), 1.0, at, arm)

    def _point(self, params: Mapping[str, float]) -> Point:
        old = self.tuning.standing
        row = [float(params.get(name, old[at])) for at, name in enumerate(TUNED)]
        return (row[0], row[1], row[2], old[CONCURRENCY])


def _variances(outcomes: Outcomes) -> dict[str, float]:
    return {name: float(np.var([each[name] for each in outcomes], ddof=1)) for name in TARGETS}

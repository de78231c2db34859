"""MLOptimizer: the source's face of the optimizer, over small parts that share one set of books.

It takes samples, recommends parameters with what they will bring and how sure that is, has a recommendation proved by
pairs before it stays, watches for drift, and runs a background loop. Clock, chance, event log, disk, and who sets
parameters are handed in; without them it runs live on asyncio, in memory, and only recommends.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sim.contracts import Draws, EventSink, Runtime, Task
from sim.intelligence import loop, saving
from sim.intelligence.agents import AgentMind
from sim.intelligence.answers import abstained, answer
from sim.intelligence.config import OptimizerConfig
from sim.intelligence.intake import STANDING, Intake
from sim.intelligence.ports import Actuator, Review, Twin
from sim.intelligence.protocol import Guardrail, Parameter, Proposal
from sim.intelligence.store import MetricsStore
from sim.intelligence.windows import DEFAULT_PARAMETERS, window_of
from sim.runtime.draws import CounterDraws
from sim.runtime.events import EventLog
from sim.types.metrics import AgentMetrics, OptimizationResult, OptimizationTarget


class MLOptimizer:
    """The source's class. `config` takes its keys; raises `ConfigError`, and `InputError` for a corrupt store."""

    def __init__(
        self,
        config: Mapping[str, Any] | OptimizerConfig | None = None,
        *,
        runtime: Runtime | None = None,
        draws: Draws | None = None,
        events: EventSink | None = None,
        store_path: Path | None = None,
        parameters: Sequence[Parameter] = DEFAULT_PARAMETERS,
        guardrails: Sequence[Guardrail] = (),
        actuator: Actuator | None = None,
        twin: Twin | None = None,
        review: Review | None = None,
    ) -> None:
        self.config = settings = OptimizerConfig.of(config)
        self.events: EventSink = EventLog() if events is None else events
        self.draws: Draws = CounterDraws(settings.seed, 0) if draws is None else draws
        self.parameters, self.guardrails = tuple(parameters), tuple(guardrails)
        self.actuator, self.twin, self.review = actuator, twin, review
        self.intake = Intake(settings.skew_s, settings.stale_s, settings.agents_max)
        self.store = MetricsStore(store_path, settings.samples_max)
        self.minds: dict[str, AgentMind] = {}
        self.results: deque[OptimizationResult] = deque(maxlen=settings.results_max)
        self.version = 0  # of the last snapshot saved or loaded
        self._runtime = runtime
        self._task: Task | None = None
        for sample in self.store.samples():
            self.intake.seen(sample.agent_id, sample.timestamp)
            self.mind(sample.agent_id).add(window_of(sample))

    @property
    def runtime(self) -> Runtime:
        """The runtime that was given, else a live one, which needs a running event loop."""
        if self._runtime is None:
            from sim.runtime.live import LiveRuntime  # a simulated optimizer never loads asyncio's machinery

            self._runtime = LiveRuntime()
        return self._runtime

    def write(self, kind: str, subject: str, **fields: object) -> None:
        """An event at this instant."""
        self.events.write(self.runtime.now(), kind, subject, **fields)

    def mind(self, agent_id: str) -> AgentMind:
        """What is known of an agent, made when it is new."""
        if agent_id not in self.minds:
            self.minds[agent_id] = AgentMind(agent_id, self.config, self.draws, self.parameters, self.guardrails)
        return self.minds[agent_id]

    # Samples

    async def collect_metrics(self, sample: AgentMetrics) -> bool:
        """Take a sample: True once it is kept; False, counted and told as an event, when it is not accepted."""
        reason = self.intake.check(sample, self.runtime.wall_at())
        if reason:
            self.write("sample_rejected", str(sample.agent_id), reason=reason)
            return False
        self.store.append(sample)
        window = window_of(sample)
        if sample.arm == STANDING:  # a trial that breaks a guardrail is no reason to move what stands
            await loop.guard(self, sample.agent_id, window)
        for target, changed in self.mind(sample.agent_id).add(window):
            self.write("drift_alarm", sample.agent_id, target=target, reason=f"{changed} changed")
            self.train(sample.agent_id, target)
        return True

    # Answers

    async def optimize_agent(self, agent_id: str, target: OptimizationTarget) -> OptimizationResult:
        """The best parameters known for a target, what they bring, and how sure that is; or why none are given."""
        result = answer(self, agent_id, target)
        objection = "" if result.abstained or self.review is None else await self.review(result)
        if objection:
            standing = self.mind(agent_id).standing
            result = abstained(agent_id, target, standing, f"rejected: {objection}", result.timestamp)
        self.results.append(result)
        self.write(
            "optimization_abstained" if result.abstained else "optimization_proposed",
            agent_id,
            target=target.value,
            reason=result.reason or f"{result.improvement_percentage:.3g} % with confidence {result.confidence:.3f}",
            parameters=dict(result.parameters),
        )
        return result

    def propose(self, agent_id: str, target: OptimizationTarget, context: Mapping[str, float]) -> Proposal | None:
        """Parameters for an agent's next window, to learn from; None when it has nothing to tune."""
        recommender = self.mind(agent_id).recommender(target.value)
        if recommender is None:
            return None
        recommender.renew()
        return recommender.ask(context)

    def train(self, agent_id: str, target: str) -> str:
        """Search for a target's surrogate anew; gives its kind, empty when there is nothing to learn from."""
        mind = self.mind(agent_id)
        kind = mind.train(target, self.runtime.now())
        if kind:
            scores = {score.kind: score.log_score for score in mind.scores[target]}
            best = max(scores.values()) == scores[kind]
            reason = f"{kind} forecasts best" if best else f"{kind}, since none forecasts surely better"
            self.write("surrogate_trained", agent_id, target=target, reason=reason, scores=scores)
        return kind

    def list_results(self) -> list[OptimizationResult]:
        """The last `results_max` answers, oldest first: proposed, abstained, and proved."""
        return list(self.results)

    # Background

    async def start(self) -> None:
        """Optimize every agent each `optimization_interval`; again does nothing."""
        if self._task is None or self._task.done():
            self._task = self.runtime.spawn(loop.run(self), "optimizer")

    async def stop(self) -> None:
        """End the background loop and close the store."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        self.store.close()

    # Disk

    def save(self, path: Path, key: bytes) -> int:
        """Write a signed snapshot; gives its version."""
        self.version = saving.save(self, path, key)
        return self.version

    def load(self, path: Path, key: bytes) -> int:
        """Take a snapshot's settings and calibration; raises `SnapshotError`, and then nothing has changed."""
        self.version = saving.load(self, path, key)
        return self.version

    def status(self) -> dict[str, Any]:
        """Plain numbers about what is kept and what was rejected."""
        return {
            "agents": len(self.minds),
            "samples": len(self.store),
            "results": len(self.results),
            "rejected": dict(self.intake.rejected),
            "is_running": self._task is not None and not self._task.done(),
            "version": self.version,
        }

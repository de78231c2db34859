"""The optimizer of a served fleet: the real one on the live clock, over the answers that tasks really get.

Every task carries `settings` (temperature, max_tokens, context_tokens) to its agent, unless its client chose its own,
whose task is then no sample. A share `canary_ratio` of tasks has the setting on trial, drawn by the task's ordinal.
Response time is from order to answer. What only an agent knows comes in its answer, `metrics: {resource_usage: .4}`
and likewise success_rate, user_satisfaction, task_completion_rate, error_rate, in 0..1; of what it does not say, an
answer is a success that costs nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sim.bench.schema import Config
from sim.bench.tuned_samples import TUNED
from sim.bench.tuned_whole import TunedWhole
from sim.contracts import Draws, EventSink, Runtime
from sim.errors import ConfigError
from sim.integration.gateway.ports import TaskOrder, TaskRunner
from sim.intelligence.ports import Review
from sim.runtime.draws import LIVE_ARM
from sim.world.surfaces.space import LOGARITHMIC_FROM
from sim.world.surfaces.surface import TARGETS, Point, Surface
from sim.world.surfaces.windows import KEPT_MAX, STANDING, TRIAL, Windows

SETTINGS, METRICS = "settings", "metrics"
UNSAID = {"success_rate": 1.0, "resource_usage": 0.0, "user_satisfaction": 1.0, "task_completion_rate": 1.0,
          "error_rate": 0.0}  # fmt: skip
FAILED = {"success_rate": 0.0, "resource_usage": 0.0, "user_satisfaction": 0.0, "task_completion_rate": 0.0,
          "error_rate": 1.0}  # fmt: skip


class LiveArms(Windows):
    """Implements `sim.bench.tuned_subject.Arms`: settings of tasks, and what became of them, window by window."""

    def __init__(self, standing: Point, canary_ratio: float, draws: Draws) -> None:
        super().__init__(standing)
        self.canary_ratio, self.draws = canary_ratio, draws

    def given(self, ordinal: int) -> tuple[int, int, Point]:
        """Window, arm and setting of a task."""
        trial = self.trial
        if trial is not None and self.draws.uniform(LIVE_ARM, ordinal) < self.canary_ratio:
            return self.window, TRIAL, trial
        return self.window, STANDING, self.standing

    def ended(self, window: int, arm: int, outcome: dict[str, float]) -> None:
        """What became of a task; dropped where its window is taken already or full."""
        kept = self.kept.get(window)
        if kept is None or len(kept[arm]) >= KEPT_MAX:
            self.dropped_count += 1
        else:
            kept[arm].append(outcome)


class Tuned(TunedWhole[LiveArms]):
    """Implements the gateway's `TaskRunner` around another as well."""

    def __init__(
        self, config: Config, runtime: Runtime, draws: Draws, events: EventSink, tasks: TaskRunner,
        review: Review | None,
    ) -> None:  # fmt: skip
        if config.optimizer.unit != "fleet":
            raise ConfigError("optimizer.unit", config.optimizer.unit, "fleet with serve")
        surface = Surface("live")
        self.tasks = tasks
        self.arms = LiveArms(surface.incumbent, config.optimizer.canary_ratio, draws)
        super().__init__(config, runtime, draws, events, surface, self.arms, review)
        self._job: Any = None

    async def start(self) -> None:
        """The optimizer's loop, and the windows that feed it."""
        await self.optimizer.start()
        self._job = self.runtime.spawn(self.windows(), "windows")

    async def stop(self) -> None:
        """Both end."""
        if self._job is not None:
            self._job.cancel()
        await self.optimizer.stop()

    async def run(self, order: TaskOrder) -> dict[str, Any]:
        """As the runner within, with the setting of the task's arm."""
        if SETTINGS in order.input:
            return await self.tasks.run(order)
        window, arm, point = self.arms.given(order.ordinal)
        told, began_at = dict(zip(TUNED, point, strict=False)), self.runtime.now()
        told |= {name: int(told[name]) for name in TUNED[LOGARITHMIC_FROM:]}  # counts
        outcome = dict(FAILED)
        try:
            answer = await self.tasks.run(replace(order, input={**order.input, SETTINGS: told}))
            outcome = said_by(answer.get("result"))
            return answer
        finally:
            spent_s = self.runtime.now() - began_at
            values = {"response_time": spent_s, **outcome}
            self.arms.ended(window, arm, {name: values[name] for name in TARGETS})


def said_by(result: Any) -> dict[str, float]:
    """What an agent's answer says of itself; of what it does not, or not in 0..1, as if it were a plain success."""
    said = result.get(METRICS) if isinstance(result, dict) else None
    found = dict(UNSAID)
    if isinstance(said, dict):
        for name in UNSAID:
            value = said.get(name)
            if isinstance(value, int | float) and not isinstance(value, bool) and 0.0 <= value <= 1.0:
                found[name] = float(value)
    return found

"""A window of tasks under given parameters: what the agent's monitor sees, with the luck of every task.

Each task draws, by (purpose, window, task): ability, length, luck of success, of completion and error, wait, tail. The
draws do not depend on the parameters. Utility of a task uses its own satisfaction and mean seconds, and the tail's
excess, so that its mean is the surface's exact utility.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.contracts import Draws
from sim.runtime.draws import SURFACE_LOST, SURFACE_TASK
from sim.world.surfaces.agent import ABILITIES, LENGTHS, cells, utility
from sim.world.surfaces.space import Floats
from sim.world.surfaces.surface import TARGETS, UTILITY, Context, Point, Surface

ABILITY, LENGTH, SUCCESS, ERROR, WAIT, TAIL = range(6)
WIDTH = 6


@dataclass(frozen=True, slots=True)
class WindowOutcomes:
    """Per-task values by target, (n,) each, with `utility`; `context` is what the window met."""

    window: int
    point: Point
    context: Context
    tasks: dict[str, Floats]

    @property
    def count(self) -> int:
        """Tasks in the window."""
        return len(self.tasks[UTILITY])

    def mean(self, name: str) -> float:
        """Mean of a target over the tasks."""
        return float(np.mean(self.tasks[name]))

    def variance(self, name: str) -> float:
        """Sample variance of a target between tasks."""
        return float(np.var(self.tasks[name], ddof=1))


def lost(surface: Surface, draws: Draws, window: int) -> bool:
    """Whether the metrics of a window never arrive."""
    return draws.uniform(SURFACE_LOST, window) < surface.lost_window_prob


def run_window(
    surface: Surface,
    draws: Draws,
    window: int,
    point: Point,
    count: int,
    context: Context | None = None,
    arm: int = 0,
    law_window: int | None = None,
) -> WindowOutcomes:
    """`count` tasks of a window under a setting; the same draws for every setting of the same `arm`.

    `context` stands in for the window's own; another `arm` has other tasks and luck in the same context. `law_window`:
    the window whose law holds, where a log came first.
    """
    met = surface.context_of(draws, window) if context is None else context
    law = surface.law_at(window if law_window is None else law_window, met)
    table = cells(law, np.array([point]), *met)
    entities = np.uint64(window << 24) + np.arange(count, dtype=np.uint64)
    u = draws.uniforms_of(SURFACE_TASK, entities, WIDTH, arm)
    row, column = (u[:, ABILITY] * ABILITIES).astype(int), (u[:, LENGTH] * LENGTHS).astype(int)
    success_prob, completion = table.success[0, row, column], table.completion[0, row, column]
    error_prob = table.error[0, row, column]
    unfailed_prob = np.maximum(1.0 - error_prob, 1e-12)
    error = (u[:, ERROR] < error_prob).astype(np.float64)
    # one luck for completion and success: who succeeds has completed, and who errs has not
    done = ((u[:, SUCCESS] < completion / unfailed_prob) & (error == 0.0)).astype(np.float64)
    success = ((u[:, SUCCESS] < success_prob / unfailed_prob) & (error == 0.0)).astype(np.float64)
    satisfaction = success * table.satisfaction_if_success[0, row, column]
    mean_s = table.latency_s[0, row, column]
    waited_s = table.wait_s[0] * (-np.log(u[:, WAIT]) - 1.0)  # exponential about its mean
    excess_s = np.zeros(count)
    if surface.tail_shape is not None:
        shape = surface.tail_shape
        excess_s = mean_s * (u[:, TAIL] ** (-1.0 / shape) * (shape - 1.0) / shape - 1.0)
    priced_s = table.priced_s[0, row, column] + excess_s
    resources = np.full(count, table.resources[0])
    values = {
        "response_time": mean_s + waited_s + excess_s,
        "success_rate": success,
        "resource_usage": resources,
        "user_satisfaction": satisfaction,
        "task_completion_rate": done,
        "error_rate": error,
        UTILITY: utility(law, satisfaction, priced_s, table.cost[0, row, column], resources),
    }
    assert set(values) == {*TARGETS, UTILITY}
    return WindowOutcomes(window, point, met, values)

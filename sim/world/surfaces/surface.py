"""A surface: an agent law, the contexts it meets, an incumbent, and the truth of any parameters in any context.

Contexts (load, hardness) are finitely many and equally likely, so that the mean over them is exact too. A window of
tasks is drawn by (purpose, window, task) alone: two settings that run in the same window meet the same tasks with the
same luck, which is what makes pairs of them worth more than two samples. Utility in points, seconds, ratios in 0..1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from sim.contracts import Draws
from sim.runtime.draws import SURFACE_CONTEXT
from sim.world.surfaces.agent import FITTED, AgentLaw, cells
from sim.world.surfaces.space import Floats, Space

CONTEXT_NAMES = ("load_ratio", "hardness")
TARGETS = (
    "response_time",
    "success_rate",
    "resource_usage",
    "user_satisfaction",
    "task_completion_rate",
    "error_rate",
)
UTILITY = "utility"
SPACE = Space()
LOADS, HARDNESSES = (0.9, 1.0, 1.1), (0.0,)
Point = tuple[float, float, float, float]
Context = tuple[float, float]  # load_ratio, hardness
INCUMBENT: Point = (0.7, 2_000.0, 8_192.0, 24.0)  # the source's temperature and max_tokens
LawOf = Callable[[AgentLaw, int, Context], AgentLaw]


def same(law: AgentLaw, window: int, context: Context) -> AgentLaw:
    """The law never changes."""
    return law


@dataclass(frozen=True, slots=True)
class Surface:
    """One problem for an optimizer; `law_of` is the law in a window and context."""

    name: str
    law: AgentLaw = FITTED
    incumbent: Point = INCUMBENT
    space: Space = SPACE
    loads: tuple[float, ...] = LOADS
    hardnesses: tuple[float, ...] = HARDNESSES
    law_of: LawOf = same
    changes_at: int | None = None  # window of the first change of the law
    changed_by: int | None = None  # window from which on it changes no more
    error_rate_max: float = 1.0  # the guardrail
    tail_shape: float | None = None  # Pareto factor on latency, of mean 1; None: none
    lost_window_prob: float = 0.0  # a window whose metrics never arrive
    log_windows: int = 0  # windows of an operator's own settings before the first ask
    contextual: bool = False  # the best parameters differ by context, and regret is measured so

    @property
    def contexts(self) -> tuple[Context, ...]:
        """All contexts, equally likely."""
        return tuple((load, hardness) for load in self.loads for hardness in self.hardnesses)

    def context_of(self, draws: Draws, window: int) -> Context:
        """The context of a window."""
        contexts = self.contexts
        return contexts[int(draws.uniform(SURFACE_CONTEXT, window) * len(contexts))]

    def law_at(self, window: int, context: Context) -> AgentLaw:
        """The law that holds in a window and context."""
        return self.law_of(self.law, window, context)

    def means(self, points: Floats, context: Context, window: int = 0) -> dict[str, Floats]:
        """Exact means of the six targets, cost and utility for parameters (m, 4) in one context, (m,) each."""
        law = self.law_at(window, context)
        return cells(law, points, *context).means(law)

    def truth(self, points: Floats, window: int = 0) -> dict[str, Floats]:
        """Exact means over all contexts, (m,) each."""
        found = [self.means(points, context, window) for context in self.contexts]
        return {name: np.mean([each[name] for each in found], axis=0) for name in found[0]}

    def operator(self, draws: Draws, window: int, context: Context) -> Point:
        """What the operator set in a window of the log; the incumbent unless the surface has a log."""
        return self.incumbent

    def changed(self, **parts: object) -> Surface:
        """A copy with other parts."""
        return replace(self, **parts)  # type: ignore[arg-type]

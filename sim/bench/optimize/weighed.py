"""Which parameters matter, as the optimizer tells it from windows under uniform settings: for the true Sobol indices.

On windows that a search chose, a parameter that was left alone cannot be told from one that does not matter; so this
takes as many windows, chosen by chance over the whole space.
"""

from __future__ import annotations

from sim.bench.optimize.problem import context_named, point_of, problem_of, window_of
from sim.bench.optimize.random_search import RandomSearch
from sim.contracts import Draws
from sim.intelligence.importance import importance
from sim.intelligence.rows import ContextScale, rows_of
from sim.intelligence.space import Space
from sim.world.surfaces.outcomes import run_window
from sim.world.surfaces.surface import Surface

WINDOWS = 100
FROM = 1 << 30  # windows apart from all others


def randomized_importance(surface: Surface, draws: Draws, tasks: int) -> dict[str, float]:
    """Shares of the parameters, by the optimizer's own permutation of held-out windows."""
    problem = problem_of(surface, draws)
    search, space = RandomSearch(problem), Space(problem.parameters)
    windows = []
    for number in range(WINDOWS):
        entity = FROM + number
        context = surface.context_of(draws, entity)
        proposal = search.ask(context_named(context))
        outcomes = run_window(surface, draws, entity, point_of(proposal.params), tasks, context, law_window=0)
        windows.append(window_of(outcomes, 1.0, "random", float(number)))
    rows = rows_of(windows, space, ContextScale.of(windows), problem.objective)
    return importance(rows, space.names, draws)

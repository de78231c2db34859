"""How sure a belief from few windows is of settings far from them, held against the truth of the surfaces."""

from __future__ import annotations

from math import log

import numpy as np
from scipy.special import ndtr

from sim.bench.optimize.problem import context_named, point_of, problem_of, window_of
from sim.bench.optimize.proved import Proved
from sim.intelligence.candidates import uniform
from sim.intelligence.choosing import scale_of
from sim.intelligence.space import Floats
from sim.registry import lookup
from sim.runtime.draws import CounterDraws
from sim.world.surfaces.outcomes import run_window
from sim.world.surfaces.surface import UTILITY

SURFACES = ("cliff", "context_optimum", "heavy_tails", "llm", "null")
WINDOWS, POINTS, LOSS_RATIO = 11, 200, 0.1


def test_after_the_first_windows_losses_are_foretold_better_than_by_a_coin() -> None:
    """Who has seen a fifth of the range and takes the rest for as flat is surprised: worse than saying one half."""
    scores = [_surprise(name, seed) for name in SURFACES for seed in range(3001, 3007)]
    assert np.mean(scores) < log(2.0)


def _surprise(name: str, seed: int) -> Floats:
    """Minus the log probability of what is true of each point of the trust region: loses over a tenth, or not."""
    surface, draws = lookup("surface", name)(), CounterDraws(seed, 0)
    agent = Proved(problem_of(surface, draws))
    for window in range(WINDOWS):
        context = surface.context_of(draws, window)
        proposal = agent.ask(context_named(context))
        outcomes = run_window(surface, draws, window, point_of(proposal.params), 200)
        agent.tell(window_of(outcomes, 1.0, proposal.arm, 60.0 * window))
    engine = agent.recommender
    engine.learn(fully=True)
    beliefs, space = engine.beliefs, engine.space
    points = uniform(draws, engine.region, WINDOWS, POINTS)
    mean, sd = beliefs.gain(points, engine.base, beliefs.contexts, beliefs.shares)
    worse = ndtr(-(mean + LOSS_RATIO * scale_of(engine, beliefs.contexts, beliefs.shares)) / sd)
    tried = np.array([surface.incumbent, *(point_of(space.to_params(point)) for point in points)])
    true = surface.truth(tried)[UTILITY]
    loses = true[1:] < true[0] - LOSS_RATIO * abs(true[0])
    return np.asarray(-np.log(np.clip(np.where(loses, worse, 1.0 - worse), 1e-12, 1.0)))

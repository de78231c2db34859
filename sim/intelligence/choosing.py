"""Which points may be tried, which is worth trying most, and which should stand, by what is believed.

Tried is what a window is believed to teach most (`knowing`; with surrogates that tell no covariances the largest
expected improvement over the best believed mean: Mockus 1975) among points that probably keep the guardrails and with
`safe_prob` do not lose more than `safe_loss_ratio` of the incumbent's value (as in SafeOpt: Sui et al. 2015). What
stands is the largest mean difference to the incumbent less `pessimism` sd and the cost of change. With `guard_prob` it
keeps the guardrails, or is no worse than the incumbent in what they guard.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr

from sim.intelligence import transforms
from sim.intelligence.candidates import candidates, cloud
from sim.intelligence.knowing import knowledge_gain, repeats
from sim.intelligence.space import Floats
from sim.intelligence.surrogates.gp import GaussianProcess

if TYPE_CHECKING:
    from sim.intelligence.engine import Recommender

POLISH = 3  # rounds of ever smaller clouds around the best of a recommendation


@dataclass(frozen=True, slots=True)
class Choice:
    """One setting (p,), and one for each context (c, p) where those are believed to be better still."""

    point: Floats
    by_context: Floats = field(default_factory=lambda: np.zeros((0, 0)))


def allowed(engine: Recommender, points: Floats) -> Floats:
    """Points that probably keep the guardrails and lose little; if none does, those of the highest probability."""
    beliefs, settings = engine.beliefs, engine.settings
    if not beliefs.rows_count:
        return points
    contexts, shares = beliefs.contexts, beliefs.shares
    mean, sd = beliefs.gain(points, engine.base, contexts, shares)
    safe = ndtr((mean + settings.safe_loss_ratio * scale_of(engine, contexts, shares)) / sd)
    kept = safe >= min(settings.safe_prob, float(safe.max()))
    if engine.guardrails:
        points = np.asarray(points[kept])
        prob = beliefs.guard_prob(points, contexts, shares)
        kept = prob >= min(settings.explore_guard_prob, float(prob.max()))
    return np.asarray(points[kept])


def scale_of(engine: Recommender, contexts: Floats, shares: Floats) -> float:
    """What a change by the incumbent's whole value is on the modeled scale."""
    target = engine.objective
    if target in transforms.LOG:
        return 1.0
    level = engine.beliefs.level(engine.base, contexts, shares)
    if target in transforms.RATES:
        value = float(transforms.backward(target, np.array([level]))[0])
        return value / max(float(transforms.slope(target, np.array([level]))[0]), 1e-3)
    return abs(level)


def most_promising(engine: Recommender, points: Floats, contexts: Floats, shares: Floats) -> Floats:
    """The point that is worth trying most."""
    beliefs, surrogate = engine.beliefs, engine.beliefs.surrogate
    if isinstance(surrogate, GaussianProcess):
        level, covariance = surrogate.joint(points, contexts, shares)
        noise = float(surrogate.observed_sd(np.zeros(1), np.array([beliefs.typical_noise]))[0]) ** 2
        value = transforms.sign_of(engine.objective) * level
        taught = knowledge_gain(value, covariance, noise / repeats(len(engine.windows)))
        return np.asarray(points[int(np.argmax(taught))])
    believed, _ = beliefs.gain(points, engine.base, contexts, shares)
    mean, sd = beliefs.gain(points, points[int(np.argmax(believed))], contexts, shares)
    z = mean / sd
    improvement = sd * (z * ndtr(z) + np.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi))
    return np.asarray(points[int(np.argmax(improvement))])


def known(engine: Recommender, contexts: Floats, shares: Floats) -> Floats:
    """The incumbent, the center, and the best of what was tried."""
    tried = np.unique(engine.space.to_units([window.params for window in engine.windows]), axis=0)
    inside = tried[np.all((tried >= engine.region.low) & (tried <= engine.region.high), axis=1)]
    if not len(inside):
        return np.vstack([engine.base, engine.region.center])
    mean, _ = engine.beliefs.gain(inside, engine.base, contexts, shares)
    return np.vstack([engine.base, engine.region.center, inside[int(np.argmax(mean))]])


def best(engine: Recommender, contexts: Floats, shares: Floats) -> Floats | None:
    """What should stand in these contexts; None if nothing keeps the guardrails."""
    step, width = engine.asked_count, 0.25 * engine.region.half
    points = candidates(engine.draws, engine.region, step, known(engine, contexts, shares))
    found = engine.base
    for attempt in range(POLISH):
        points = _tried(engine, points)
        value = _worth(engine, points, contexts, shares)
        at = int(np.argmax(value))
        if not np.isfinite(value[at]):
            return None
        found = np.asarray(points[at], dtype=np.float64)
        around = cloud(engine.draws, engine.region, step, found, width, 20 + attempt)
        points, width = np.vstack([found, around]), width / 2.0
    return found


def choice(engine: Recommender, contexts: Floats, shares: Floats) -> Choice | None:
    """What should stand; on a contextual search one setting for each context if that is believed to be better."""
    point = best(engine, contexts, shares)
    if point is None or not engine.settings.is_contextual or len(contexts) < 2:
        return None if point is None else Choice(point)
    own = [best(engine, context[None, :], np.ones(1)) for context in contexts]
    points = np.array([point if each is None else each for each in own])
    mean, sd = engine.beliefs.policy_gain(points, point, contexts, shares)
    if mean <= _pessimism(engine) * sd:
        return Choice(point)
    return Choice(point, points)


def _tried(engine: Recommender, points: Floats) -> Floats:
    """Those within the range of what was tried, for a surrogate that is as sure beyond it as within."""
    if isinstance(engine.beliefs.surrogate, GaussianProcess):
        return points
    tried = np.vstack([engine.base, engine.space.to_units([window.params for window in engine.windows])])
    return np.asarray(points[np.all((points >= tried.min(axis=0)) & (points <= tried.max(axis=0)), axis=1)])


def _pessimism(engine: Recommender) -> float:
    """Old windows tell of a world that may be gone: what only they praise is not to stand."""
    return engine.settings.pessimism_changed if engine.old_count else engine.settings.pessimism


def _worth(engine: Recommender, points: Floats, contexts: Floats, shares: Floats) -> Floats:
    beliefs, settings = engine.beliefs, engine.settings
    mean, sd = beliefs.gain(points, engine.base, contexts, shares)
    change = settings.change_cost_ratio * abs(beliefs.level(engine.base, contexts, shares))
    value = mean - _pessimism(engine) * sd - change * np.abs(points - engine.base).mean(axis=1)
    if engine.guardrails:
        prob = np.maximum(
            beliefs.guard_prob(points, beliefs.contexts, beliefs.shares),
            beliefs.no_worse_prob(points, engine.base, beliefs.contexts, beliefs.shares),
        )
        stands = np.all(np.abs(points - engine.base) < 1e-9, axis=1)
        value = np.where((prob >= settings.guard_prob) | stands, value, -np.inf)
    return np.asarray(value)

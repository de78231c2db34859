"""A recommendation's numbers: the believed difference to the incumbent as a ratio, its interval, its confidence.

On a linear scale the ratio is difference / |incumbent's level|; on a log scale 1 - exp(-d); for rates the means of
both on their own scale, with the slope at the setting. Both are corrected by what validated pairs have shown so far
(`calibration`), and the rest is `shrinkage`: mean, 90 % interval, and the confidence, which is P(difference > 0).
A setting for each context is the best of many once for each, so that luck is chosen oftener: such a claim is lower by
`POLICY_SHIFT` (seeds 2001 to 2008 of `victor-sim optimize`: 166 of them lay .51 sd too high, 134 of one setting on
cliff, heavy_tails and llm .19). Below `confidence_min`, or with nothing to gain, it abstains.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from sim.intelligence import transforms
from sim.intelligence.protocol import CI_RATIO, Recommendation
from sim.intelligence.shrinkage import shrink
from sim.intelligence.space import Floats

if TYPE_CHECKING:
    from sim.intelligence.choosing import Choice
    from sim.intelligence.engine import Recommender

LEVEL_MIN = 1e-9
POLICY_SHIFT = -0.4  # believed sd


def abstaining(incumbent: Mapping[str, float], reason: str, confidence: float = 0.0) -> Recommendation:
    """The incumbent stays."""
    return Recommendation(dict(incumbent), 0.0, 0.0, 0.0, confidence, reason)


def claim(engine: Recommender, choice: Choice, contexts: Floats, shares: Floats) -> Recommendation:
    """What is claimed for a choice, or why nothing is."""
    params = engine.space.to_params(choice.point)
    by_context = tuple(
        (engine.beliefs.scale.named(context), engine.space.to_params(point))
        for context, point in zip(contexts, choice.by_context, strict=False)
    )
    mean, sd = ratio_of(engine, choice, contexts, shares)
    known = engine.calibration
    shift = known.shift + (POLICY_SHIFT if by_context else 0.0)
    found = shrink(mean + shift * sd, known.scale * sd, CI_RATIO)
    confidence = found.positive_prob
    region = engine.region
    low, high = engine.space.to_params(region.low), engine.space.to_params(region.high)
    box = {name: (low[name], high[name]) for name in engine.space.names}
    if found.mean <= 0.0 or (params == engine.incumbent and not by_context):
        return abstaining(engine.incumbent, "nothing in the trust region is believed to be better", confidence)
    if confidence < engine.settings.confidence_min:
        reason = f"confidence {confidence:.3f} below {engine.settings.confidence_min:g}"
        return abstaining(engine.incumbent, reason, confidence)
    return Recommendation(
        params, found.mean, found.ci_low, found.ci_high, confidence, by_context=by_context, trust_region=box
    )


def ratio_of(engine: Recommender, choice: Choice, contexts: Floats, shares: Floats) -> tuple[float, float]:
    """Mean and sd of the improvement over the incumbent as a ratio of its value, positive when better."""
    beliefs, target, space = engine.beliefs, engine.objective, engine.space
    points = choice.by_context if len(choice.by_context) else choice.point[None, :]
    snapped = np.array([space.to_unit(space.to_params(point)) for point in points])
    if len(choice.by_context):
        mean, sd = beliefs.policy_gain(snapped, engine.base, contexts, shares)
    else:
        means, sds = beliefs.gain(snapped, engine.base, contexts, shares)
        mean, sd = float(means[0]), float(sds[0])
    if target in transforms.LOG:
        return 1.0 - float(np.exp(-mean)), float(np.exp(-mean)) * sd
    here = beliefs.level(engine.base, contexts, shares)
    if target in transforms.RATES:
        sign = transforms.sign_of(target)
        old, new = transforms.backward(target, np.array([here, here + sign * mean]))
        level = max(float(old), LEVEL_MIN)
        steep = float(transforms.slope(target, np.array([here + 0.5 * sign * mean]))[0])
        return sign * float(new - old) / level, steep * sd / level
    level = max(abs(here), LEVEL_MIN)
    return mean / level, sd / level

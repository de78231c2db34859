"""One method on one surface with one seed: windows asked for and told, recommendations held against the truth.

Every `EVERY` windows the method is asked what should stand; its claim and the truth of it go into the record, in % of
the incumbent's true utility over all contexts, under the law of the last window told, also where another law begins
with the next: that nobody can know. The record is plain data (JSON), equal for
equal draws but for `cpu`, the CPU seconds of asks and recommendations.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from sim.bench.optimize.methods import make_method
from sim.bench.optimize.problem import WINDOW_S, AskTell, context_named, named, point_of, problem_of, window_of
from sim.bench.optimize.proved import Pair, Proof, Proved
from sim.bench.optimize.weighed import randomized_importance
from sim.contracts import Draws
from sim.intelligence.protocol import Recommendation, Window
from sim.intelligence.verifier import Verdict
from sim.registry import lookup
from sim.runtime.draws import CounterDraws
from sim.world.surfaces.outcomes import lost, run_window
from sim.world.surfaces.surface import UTILITY, Point, Surface

EVERY, FIRST = 10, 20  # windows between two recommendations, and until the first
PERCENT = 100.0
PROOF_FROM = 1 << 20  # windows of proofs, apart from those that are asked for
PROOF_PAIRS_MAX = 1 << 12
SAME_CONTEXT = 1e-6  # contexts are told back from the scale on which they were learned


@dataclass(frozen=True, slots=True)
class Claim:
    """A recommendation and its truth; improvements in % of the incumbent, confidence a ratio, NaN where not stated."""

    window: int
    claimed: float
    ci_low: float
    ci_high: float
    confidence: float
    applied: bool
    true: float
    utility: float  # true points of what stands
    error_rate: float  # true
    reason: str
    stated: bool  # it recommends a change, whatever became of it
    verdict: str = ""  # of the proof, if there was one
    verified: float = math.nan  # improvement that the proof saw, %
    pairs: int = 0


def run_trial(name: str, method: str, seed: int, windows: int, tasks: int) -> dict[str, Any]:
    """The record of one trial."""
    surface: Surface = lookup("surface", name)()
    draws = CounterDraws(seed, 0)
    agent = make_method(method, problem_of(surface, draws))
    for window in range(surface.log_windows):
        context = surface.context_of(draws, window)
        point = surface.operator(draws, window, context)
        outcomes = run_window(surface, draws, window, point, tasks)
        agent.tell(window_of(outcomes, 1.0, "log", (window - surface.log_windows) * WINDOW_S))
    claims, asked, asks_s, recommends_s = [], [], [], []
    stood_after = math.nan
    for window in range(windows):
        entity = window + surface.log_windows
        context = surface.context_of(draws, entity)
        began = time.process_time()
        proposal = agent.ask(context_named(context))
        asks_s.append(time.process_time() - began)
        point = point_of(proposal.params)
        true = surface.means(np.array([point, surface.incumbent]), context, window)[UTILITY]
        asked.append((float(true[0]), float(true[1])))
        if not lost(surface, draws, entity):
            # the law goes by the window, the draws by the entity
            outcomes = run_window(surface, draws, entity, point, tasks, context, law_window=window)
            agent.tell(window_of(outcomes, proposal.propensity, proposal.arm, window * WINDOW_S))
        if (window + 1) % EVERY == 0 and window + 1 >= FIRST:
            began = time.process_time()
            claim = judged(surface, agent, window + 1, _pairs(surface, draws, window + 1, tasks))
            recommends_s.append(time.process_time() - began)
            claims.append(asdict(claim))
        if window + 1 == surface.changes_at:
            stood_after = worth(surface, agent.recommend(), surface.changed_by or window)[0]
    return {
        "surface": name,
        "method": method,
        "seed": seed,
        "claims": claims,
        "asked": asked,
        "weights": randomized_importance(surface, draws, tasks) if isinstance(agent, Proved) else {},
        "stood_after": stood_after,  # utility, after all change, of what stood before it
        "alarms": agent.alarms if isinstance(agent, Proved) else [],
        "cpu": {"ask_s": asks_s, "recommend_s": recommends_s},
    }


def _pairs(surface: Surface, draws: Draws, window: int, tasks: int) -> Pair:
    """Windows of a proof after a window: incumbent and candidate in one context, each with tasks of its own."""

    def pair(old: Mapping[str, float], new: Recommendation, number: int) -> tuple[Window, Window]:
        entity = PROOF_FROM + window * PROOF_PAIRS_MAX + number
        context = surface.context_of(draws, entity)
        points = (point_of(old), _for_context(new, context_named(context)))
        first, second = (
            run_window(surface, draws, entity, point, tasks, context, arm, window - 1)
            for arm, point in enumerate(points)
        )
        return window_of(first, 1.0, "incumbent", window * WINDOW_S), window_of(
            second, 1.0, "canary", window * WINDOW_S
        )

    return pair


def judged(surface: Surface, agent: AskTell, window: int, pair: Pair) -> Claim:
    """What should stand after a window, and what it is worth; proved first where the method proves."""
    said = agent.recommend()
    changes = bool(said.by_context) or dict(said.params) != named(surface.incumbent)
    stated = changes and not said.reason
    proof: Proof | None = None
    if stated and isinstance(agent, Proved):
        proof = agent.prove(said, pair)
    base = surface.truth(np.array([surface.incumbent]), window - 1)[UTILITY][0]
    utility, error_rate = worth(surface, said, window - 1)
    return Claim(
        window=window,
        claimed=PERCENT * said.improvement_ratio,
        ci_low=PERCENT * said.ci_low,
        ci_high=PERCENT * said.ci_high,
        confidence=said.confidence,
        applied=stated and (proof is None or proof.verdict == Verdict.PROMOTE.value),
        true=PERCENT * (utility - float(base)) / abs(float(base)),
        utility=utility,
        error_rate=error_rate,
        reason=said.reason,
        stated=stated,
        verdict="" if proof is None else proof.verdict,
        verified=math.nan if proof is None else PERCENT * proof.improvement_ratio,
        pairs=0 if proof is None else proof.pairs_count,
    )


def worth(surface: Surface, said: Recommendation, window: int) -> tuple[float, float]:
    """True utility and error rate of a recommendation over all contexts, its own setting in each where it has one."""
    utilities, errors = [], []
    for context in surface.contexts:
        point = _for_context(said, context_named(context))
        means = surface.means(np.array([point]), context, window)
        utilities.append(float(means[UTILITY][0]))
        errors.append(float(means["error_rate"][0]))
    return math.fsum(utilities) / len(utilities), math.fsum(errors) / len(errors)


def _for_context(said: Recommendation, context: dict[str, float]) -> Point:
    for met, params in said.by_context:
        if all(math.isclose(met[name], context[name], abs_tol=SAME_CONTEXT) for name in met):
            return point_of(params)
    return point_of(said.params)


__all__ = ["Claim", "judged", "named", "run_trial", "worth"]

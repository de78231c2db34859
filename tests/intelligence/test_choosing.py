"""What may be tried and what should stand: little is lost on the way, each context its own, guardrails kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from sim import MLOptimizer, OptimizationTarget
from sim.intelligence import choosing, claims
from sim.intelligence.engine import Recommender
from sim.intelligence.protocol import CI_RATIO, Guardrail, Recommendation, Window
from sim.intelligence.settings import SearchSettings
from sim.intelligence.shrinkage import shrink
from sim.runtime.virtual import VirtualRuntime
from tests.intelligence.rig import SPACE, START, draws, normals, sample_of, spread_params, window

Truth = Callable[[Mapping[str, float], float], float]


def two_kinds(params: Mapping[str, float], kind: float) -> float:
    """Easy tasks (-1) want a high temperature, hard ones (1) a low one."""
    unit = SPACE.to_unit(params)
    best = 0.45 - 0.3 * kind
    return 50.0 - 120.0 * float((unit[0] - best) ** 2) - 20.0 * float((unit[1] - 0.5) ** 2)


def cliff(params: Mapping[str, float], kind: float) -> float:
    """Rises with temperature up to a cliff at 1.2, where nearly everything is lost."""
    return 20.0 if params["temperature"] > 1.2 else 40.0 + 15.0 * params["temperature"]


def played(truth: Truth, windows: int, is_contextual: bool = False, seed: int = 3) -> tuple[Recommender, list[float]]:
    engine = Recommender(SPACE, START, draws(seed), "utility", (), SearchSettings(is_contextual=is_contextual))
    luck, lost = normals(5 + seed, windows), []
    for number in range(windows):
        kind = -1.0 if number % 2 else 1.0
        proposal = engine.ask({"kind": kind})
        true = truth(proposal.params, kind)
        lost.append(1.0 - true / truth(START, kind))
        seen = {"utility": true + luck[number]}
        engine.tell(Window(proposal.params, {"kind": kind}, 100, seen, {"utility": 100.0}, arm=proposal.arm))
    return engine, lost


def worth(said: Recommendation) -> float:
    by_kind = {round(context["kind"]): params for context, params in said.by_context}
    return sum(two_kinds(by_kind.get(kind, said.params), float(kind)) for kind in (-1, 1)) / 2.0


@pytest.mark.parametrize("seed", [3, 4, 5, 6])
def test_each_context_gets_a_setting_of_its_own_where_the_best_differ(seed: int) -> None:
    """The best are worth 50, what is tried goes toward them in steps that are safe."""
    one, own = (played(two_kinds, 40, kinds, seed)[0].recommend() for kinds in (False, True))
    assert one.by_context == ()
    assert len(own.by_context) == 2
    assert worth(own) > 45.0
    assert worth(one) < 41.0  # the best compromise has 39.2
    before = sum(two_kinds(START, kind) for kind in (-1.0, 1.0)) / 2.0
    assert own.ci_low < worth(own) / before - 1.0 < own.ci_high


@pytest.mark.parametrize(("truth", "is_contextual"), [(cliff, False), (two_kinds, True)])
def test_a_setting_for_each_context_is_claimed_lower_than_believed(truth: Truth, is_contextual: bool) -> None:
    """The best of many is chosen once for each context, and each time luck with it."""
    engine, _ = played(truth, 40, is_contextual)
    contexts, shares = engine.beliefs.contexts, engine.beliefs.shares
    choice = choosing.choice(engine, contexts, shares)
    assert choice is not None
    mean, sd = claims.ratio_of(engine, choice, contexts, shares)
    known = engine.calibration
    lower = known.shift + claims.POLICY_SHIFT * is_contextual
    said, wanted = engine.recommend(), shrink(mean + lower * sd, known.scale * sd, CI_RATIO)
    assert len(said.by_context) == 2 * is_contextual
    assert said.improvement_ratio == pytest.approx(wanted.mean, rel=1e-12) != 0.0
    assert (said.ci_low, said.ci_high) == pytest.approx((wanted.ci_low, wanted.ci_high), rel=1e-12)


def test_what_is_tried_seldom_loses_a_tenth_and_the_edge_of_a_cliff_is_found() -> None:
    """50.5 stands, 58 is the most below the edge."""
    engine, lost = played(cliff, 40)
    assert sum(each > 0.1 for each in lost) <= 3
    assert cliff(engine.recommend().params, 0.0) > 55.0


def test_where_the_incumbent_is_at_a_guardrail_only_what_is_surely_no_worse_may_stand() -> None:
    """Warmer gains and errs more, shorter only gains: 95 % below the bound is out of reach of the incumbent too."""
    engine = Recommender(SPACE, START, draws(3), "utility", (Guardrail("error_rate", maximum=0.05),))
    luck = normals(9, 80)
    for number in range(40):
        params = START if number % 3 == 0 else spread_params(number, draws(3))
        warm, short = (SPACE.to_unit(params) - engine.base) * (1.0, -1.0)
        p = 0.0497 + 0.1 * warm + 0.005 * luck[number]
        means = {"utility": 40.0 + 20.0 * warm + 20.0 * short + 0.3 * luck[40 + number], "error_rate": p}
        engine.tell(Window(params, {}, 2_000, means, {"utility": 200.0, "error_rate": p * (1.0 - p)}))
    beliefs = engine.beliefs
    at, z, shares = engine.base[None, :], beliefs.contexts, beliefs.shares
    assert 0.3 < float(beliefs.guard_prob(at, z, shares)[0]) < engine.settings.guard_prob
    point = choosing.best(engine, z, shares)
    assert point is not None
    warm, short = (point - engine.base) * (1.0, -1.0)
    assert warm <= 0.0 < short + warm
    one = point[None, :]
    kept, no_worse = beliefs.guard_prob(one, z, shares), beliefs.no_worse_prob(one, engine.base, z, shares)
    assert max(float(kept[0]), float(no_worse[0])) >= engine.settings.guard_prob
    warmer = engine.base[None, :] + [0.02, 0.0]
    assert float(beliefs.no_worse_prob(warmer, engine.base, z, shares)[0]) < 0.5
    assert float(beliefs.gain(warmer, engine.base, z, shares)[0][0]) > 0.0


def test_a_proposal_comes_before_the_first_training_and_learns_what_came_since() -> None:
    runtime = VirtualRuntime(wall_epoch_s=1e6)
    optimizer = MLOptimizer(runtime=runtime)
    target = OptimizationTarget.RESPONSE_TIME
    assert optimizer.propose("agent-1", target, {}) is None  # nothing is known of it, not even what it can set
    for number in range(20):
        params = START if number % 3 == 0 else spread_params(number, draws())
        assert runtime.run_task(optimizer.collect_metrics(sample_of(number, params, draws(), 1e6 - 100.0 + number)))
        proposal = optimizer.propose("agent-1", target, {})
        assert proposal is not None
        assert SPACE.contains(proposal.params)
    recommender = optimizer.mind("agent-1").recommender("response_time")
    assert recommender is not None
    assert recommender.beliefs.rows_count == 20


@pytest.mark.parametrize("kind", ["linear_regression", "random_forest", "gradient_boosting"])
def test_who_is_as_sure_beyond_what_was_tried_recommends_only_within(kind: str) -> None:
    """It rises up to the end of what was tried, and falls off a cliff after it."""
    engine = Recommender(SPACE, START, draws(3), "utility", (), SearchSettings(surrogate=kind))
    tried = [0.3 + 0.02 * number for number in range(31)]
    for temperature, value in zip(tried, normals(4, 31), strict=True):
        params = {**START, "temperature": temperature}
        engine.note(window(params, 40.0 + 20.0 * temperature + value))
    engine.learn(fully=True)
    said = engine.recommend()
    assert START["temperature"] <= said.params["temperature"] <= max(tried) + 1e-9

"""Every surrogate finds a known surface, states spreads that hold, and is the same again."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtri

from sim.intelligence.importance import importance
from sim.intelligence.rows import Rows
from sim.intelligence.space import Floats
from sim.intelligence.surrogates import choice
from sim.intelligence.surrogates.choice import KINDS, choose, make
from sim.intelligence.surrogates.trees import RandomForest
from tests.intelligence.rig import NOISE, draws, normals

SD = 0.2
CONTEXTS, SHARES = np.array([[-0.5], [0.5]]), np.array([0.5, 0.5])


def truth(x: Floats, z: Floats) -> Floats:
    return np.asarray(3.0 * x[:, 0] - 4.0 * (x[:, 1] - 0.4) ** 2 + 2.0 * z[:, 0] + x[:, 0] * z[:, 0])


def rows(count: int = 100, seed: int = 3) -> Rows:
    u = draws(seed).uniforms(NOISE, 0, count, 5)
    x, z = u[:, :3], u[:, 3:4] - 0.5
    return Rows(x, z, truth(x, z) + SD * ndtri(u[:, 4]), np.full(count, SD**2))


ERRORS = [("gp", 0.25), ("linear_regression", 0.25), ("random_forest", 0.9), ("gradient_boosting", 0.7)]


@pytest.mark.parametrize(("kind", "error"), ERRORS)
def test_differences_are_found_over_contexts(kind: str, error: float) -> None:
    surrogate = make(kind, draws())
    surrogate.fit(rows())
    x, base = draws(9).uniforms(NOISE, 500, 50, 3), np.array([0.5, 0.5, 0.5])
    mean, sd = surrogate.difference(x, base, CONTEXTS, SHARES)
    z = np.zeros((50, 1))
    true = truth(x, z) - truth(base[None, :], z[:1])
    assert float(np.sqrt(np.mean((mean - true) ** 2))) < error * float(true.std())
    assert np.all(sd > 0.0)


@pytest.mark.parametrize("kind", KINDS)
def test_ninety_percent_intervals_hold_in_about_ninety_percent(kind: str) -> None:
    inside = []
    for seed in range(12):
        surrogate = make(kind, draws())
        surrogate.fit(rows(60, seed))
        x, base = draws(77).uniforms(NOISE, 500, 20, 3), np.array([0.5, 0.5, 0.5])
        mean, sd = surrogate.difference(x, base, CONTEXTS, SHARES)
        z = np.zeros((20, 1))
        inside += (np.abs(mean - truth(x, z) + truth(base[None, :], z[:1])) <= 1.645 * sd).tolist()
    assert 0.8 <= float(np.mean(inside)) <= 1.0


def test_a_setting_does_not_differ_from_itself() -> None:
    base = np.array([0.5, 0.5, 0.5])
    for kind in KINDS:
        surrogate = make(kind, draws())
        surrogate.fit(rows())
        mean, sd = surrogate.difference(base[None, :], base, CONTEXTS, SHARES)
        assert abs(mean[0]) < 1e-9
        assert sd[0] < 1e-2


@pytest.mark.parametrize("old_count", [0, 10])
def test_the_gp_gradient_is_that_of_its_loss(old_count: int) -> None:
    from scipy.optimize import check_grad

    from sim.intelligence.surrogates.kernel import squares
    from sim.intelligence.surrogates.scales import Scales, loss

    seen = rows(25)
    scales = Scales.middle(3, 1, old_count > 0)
    now = (np.arange(25) >= old_count).astype(float)
    more = (scales, squares(np.hstack([seen.x, seen.z])), seen.y / seen.y.std(), seen.noise, now, 4.0)
    off = check_grad(lambda at: loss(at, *more)[0], lambda at: loss(at, *more)[1], scales.theta + 0.1)
    assert len(scales.theta) == (1 + 4) + (1 + 1) + (1 + 3) * (old_count > 0) + 1
    assert off < 1e-3


def test_what_was_learned_before_a_change_helps_where_it_still_holds() -> None:
    """The effect of one parameter turns round, the others stay: windows from before are worth having."""
    before, after = rows(60, 4), rows(12, 5)
    turned = Rows(after.x, after.z, after.y - 6.0 * after.x[:, 0], after.noise)
    both = Rows(
        *(np.concatenate([getattr(before, name), getattr(turned, name)]) for name in ("x", "z", "y", "noise")), 60
    )
    x, base, z = draws(9).uniforms(NOISE, 500, 50, 3), np.array([0.5, 0.5, 0.5]), np.zeros((50, 1))
    true = truth(x, z) - truth(base[None, :], z[:1]) - 6.0 * (x[:, 0] - 0.5)
    errors = {}
    for name, seen in (("both", both), ("new", turned), ("mixed", Rows(both.x, both.z, both.y, both.noise))):
        surrogate = make("gp", draws())
        surrogate.fit(seen)
        mean, _ = surrogate.difference(x, base, CONTEXTS, SHARES)
        errors[name] = float(np.sqrt(np.mean((mean - true) ** 2)))
    assert errors["both"] < 0.7 * errors["new"]
    assert errors["both"] < 0.5 * errors["mixed"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_contrast_of_two_settings_is_their_difference(kind: str) -> None:
    surrogate = make(kind, draws())
    surrogate.fit(rows())
    x, base = np.array([0.8, 0.2, 0.5]), np.array([0.5, 0.5, 0.5])
    mean, sd = surrogate.difference(x[None, :], base, CONTEXTS, SHARES)
    points = np.array([x, x, base, base])
    found = surrogate.contrast(points, np.vstack([CONTEXTS, CONTEXTS]), np.concatenate([SHARES, -SHARES]))
    assert found == pytest.approx((float(mean[0]), float(sd[0])), rel=1e-6)


def test_the_best_forecaster_is_chosen_by_its_log_score() -> None:
    best, scores = choose(rows(), draws())
    assert best in ("gp", "linear_regression")  # the truth is a quadratic
    assert [score.kind for score in scores] == list(KINDS)
    assert all(score.windows_count == 50 for score in scores)
    assert scores[0].lead_z == 0.0
    assert all((score.lead_z > 0.0) == (score.log_score > scores[0].log_score) for score in scores[1:])


@pytest.mark.parametrize(("lead", "best"), [(0.1, "gp"), (1.0, "random_forest")])
def test_the_process_yields_only_to_what_forecasts_surely_better(
    lead: float, best: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fifty forecasts whose log densities are apart by a sd of 1: a mean of .1 is luck, one of 1 is not."""
    luck = np.array(normals(5, 50))
    ahead = {"gp": np.zeros(50), "linear_regression": luck - luck.mean() + 0.5 * lead}
    ahead["random_forest"] = luck - luck.mean() + lead
    ahead["gradient_boosting"] = luck - luck.mean() - lead
    monkeypatch.setattr(choice, "forecasts", lambda kind, rows, draws: (ahead[kind], np.ones(50)))
    found, scores = choose(rows(), draws())
    assert found == best
    assert [score.lead_z for score in scores][2] == pytest.approx(lead * 49**0.5 / float(luck.std()))


@pytest.mark.parametrize("kind", ["random_forest", "gradient_boosting"])
def test_trees_that_agree_by_chance_are_not_sure(kind: str) -> None:
    """Forty logs of noise alone: the best of 200 settings seems to gain one sd or so, where nothing is to be gained."""
    apart = []
    for seed in range(1, 41):
        u = draws(seed).uniforms(NOISE, 0, 240, 4)
        surrogate = make(kind, draws(seed))
        surrogate.fit(Rows(u[:40, :3], np.zeros((40, 0)), np.array(normals(seed, 40)), np.ones(40)))
        mean, sd = surrogate.difference(u[40:, :3], np.full(3, 0.5), np.zeros((1, 0)), np.ones(1))
        best = int(np.argmax(mean))
        apart.append(abs(float(mean[best])) / float(sd[best]))
    assert np.mean(apart) < 1.5


def test_what_does_not_matter_has_no_importance() -> None:
    found = importance(rows(), ("a", "b", "c"), draws())
    assert found["a"] > found["b"] > found["c"]
    assert found["c"] < 0.02
    assert importance(rows(9), ("a", "b", "c"), draws()) == {"a": 0.0, "b": 0.0, "c": 0.0}


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_draws_give_the_same_bytes(kind: str) -> None:
    found = []
    for _ in range(2):
        surrogate = make(kind, draws(4))
        surrogate.fit(rows())
        found.append(surrogate.predict(rows().x, rows().z)[0].tobytes())
    assert found[0] == found[1]


def test_unchecked_trees_are_the_checked_ones() -> None:
    forest, seen = RandomForest(draws()), rows(40)
    inputs, weights = np.hstack([seen.x, seen.z]), draws(4).uniforms(NOISE, 0, 40)[:, 0]
    for seed in (1, 2, 3):
        ours, theirs = forest.make(seed), forest.make(seed)
        forest.teach(ours, inputs, seen.y, weights)
        theirs.fit(inputs, seen.y, sample_weight=weights)
        assert ours.tree_.node_count == theirs.tree_.node_count > 3
        assert np.array_equal(forest.one(ours, inputs), theirs.predict(inputs))

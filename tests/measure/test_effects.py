"""Factor effects against answers known by hand and by numpy's least squares; Holm over the whole sweep."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest
from scipy import stats

from sim.measure import effects as of
from sim.measure.compare import holm
from sim.measure.effects import Factorial, effects, factorial
from sim.measure.summary import PointSummary
from sim.measure.sweep import PAIRED_MAX, all_pairs, sweep_of
from tests.measure.chance import generator
from tests.measure.points import point


def cell(keys: dict[str, str], values: list[float], **more: list[float]) -> PointSummary:
    return point(",".join(f"{key}={value}" for key, value in keys.items()), keys, m=values, **more)


def two_by_two(per_cell: list[list[float]]) -> list[PointSummary]:
    keys = [{"a": a, "b": b} for a, b in product(("low", "high"), ("x", "y"))]
    return [cell(key, values) for key, values in zip(keys, per_cell, strict=True)]


def design_of(points: list[PointSummary]) -> Factorial:
    design = factorial(points)
    assert isinstance(design, Factorial), design
    return design


def test_two_by_two_by_hand() -> None:
    # means 1, 3, 5, 11: grand 5; a: -3, +3; b: -2, +2; together +1, -1, -1, +1; squares 36, 16, 4 of 56
    points = two_by_two([[0.0, 2.0], [2.0, 4.0], [4.0, 6.0], [10.0, 12.0]])
    found, shares, notes = effects(design_of(points), ["m"], 0.95)
    told = {effect.levels: effect.effect for effect in found}
    assert told == {
        (("a", "low"),): -3.0, (("a", "high"),): 3.0, (("b", "x"),): -2.0, (("b", "y"),): 2.0,
        (("a", "low"), ("b", "x")): 1.0, (("a", "low"), ("b", "y")): -1.0,
        (("a", "high"), ("b", "x")): -1.0, (("a", "high"), ("b", "y")): 1.0,
    }  # fmt: skip
    assert [(share.keys, share.ratio) for share in shares] == [
        (("a",), pytest.approx(36 / 56)), (("b",), pytest.approx(16 / 56)), (("a", "b"), pytest.approx(4 / 56)),
    ]  # fmt: skip
    assert notes == []
    assert all(effect.ci_low == effect.ci_high == effect.effect for effect in found), "the luck was common to all"
    assert all(effect.p_adjusted == 0.0 for effect in found)


def test_intervals_are_of_the_contrasts_replication_by_replication() -> None:
    rng = generator(3)
    points = two_by_two([(base + rng.normal(0.0, 0.3, 8)).tolist() for base in (1.0, 2.0, 2.0, 5.0)])
    found, _, _ = effects(design_of(points), ["m"], 0.9)
    y = np.stack([one.per_replication["m"] for one in points])
    each = (y[2] + y[3] - y[0] - y[1]) / 4  # of a=high
    effect = next(effect for effect in found if effect.levels == (("a", "high"),))
    test = stats.ttest_1samp(each, 0.0)
    interval = test.confidence_interval(1 - 0.1 / 8)  # eight effects at once
    assert effect.effect == pytest.approx(float(each.mean()))
    assert (effect.ci_low, effect.ci_high) == pytest.approx((interval.low, interval.high), rel=1e-9)
    assert effect.p_value == pytest.approx(float(test.pvalue), rel=1e-9)
    assert [one.p_adjusted for one in found] == holm([one.p_value for one in found])


def test_effects_and_shares_are_those_of_least_squares() -> None:
    """Three factors of 3, 2 and 2 levels: sums of squares by the drop in residuals of nested fits."""
    rng = generator(8)
    cells = [{"a": a, "b": b, "c": c} for a, b, c in product("123", "xy", "uv")]
    points = [cell(keys, rng.normal(5.0, 2.0, 4).tolist()) for keys in cells]
    design = design_of(points)
    found, shares, _ = effects(design, ["m"], 0.95)
    means = np.array([one.estimates["m"].mean for one in points])
    columns = {term: np.stack([design.weights(levels) for levels in design.levels(term)]).T for term in design.terms()}
    total = float(np.sum((means - means.mean()) ** 2))
    for term, matrix in columns.items():
        fitted = matrix @ np.linalg.lstsq(matrix, means, rcond=None)[0]
        share = next(share for share in shares if share.keys == term)
        assert share.ratio == pytest.approx(float(np.sum(fitted**2)) / total)
        for levels in design.levels(term):
            here = [all(one.keys[key] == value for key, value in levels) for one in points]
            effect = next(effect for effect in found if effect.levels == levels)
            assert effect.effect == pytest.approx(float(fitted[here].mean()))
    assert sum(share.ratio for share in shares) == pytest.approx(1.0)
    assert shares[-1].keys == ()
    assert len(found) == 3 + 2 + 2 + 6 + 6 + 4


def test_quantiles_are_centered_at_the_pooled_ones() -> None:
    values = [[4.0, 6.0], [5.0, 7.0], [6.0, 8.0], [9.0, 13.0]]
    cells = [{"a": a, "b": b} for a, b in product("12", "xy")]
    pooled = (5.5, 6.5, 7.5, 12.5)
    points = [
        point(f"{n}", keys, pooled={"sojourn_s_p99": center}, sojourn_s_p99=column)
        for n, (keys, column, center) in enumerate(zip(cells, values, pooled, strict=True))
    ]
    found, _, _ = effects(design_of(points), ["sojourn_s_p99"], 0.95)
    assert found[1].levels == (("a", "2"),)
    assert found[1].effect == pytest.approx((7.5 + 12.5 - 5.5 - 6.5) / 4)
    assert found[1].unit == "s"


def test_what_rounding_leaves_is_no_effect() -> None:
    """Factor b does nothing, to the last bit, and values are no binary fractions: b's effects are exactly zero."""
    cells = [{"a": a, "b": b} for a, b in product("123", "vwxyz")]
    column = {"1": [0.1, 0.7], "2": [0.3, 1.1], "3": [1.7, 0.9]}
    found, shares, _ = effects(design_of([cell(keys, column[keys["a"]]) for keys in cells]), ["m"], 0.95)
    of_b = [effect for effect in found if any(key == "b" for key, _ in effect.levels)]
    assert len(of_b) == 5 + 15
    assert all((effect.effect, effect.p_value) == (0.0, 1.0) for effect in of_b)
    assert [share.ratio for share in shares] == pytest.approx([1.0, 0.0, 0.0])


def test_what_is_not_full_or_not_valid_has_no_effects() -> None:
    points = two_by_two([[1.0, 2.0]] * 4)
    assert factorial(points[:3]) == "the sweep is not full"
    assert factorial(points[:2]) == "fewer than two keys were swept"
    points[1].valid = False
    assert factorial(points) == "not VALID: a=low,b=y"
    points = two_by_two([[1.0, 2.0], [1.0, 2.0], [1.0, 2.0], [1.0, 2.0, 3.0]])
    assert effects(design_of(points), ["m"], 0.95) == (
        [], [], ["no effects on m: not every point has it in as many replications"],
    )  # fmt: skip


def test_interactions_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    points = two_by_two([[0.0, 2.0], [2.0, 4.0], [4.0, 6.0], [10.0, 12.0]])
    monkeypatch.setattr(of, "LEVELS_MAX", 7)
    found, _, notes = effects(design_of(points), ["m"], 0.95)
    assert [len(effect.levels) for effect in found] == [1, 1, 1, 1]
    assert notes == ["m: interactions are left out, above 7 effects"]


def test_pairs_are_one_family_over_all_points_and_metrics() -> None:
    rng = generator(11)
    base = rng.normal(10.0, 1.0, 10)
    points = [
        cell({"a": a, "b": b}, (base + shift + rng.normal(0, 0.2, 10)).tolist(), cost=rng.normal(3, 1, 10).tolist())
        for (a, b), shift in zip(product("12", "xy"), (0.0, 0.1, 0.3, 2.0), strict=True)
    ]
    found = sweep_of(points, ["m", "cost", "not there"], 0.95)
    assert found is not None
    assert found.metrics == ("m", "cost")
    assert len(found.pairs) == 2 * 6
    raw = [
        float(stats.ttest_rel(one.per_replication[metric], other.per_replication[metric]).pvalue)
        for metric in ("m", "cost")
        for one, other in combinations(points, 2)
    ]
    assert [pair.p_value for pair in found.pairs] == pytest.approx(raw)
    assert [pair.p_adjusted for pair in found.pairs] == pytest.approx(holm(raw))
    first = found.pairs[0]
    interval = stats.ttest_rel(points[0].per_replication["m"], points[1].per_replication["m"])
    wide = interval.confidence_interval(1 - 0.05 / 12)
    assert (first.ci_low, first.ci_high) == pytest.approx((wide.low, wide.high))
    assert {effect.metric for effect in found.effects} == {"m", "cost"}
    assert [one.p_adjusted for one in found.effects] == pytest.approx(holm([one.p_value for one in found.effects]))


def test_a_null_sweep_rejects_as_seldom_as_it_says() -> None:
    """300 sweeps of 2 x 3 points that are all alike: any pair, or effect, is called apart in at most 5 % of them."""
    rng = generator(29)
    wrong = np.zeros(2, dtype=int)
    for _ in range(300):
        luck = rng.normal(0.0, 1.0, 6)
        cells = [{"a": a, "b": b} for a, b in product("12", "xyz")]
        points = [cell(keys, (luck + rng.normal(0.0, 1.0, 6)).tolist()) for keys in cells]
        found = sweep_of(points, ["m"], 0.95)
        assert found is not None
        wrong += [any(one.p_adjusted <= 0.05 for one in family) for family in (found.pairs, found.effects)]
    highest = stats.binom.ppf(0.9999, 300, 0.05)
    assert np.all(wrong <= highest), f"seed 29: {wrong} of 300, at most {highest}"
    assert wrong.sum() > 0, "a family that never errs is not held to its level"


def test_pairs_are_bounded_and_what_is_left_out_is_said() -> None:
    points = [cell({"a": str(n)}, [1.0, 2.0 + n]) for n in range(PAIRED_MAX + 1)]
    assert len(all_pairs(points[:PAIRED_MAX], ["m"], 0.95)) == PAIRED_MAX * (PAIRED_MAX - 1) // 2
    found = sweep_of(points, ["m"], 0.95)
    assert found is not None
    assert found.pairs == ()
    assert found.notes == ("pairs are left out: 101 points are above 100",
                           "no factor effects: fewer than two keys were swept")  # fmt: skip
    assert sweep_of(points[:1], ["m"], 0.95) is None


def test_a_metric_that_never_differs_has_no_shares() -> None:
    found, shares, notes = effects(design_of(two_by_two([[2.0, 2.0]] * 4)), ["m"], 0.95)
    assert {effect.effect for effect in found} == {0.0}
    assert (shares, notes) == ([], [])

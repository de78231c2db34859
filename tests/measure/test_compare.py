"""Paired comparisons and verdicts against scipy and examples worked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from sim.measure.compare import compare_points, groups_of, holm, paired, paired_values
from sim.measure.verdict import judge, separable
from tests.measure.chance import generator
from tests.measure.points import point


def test_holm_by_hand() -> None:
    # sorted .005 .01 .03 .04: x4 = .02, x3 = .03, x2 = .06, x1 = .04 -> .06 by monotony
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([0.02]) == [0.02]
    assert holm([]) == []


def test_a_paired_difference_is_scipys_paired_t_test() -> None:
    rng = generator(4)
    base = rng.normal(10.0, 3.0, 12)
    other = base + rng.normal(0.4, 0.5, 12)
    points = [point("a", wait_s_mean=base.tolist()), point("b", wait_s_mean=other.tolist())]
    (row,) = compare_points(points, "a", "balancer")
    test = stats.ttest_rel(other, base)
    interval = test.confidence_interval(0.95)
    assert (row.point, row.baseline, row.metric, row.unit) == ("b", "a", "wait_s_mean", "s")
    assert row.difference == pytest.approx(float(np.mean(other - base)))
    assert row.p_value == pytest.approx(float(test.pvalue), rel=1e-9)
    assert row.p_adjusted == row.p_value
    assert (row.ci_low, row.ci_high) == pytest.approx((interval.low, interval.high), rel=1e-9)
    assert row.relative_ratio == pytest.approx(row.difference / base.mean())


def test_pairing_finds_what_independent_runs_would_not() -> None:
    rng = generator(5)
    base = rng.normal(10.0, 3.0, 10)
    other = base + rng.normal(0.2, 0.05, 10)
    (row,) = compare_points([point("a", m=base.tolist()), point("b", m=other.tolist())], "a", "balancer")
    assert row.p_value < 1e-5
    assert float(stats.ttest_ind(other, base).pvalue) > 0.5


def test_quantiles_are_centered_at_the_pooled_difference() -> None:
    ours, theirs = [5.0, 6.0, 9.0], [4.0, 4.0, 4.0]
    points = [
        point("a", pooled={"sojourn_s_p99": 4.5}, sojourn_s_p99=theirs),
        point("b", pooled={"sojourn_s_p99": 7.0}, sojourn_s_p99=ours),
    ]
    (row,) = compare_points(points, "a", "balancer")
    spread = math.sqrt(((1 - 2.5) ** 2 + (2 - 2.5) ** 2 + (5 - 2.5) ** 2) / 2 / 3)
    assert row.difference == 2.5
    assert row.ci_high - 2.5 == pytest.approx(float(stats.t.ppf(0.975, 2)) * spread)
    assert row.p_value == pytest.approx(2.0 * float(stats.t.sf(2.5 / spread, 2)))


def test_intervals_are_simultaneous_and_p_values_adjusted_within_a_group() -> None:
    rng = generator(6)
    base = rng.normal(0.0, 1.0, 8)
    shifts = {"b": 0.5, "c": 1.0, "d": 2.0}
    points = [point("a", m=base.tolist())]
    points += [point(name, m=(base + rng.normal(by, 0.5, 8)).tolist()) for name, by in shifts.items()]
    rows = compare_points(points, "a", "balancer", ["m"], 0.9)
    assert [row.point for row in rows] == ["b", "c", "d"]
    assert [row.p_adjusted for row in rows] == holm([row.p_value for row in rows])
    for row, other in zip(rows, points[1:], strict=True):
        differences = other.per_replication["m"] - base
        half = float(stats.t.isf(0.1 / 3 / 2, 7)) * float(stats.sem(differences))
        assert (row.ci_high - row.ci_low) / 2 == pytest.approx(half)


def test_the_same_twice_is_exactly_no_difference() -> None:
    values = generator(7).normal(5.0, 2.0, 10).tolist()
    metrics = {"wait_s_mean": values, "sojourn_s_p99": values, "success_ratio": [1.0] * 10}
    rows = compare_points([point("a", **metrics), point("b", **metrics)], "a", "balancer")
    assert len(rows) == 3
    for row in rows:
        assert (row.difference, row.ci_low, row.ci_high, row.relative_ratio) == (0.0, 0.0, 0.0, 0.0)
        assert row.p_value == row.p_adjusted == 1.0


def test_a_difference_without_spread_is_certain() -> None:
    rows = compare_points([point("a", cost=[0.0, 0.0]), point("b", cost=[3.0, 3.0])], "a", "balancer")
    assert (rows[0].difference, rows[0].ci_low, rows[0].ci_high, rows[0].p_value) == (3.0, 3.0, 3.0, 0.0)
    assert rows[0].relative_ratio == math.inf


def test_one_replication_is_no_evidence() -> None:
    (row,) = compare_points([point("a", m=[1.0]), point("b", m=[2.0])], "a", "balancer")
    assert (row.difference, row.p_value) == (1.0, 1.0)
    assert math.isnan(row.ci_low)


def test_only_what_differs_in_the_compared_key_alone_is_compared() -> None:
    points = [
        point(f"{b}-{load}", {"balancer": b, "load": load}, m=[1.0 * i, 2.0 * i, 2.5 * i])
        for i, (b, load) in enumerate([("a", "low"), ("b", "low"), ("a", "high"), ("b", "high"), ("c", "mid")])
    ]
    rows = compare_points(points, "a", "balancer")
    assert [(row.point, row.baseline) for row in rows] == [("b-low", "a-low"), ("b-high", "a-high")]
    assert [len(members) for members in groups_of(points, "balancer").values()] == [2, 2, 1]
    assert compare_points(points, None, "balancer") == []


def test_invalid_points_and_missing_metrics_are_not_compared() -> None:
    base, bad = point("a", m=[1.0, 2.0], n=[1.0, 1.0]), point("b", valid=False, m=[3.0, 4.0])
    other = point("c", m=[5.0, 6.5])
    rows = compare_points([base, bad, other], "a", "balancer", ["m", "n"])
    assert [(row.point, row.metric) for row in rows] == [("c", "m")]
    assert compare_points([point("a", valid=False, m=[1.0, 2.0]), other], "a", "balancer") == []


def test_replications_pair_as_far_as_both_go() -> None:
    longer, shorter = point("b", m=[1.0, 3.0, 30.0]), point("a", m=[1.0, 2.0])
    assert paired(longer, shorter, "m") == paired(point("b", m=[1.0, 3.0]), shorter, "m")
    assert paired(longer, shorter, "m").center == 0.5
    with pytest.raises(ValueError, match="at least one replication of both"):
        paired_values(np.array([1.0]), np.array([]))


def test_under_no_difference_a_family_errs_as_seldom_as_it_says() -> None:
    """Four points of equal mean, common noise: any Holm rejection at .05 in at most 5 % of 2,000 families."""
    rng = generator(8)
    families, wrong, covered = 2000, 0, 0
    for _ in range(families):
        common = rng.normal(0.0, 2.0, 10)
        points = [point(name, m=(common + rng.normal(0.0, 1.0, 10)).tolist()) for name in "abcd"]
        rows = compare_points(points, "a", "balancer")
        wrong += any(row.p_adjusted <= 0.05 for row in rows)
        covered += all(row.ci_low <= 0.0 <= row.ci_high for row in rows)
    assert wrong <= stats.binom.isf(1e-6, families, 0.05), "seed 8"
    assert covered >= stats.binom.ppf(1e-6, families, 0.95), "seed 8"


def spread(mean: float, by: float = 0.01) -> list[float]:
    """Ten values about a mean, in a pattern of its own."""
    pattern = np.sin(np.arange(10) * (1.0 + mean))
    return (mean + by * (pattern - pattern.mean())).tolist()


def test_a_clear_winner_is_named() -> None:
    points = [point("a", m=spread(2.0)), point("b", m=spread(1.0)), point("c", m=spread(3.0))]
    (verdict,) = judge(points, "m", "balancer")
    assert (verdict.best, verdict.not_separable, verdict.excluded, verdict.invalid) == ("b", [], [], [])
    low, high = points[1].estimates["m"].ci_low, points[1].estimates["m"].ci_high
    assert verdict.text == (
        f"b has the lowest m (1, 95 % CI {low:.4g} to {high:.4g}); it is the best with 95 % family confidence"
    )
    assert verdict.group == ""


def test_what_cannot_be_told_apart_is_said() -> None:
    points = [point("a", m=spread(1.0, 1.0)), point("b", m=spread(1.001, 1.0)), point("c", m=spread(9.0, 1.0))]
    (verdict,) = judge(points, "m", "balancer")
    assert (verdict.best, verdict.not_separable) == ("a", ["b"])
    assert verdict.text.endswith("; not separable from it: b")
    assert separable(points, "m", 0.95) == {("a", "c"), ("c", "a"), ("b", "c"), ("c", "b")}


def test_success_comes_first() -> None:
    points = [
        point("fast", sojourn_s_p99=spread(1.0), success_ratio=spread(0.8)),
        point("slow", sojourn_s_p99=spread(5.0), success_ratio=[1.0] * 10),
    ]
    (verdict,) = judge(points, "sojourn_s_p99", "balancer")
    assert (verdict.best, verdict.excluded) == ("slow", ["fast"])
    assert "slow has the lowest sojourn_s_p99 (5 s, 95 % CI" in verdict.text
    end = "no other point is left to be named; left out (success_ratio separably below the highest): fast"
    assert verdict.text.endswith(end)


def test_larger_is_better_where_it_is() -> None:
    points = [point("a", goodput_per_s=spread(3.0)), point("b", goodput_per_s=spread(4.0))]
    (verdict,) = judge(points, "goodput_per_s", "balancer", 0.99)
    assert verdict.best == "b"
    assert "b has the highest goodput_per_s (4 1/s, 99 % CI" in verdict.text
    assert verdict.confidence_ratio == 0.99


def test_invalid_and_unmeasured_points_are_never_best() -> None:
    points = [
        point("a", valid=False, m=spread(1.0)), point("b", n=spread(1.0)), point("c", m=spread(3.0)),
    ]  # fmt: skip
    (verdict,) = judge(points, "m", "balancer")
    assert (verdict.best, verdict.invalid) == ("c", ["a"])
    assert verdict.text.endswith("left out (INVALID, an audit failed): a; left out (m not reported): b")
    (none,) = judge(points[:2], "m", "balancer")
    assert none.best == ""
    assert none.text.startswith("no point can be named best in m; left out")


def test_one_verdict_a_group_and_none_for_a_single_point() -> None:
    points = [
        point(f"{b}-{load}", {"balancer": b, "load": load}, m=spread(mean))
        for b, load, mean in (("a", "low", 1.0), ("b", "low", 2.0), ("a", "high", 4.0), ("b", "high", 3.0))
    ]
    verdicts = judge([*points, point("x", {"balancer": "x", "load": "mid"}, m=spread(1.0))], "m", "balancer")
    assert [(v.group, v.best) for v in verdicts] == [("load=low", "a-low"), ("load=high", "b-high")]
    assert verdicts[1].text.startswith("load=high: b has the lowest m")


def test_with_one_replication_nothing_is_separable() -> None:
    (verdict,) = judge([point("a", m=[1.0]), point("b", m=[2.0])], "m", "balancer")
    assert (verdict.best, verdict.not_separable) == ("a", ["b"])
    assert verdict.text == "a has the lowest m (1); not separable from it: b"


def test_a_verdict_tells_which_points_did_not_come_back() -> None:
    """The objective alone says who loses least, and not that the fleet stays down."""
    drops = point("drops", success_ratio=[0.97, 0.96, 0.97], lost_ratio=[0.03, 0.04, 0.03], recovered_ratio=[1.0] * 3)
    mine = point("mine", success_ratio=[0.2, 0.21, 0.19], lost_ratio=[0.8, 0.79, 0.81], recovered_ratio=[0.0, 1.0, 0.0])
    (verdict,) = judge([mine, drops], "lost_ratio", "balancer")
    assert verdict.text.endswith("; back by itself after the faults: mine in 1 of 3 runs, drops in 3 of 3 runs")
    more = point("more", success_ratio=[0.9, 0.89, 0.9], lost_ratio=[0.1, 0.11, 0.1], recovered_ratio=[1.0] * 3)
    (silent,) = judge([drops, more], "lost_ratio", "balancer")
    assert "back by itself" not in silent.text

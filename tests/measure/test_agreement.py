"""Two seeds of one study: pairs that stay, turn round, or cannot be told."""

from __future__ import annotations

from sim.measure.agreement import Agreement, agreement
from sim.measure.summary import PointSummary
from sim.measure.verdict import judge
from tests.measure.points import point

METRIC = "sojourn_s_mean"


def _points(**means: list[float]) -> list[PointSummary]:
    return [point(name, sojourn_s_mean=values) for name, values in means.items()]


def _told(first: list[PointSummary], second: list[PointSummary]) -> Agreement:
    judged = [(points, judge(points, METRIC, "balancer")) for points in (first, second)]
    return agreement(judged[0], judged[1], METRIC, "balancer")


FAST, SLOW, SAME = [1.0, 1.1, 1.2, 1.0], [5.0, 5.2, 5.1, 5.3], [1.2, 0.9, 1.3, 0.9]


def test_the_same_order_holds() -> None:
    found = _told(_points(a=FAST, b=SLOW, c=SAME), _points(a=SAME, b=SLOW, c=FAST))
    assert (found.pairs_count, found.separated_first, found.separated_second) == (3, 2, 2)
    assert found.holds
    assert found.as_text() == "3 pairs, 2 and 2 separated, 0 reversed; the best is kept"


def test_a_reversed_pair_and_a_lost_best_are_named() -> None:
    found = _told(_points(a=FAST, b=SLOW), _points(a=SLOW, b=FAST))
    assert found.reversed_pairs == [("a", "b")]
    assert found.lost == ["a"]
    assert not found.holds
    assert found.as_text().splitlines() == [
        "1 pairs, 1 and 1 separated, 1 reversed; the best is lost",
        "reversed: a and b",
        "no longer among the best: a",
    ]


def test_points_that_only_one_has_or_that_are_invalid_make_no_pair() -> None:
    first = [*_points(a=FAST, b=SLOW), point("c", valid=False, sojourn_s_mean=SAME)]
    found = _told(first, _points(b=SLOW, c=SAME))
    assert found.pairs_count == 0
    assert found.lost == ["a"]

"""A/A: one strategy under two names gives exactly zero, and is told as one system under two names."""

from __future__ import annotations

import pytest

from sim.measure.compare import compare_points
from sim.measure.twins import told, twins
from sim.measure.verdict import judge
from tests.measure.points import point

ONE = {"sojourn_s_mean": [1.0, 1.5, 1.25], "sojourn_s_p99": [4.0, 4.5, 5.0]}
OTHER = {"sojourn_s_mean": [1.0, 1.5, 1.25], "sojourn_s_p99": [4.0, 4.5, 5.0 + 2**-50]}


def test_equal_to_the_last_bit_is_one_system() -> None:
    points = [point("a", **ONE), point("b", **OTHER), point("c", **ONE), point("d", **OTHER), point("e", **ONE)]
    assert twins(points) == [["a", "c", "e"], ["b", "d"]]
    assert twins(points[:2]) == []
    assert told(["a", "c"]) == "a and c are one system under two names (every figure is equal)"
    assert told(list("abcdef")) == "a, b, c, d, e and f are one system under 6 names (every figure is equal)"


def test_the_same_under_two_names_differs_by_exactly_zero_and_is_said_to_be_one() -> None:
    points = [point("a", **ONE), point("b", **ONE)]
    for comparison in compare_points(points, "a", "balancer"):
        assert (comparison.difference, comparison.ci_low, comparison.ci_high) == (0.0, 0.0, 0.0)
        assert (comparison.p_value, comparison.p_adjusted, comparison.relative_ratio) == (1.0, 1.0, 0.0)
    (verdict,) = judge(points, "sojourn_s_mean", "balancer")
    assert verdict.not_separable == ["b"]
    assert verdict.text.endswith("; a and b are one system under two names (every figure is equal)")
    (verdict,) = judge([points[0], point("b", **OTHER)], "sojourn_s_mean", "balancer")
    assert "one system" not in verdict.text


@pytest.mark.parametrize("valid", [True, False])
def test_what_is_not_valid_is_nobodys_twin(valid: bool) -> None:
    (verdict,) = judge([point("a", **ONE), point("b", valid=valid, **ONE)], "sojourn_s_mean", "balancer")
    assert ("one system" in verdict.text) == valid

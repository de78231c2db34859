"""Dominance with its doubts, labels that keep apart, spans and recovery, as plain numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sim.measure.summary import EpisodeSpan, FleetTimeline, PointSummary
from sim.report.front import Metrics, standings
from sim.report.labels import Box, place
from sim.report.spans import Span, closed, last_end_s, merged, natural, recovered_at
from tests.report.synthetic_fire import NAN, summary_of

METRICS = Metrics("cost", "sojourn_s_p99", 0.95)
SPREAD = np.array([-1.0, 0.4, 0.9, -0.6, 0.3])


def point(name: str, cost: float, value: float, noise: float = 0.01, own: int = 0) -> PointSummary:
    """A point with five replications; `own` turns its luck, so that pairs do not share it."""
    luck = np.roll(SPREAD, own)
    values = {"cost": cost + noise * luck, "sojourn_s_p99": value + noise * np.roll(luck, 1)}
    return summary_of("autoscaler", name, values, None, {})


def stands(points: list[PointSummary], excluded: frozenset[str] = frozenset()) -> dict[str, str]:
    """Standings by name."""
    found = standings(points, METRICS, excluded)
    return {one.keys["autoscaler"]: found[one.point] for one in points}


def test_the_front_is_what_none_beats_in_both() -> None:
    points = [point("cheap", 1, 9), point("middle", 2, 5, own=1), point("dear", 5, 2, own=2), point("bad", 3, 7, own=3)]
    assert stands(points) == {"cheap": "front", "middle": "front", "dear": "front", "bad": "dominated"}


def test_a_lead_that_is_not_separable_leaves_a_doubt() -> None:
    points = [point("best", 2.0, 5.0, own=1), point("rival", 3.0, 5.002, noise=0.5, own=2)]
    assert stands(points) == {"best": "front", "rival": "near"}


def test_the_same_cost_in_every_replication_is_no_doubt() -> None:
    points = [point("best", 2.0, 5.0), point("rival", 2.0, 7.0)]
    points[1].per_replication["sojourn_s_p99"] = points[1].per_replication["sojourn_s_p99"] + 0.01 * np.arange(5)
    assert stands(points) == {"best": "front", "rival": "dominated"}
    twins = [point("one", 2.0, 5.0), point("other", 2.0, 5.0)]
    assert stands(twins) == {"one": "front", "other": "front"}


def test_invalid_and_unsuccessful_points_are_never_on_the_front() -> None:
    points = [point("sheds", 0.1, 0.1), point("broken", 0.2, 0.2, own=1), point("sound", 3, 5, own=2)]
    points[1].valid = False
    assert stands(points, frozenset({"autoscaler=sheds"})) == {
        "sheds": "excluded", "broken": "excluded", "sound": "front",
    }  # fmt: skip


@pytest.mark.parametrize("count", [2, 6, 12])
def test_labels_in_a_crowd_keep_apart(count: int) -> None:
    anchors = [(200.0 + 5 * at, 150.0 + 2 * (at % 3)) for at in range(count)]
    markers = [Box(x - 4, y - 4, x + 4, y + 4) for x, y in anchors]
    inside = Box(0, 0, 400, 300)
    boxes = place(anchors, [(60.0, 11.0)] * count, markers, inside)
    for at, box in enumerate(boxes):
        assert box.shared(inside) == pytest.approx(box.area())
        assert all(box.shared(other) == 0 for other in [*markers, *boxes[:at]])


def test_a_label_at_the_edge_stays_inside() -> None:
    (box,) = place([(395.0, 295.0)], [(60.0, 11.0)], [], Box(0, 0, 400, 300))
    assert box.right <= 400
    assert box.top <= 300


def test_spans_are_joined_and_closed() -> None:
    spans = [Span(5, 6), Span(0, 2), Span(1, 3), Span(3, 4)]
    assert merged(spans) == (Span(0, 4), Span(5, 6))
    assert merged([]) == ()
    assert closed(3.0, NAN, 9.0) == Span(3.0, 9.0)
    assert closed(10.0, NAN, 9.0) == Span(10.0, 10.0)
    assert sorted(["node-10", "node-2", "b", "2"], key=natural) == ["2", "b", "node-2", "node-10"]


def line(goodput: list[float], *ends: float) -> FleetTimeline:
    """Bins of 10 s with faults that end at these instants."""
    bins = len(goodput)
    some = np.zeros(bins)
    episodes = [EpisodeSpan("pause", "", 0.0, end) for end in ends]
    return FleetTimeline(
        np.linspace(0, 10 * bins, bins + 1), some, np.array(goodput), some, some, some, some, episodes, []
    )


def test_recovery_is_the_first_bin_from_which_goodput_stays() -> None:
    assert recovered_at(line([1, 0.2, 0.96, 0.9, 0.95, 1], 12.0)) == 40.0
    assert recovered_at(line([1, 1, 1, 1], 12.0)) == 20.0
    assert recovered_at(line([1, 0.2, NAN, 0.97], 5.0)) == 30.0  # an empty bin proves nothing
    assert math.isnan(recovered_at(line([1, 0.2, 0.2, 0.2], 5.0)))
    assert math.isnan(recovered_at(line([1, 1], 5.0, NAN)))
    assert math.isnan(last_end_s(line([1, 1])))
    assert last_end_s(line([1, 1], 5.0, 3.0)) == 5.0

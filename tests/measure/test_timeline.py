"""The timeline of a run: bins by hand, samples that hold, spans by name."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from sim.measure.metrics import good_requests
from sim.measure.requests import requests_of
from sim.measure.summarize import PointFacts, summarize_point
from sim.measure.summary import EpisodeSpan, FleetTimeline, OutageSpan
from sim.measure.timeline import BINS_MAX, SPANS_MAX, fleet_timeline, held_mean
from sim.types.records import EpisodeTable, OutageTable, RunRecord
from tests.measure.fire import fire_run, series
from tests.measure.toy import NAN, attempts, nodes, random_run


def timeline_of(record: RunRecord) -> FleetTimeline:
    requests = requests_of(record.attempts)
    found = fleet_timeline(record, requests, good_requests(record.attempts, requests, None, ""))
    assert found is not None
    return found


def test_bins_and_spans_of_a_small_run() -> None:
    told = series(
        [0.0, 5.0], in_flight=[1, 3], waiting=[0, 2], nodes_starting=[0, 1], desired_nodes=[-1, 3], agents_ready=[3, 2]
    )
    found = timeline_of(replace(fire_run(), series=told))
    assert found.times.tolist() == pytest.approx((np.arange(31) / 3.0).tolist())
    assert found.offered_per_s[[0, 1, 3, 12]].tolist() == pytest.approx([3.0, 0.0, 3.0, 3.0])  # one at 4.0 in bin 12
    assert found.offered_per_s.sum() == pytest.approx(7 * 3.0)
    assert found.goodput_ratio[[0, 3, 25, 29]].tolist() == [1.0, 1.0, 0.0, 0.0]
    assert math.isnan(found.goodput_ratio[1])
    assert found.demand_agents[[0, 14, 15, 29]].tolist() == pytest.approx([1.0, 1.0, 5.0, 5.0])
    assert found.agents_ready is not None
    assert found.agents_ready[[14, 15]].tolist() == pytest.approx([3.0, 2.0])
    assert found.nodes_starting[[14, 15]].tolist() == pytest.approx([0.0, 1.0])
    assert found.nodes_ready.tolist() == pytest.approx([2.0] * 30)
    assert found.desired_nodes[[14, 15]].tolist() == pytest.approx([NAN, 3.0], nan_ok=True)
    assert found.episodes[1:] == [EpisodeSpan("slow", "node-1", 7.5, 8.0), EpisodeSpan("pause", "node-0", 10.5, 11.5)]
    assert found.outages == [
        OutageSpan("node-0", "health", 7.4, 9.0, True), OutageSpan("node-1", "breaker", 2.0, 3.0, False),
    ]  # fmt: skip


def test_without_samples_the_size_is_not_known_and_without_anything_there_is_no_timeline() -> None:
    record = replace(fire_run(), series=None, outages=None)
    found = timeline_of(record)
    assert np.isnan(found.nodes_ready).all()
    assert (found.agents_ready, found.outages) == (None, [])
    assert len(found.episodes) == 3
    plain = random_run(1)
    assert fleet_timeline(plain, requests_of(plain.attempts), np.zeros(200, dtype=np.bool_)) is None
    only_samples = timeline_of(replace(plain, series=series([0.0])))
    assert only_samples.episodes == []
    assert np.isnan(only_samples.desired_nodes).all()


def test_a_sample_holds_until_the_next() -> None:
    edges = np.array([0.0, 2.0, 4.0, 6.0])
    values = np.array([2, 6], dtype=np.int32)
    assert held_mean(np.array([0.0, 3.0]), values, edges).tolist() == pytest.approx([2.0, 4.0, 6.0])
    assert held_mean(np.array([3.0, 9.0]), values, edges).tolist() == pytest.approx([NAN, 2.0, 2.0], nan_ok=True)
    assert np.isnan(held_mean(np.array([]), values[:0], edges)).all()


def test_bins_and_spans_are_bounded() -> None:
    count = 20 * (BINS_MAX + 50)
    at = np.arange(count, dtype=np.float64)
    many = SPANS_MAX + 1
    where = np.full(many, -1, dtype=np.int32)
    when = np.arange(many, dtype=np.float64)
    record = RunRecord(
        attempts(arrived_at=at, finished_at=at), nodes(1), float(count), float(count), count,
        episodes=EpisodeTable(["overload"] * many, where, when, when + 1.0, when, when),
        outages=OutageTable(where, ["health"] * many, when, when + 1.0, np.ones(many, dtype=np.int8)),
    )  # fmt: skip
    found = timeline_of(record)
    assert len(found.offered_per_s) == BINS_MAX
    assert (len(found.episodes), len(found.outages)) == (SPANS_MAX, SPANS_MAX)
    assert found.episodes[-1] == EpisodeSpan("overload", "", SPANS_MAX - 1.0, float(SPANS_MAX))


def test_a_point_has_the_timeline_of_its_first_replication() -> None:
    summary = summarize_point("a", {}, [fire_run(), random_run(1)], PointFacts(cut_s=1.0))
    assert summary.timeline is not None
    assert [span.kind for span in summary.timeline.episodes] == ["crash", "slow", "pause"]
    assert "detection_s is not reported: 1 replications have none" in summary.notes
    assert summarize_point("b", {}, [random_run(1)], PointFacts(cut_s=1.0)).timeline is None

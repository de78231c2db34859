"""Metrics of runs under fire that can be worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sim.measure.incidents import goodput_ratios, incident_metrics, reversals
from sim.measure.metrics import good_requests, replication_metrics
from sim.measure.occupancy import busy_area_s, busy_steps, heat_map, ready_s
from sim.measure.requests import Requests, requests_of
from sim.types.records import OK, REJECTED, AgentSteps, EpisodeTable, RunRecord, ScaleSteps
from tests.measure.fire import fire_run, series
from tests.measure.toy import NAN, attempts, fleet_run, nodes


def found_in(record: RunRecord, cut_s: float = 0.0, slo_max_s: float | None = None) -> dict[str, float]:
    requests = requests_of(record.attempts)
    good = good_requests(record.attempts, requests, slo_max_s, "sojourn_s_p99")
    return incident_metrics(record, requests, good, cut_s)


def test_every_metric_under_fire() -> None:
    assert found_in(fire_run()) == {
        "lost_ratio": 1.0 - 4.0 / 7.0,
        "rejected_ratio": 0.0,
        "timed_out_ratio": 1.0 / 7.0,
        "shed_ratio": 1.0 / 7.0,
        "failed_ratio": 0.0,
        "detection_s": pytest.approx(0.4),
        "failover_s": pytest.approx(1.2),
        "detected_ratio": 1.0,  # the pause began after the horizon, slowness stops no node
        "goodput_ratio_min": 0.25,  # of the four that arrived in [5, 10) one was answered
        "false_outages_per_hour": 360.0,
        "nodes_mean": 2.0,
        "states_lost_count": 3.0,
    }


def test_general_metrics_under_fire() -> None:
    found = replication_metrics(fire_run(), 0.0, None, 1.0)
    assert found["sojourn_s_mean"] == pytest.approx((2.0 + 3.5 + 6.0 + 0.8) / 4.0)
    assert found["wait_s_mean"] == pytest.approx((0.0 + 2.5 + 5.0 + 0.3) / 4.0)  # until the attempt that answered
    assert found["attempts_per_request"] == 11.0 / 7.0
    # busy as the nodes saw it, up to 10: 2 + 3 + 2 + 1 and 3.3; ready: 10 less the crash of 1.5 s, and 20
    assert found["utilization_ratio"] == pytest.approx((8.0 + 3.3) / (8.5 + 20.0))
    assert found["node_hours"] == 20.0 / 3600.0
    assert found["lost_ratio"] == 1.0 - found["success_ratio"]


def test_the_window_leaves_out_what_began_before_it() -> None:
    found = found_in(fire_run(), 7.45)
    assert not {"detection_s", "failover_s", "detected_ratio"} & set(found)
    assert found["false_outages_per_hour"] == 0.0
    assert found["lost_ratio"] == 1.0
    assert "goodput_ratio_min" not in found  # no whole window of 5 s is left


def test_what_a_run_does_not_have_is_left_out() -> None:
    bare = replace(fire_run(), episodes=None, outages=None, series=None, counts={})
    assert set(found_in(bare)) == {"lost_ratio", "rejected_ratio", "timed_out_ratio", "shed_ratio", "failed_ratio"}
    plain = replace(bare, attempts=replace(bare.attempts, placed_at=None, left_at=None))
    assert found_in(plain) == {}
    nobody = RunRecord(attempts(arrived_at=[], finished_at=[], placed_at=[], left_at=[]), nodes(1), 10.0, 10.0, 0)
    assert found_in(replace(nobody, series=series([]))) == {}
    nothing = np.array([])
    none = EpisodeTable([], nothing.astype(np.int32), nothing, nothing, nothing, nothing)
    assert found_in(replace(nobody, episodes=none)) == {}


def load(failing: list[tuple[float, float]], struck: list[tuple[float, float]], horizon_s: float = 60.0) -> RunRecord:
    """40 requests a second of .01 s each; those that arrive in `failing` spans are refused; pauses at `struck`."""
    at = np.arange(0.0, horizon_s, 0.025)
    bad = np.zeros(len(at), dtype=np.bool_)
    for start, end in failing:
        bad |= (at >= start) & (at < end)
    status = np.where(bad, REJECTED, OK)
    pauses = EpisodeTable(
        ["pause"] * len(struck), np.zeros(len(struck), dtype=np.int32), np.array([began for began, _ in struck]),
        np.array([ended for _, ended in struck]), *(np.full(len(struck), NAN) for _ in range(2)),
    )  # fmt: skip
    table = attempts(arrived_at=at, finished_at=at + 0.01, status=status)
    return RunRecord(table, nodes(1), horizon_s, horizon_s, len(at), episodes=pauses)


@pytest.mark.parametrize(
    ("failing", "struck", "expected"),
    [
        ([(10.0, 20.0)], [(10.0, 20.0)], (0.0, 1.0, 0.0)),
        ([(10.0, 27.0)], [(10.0, 20.0)], (10.0, 1.0, 0.0)),
        ([(10.0, 27.0)], [(10.0, 21.0)], (10.0, 1.0, 0.0)),
        ([(10.0, 20.2)], [(10.0, 20.0)], (0.0, 1.0, 0.0)),  # 96 % of the first window
        ([(10.0, 20.3)], [(10.0, 20.0)], (5.0, 1.0, 0.0)),  # 94 %
        ([(10.0, 20.0), (40.0, 42.0)], [(10.0, 20.0)], (25.0, 1.0, 0.0)),  # down once more later on
        ([(10.0, 60.0)], [(10.0, 20.0)], (None, 0.0, 0.0)),
        ([], [(5.0, 6.0), (10.0, 12.0)], (0.0, 1.0, 1.0)),
        ([(10.0, 20.0)], [(10.0, NAN)], (None, None, 0.0)),  # still on
        ([(10.0, 20.0)], [(10.0, 56.0)], (None, None, 0.0)),  # no whole window is left
        ([], [(61.0, 62.0)], (None, None, 1.0)),  # after the horizon
    ],
)
def test_recovery(
    failing: list[tuple[float, float]], struck: list[tuple[float, float]], expected: tuple[float | None, ...]
) -> None:
    found = found_in(load(failing, struck))
    names = ("recovery_s", "recovered_ratio", "goodput_ratio_min")
    assert tuple(found.get(name) for name in names) == expected
    assert found.get("detected_ratio") == (0.0 if struck[0][0] < 60.0 else None)


def test_nothing_is_known_of_the_time_after_where_no_request_comes() -> None:
    record = load([], [(10.0, 20.0)])
    early = record.attempts.arrived_at < 15.0
    columns: dict[str, Any] = {name: getattr(record.attempts, name)[early] for name in ("arrived_at", "finished_at")}
    found = found_in(replace(record, attempts=attempts(**columns)))
    assert not {"recovery_s", "recovered_ratio"} & set(found)


def test_what_is_late_is_no_goodput() -> None:
    record = load([], [(5.0, 6.0)])
    assert found_in(record, slo_max_s=0.02)["goodput_ratio_min"] == 1.0
    assert found_in(record, slo_max_s=0.005)["goodput_ratio_min"] == 0.0


def test_goodput_counts_whole_windows_by_arrival() -> None:
    at = np.array([0.0, 1.0, 4.9, 5.0, 12.0, 19.0])
    row = np.zeros(6, dtype=np.intp)
    requests = Requests(at, at, row, row.astype(np.int8), row + 1)
    good = np.array([True, False, True, True, True, False])
    assert goodput_ratios(requests, good, 0.0, 19.5)[:2].tolist() == pytest.approx([2.0 / 3.0, 1.0])
    assert len(goodput_ratios(requests, good, 0.0, 19.5)) == 3
    assert goodput_ratios(requests, good, 6.5, 17.0).tolist() == pytest.approx([NAN, 1.0], nan_ok=True)


@pytest.mark.parametrize(
    ("values", "count"), [([], 0), ([3], 0), ([3, 3, 4, 5], 0), ([3, 4, 4, 3], 1), ([1, 2, 1, 2, 2, 1], 3)]
)
def test_reversals(values: list[int], count: int) -> None:
    assert reversals(np.array(values, dtype=np.int32)) == count


def test_nodes_in_service() -> None:
    sampled = series([0.0, 1.0, 2.0, 3.0], nodes_ready=[1, 2, 3, 4])
    assert found_in(replace(fire_run(), series=sampled))["nodes_mean"] == 2.5


@pytest.mark.parametrize(
    ("at", "wanted", "cut_s", "count"),
    [
        ([0.0, 1.0, 1.5, 2.0], [2, 4, 3, 5], 0.0, 2.0),  # all of them, however near to each other
        ([0.0, 1.0, 1.5, 2.0], [2, 4, 3, 5], 1.2, 1.0),  # 4 was wanted at the cut: 4, 3, 5
        ([0.0, 1.0, 1.5, 99.0], [2, 4, 3, 5], 0.0, 1.0),  # the last one is after the horizon
        ([0.0], [2], 0.0, 0.0),
    ],
)
def test_reversals_of_what_is_wanted(at: list[float], wanted: list[int], cut_s: float, count: float) -> None:
    steps = ScaleSteps(np.array(at), np.array(wanted, dtype=np.int32))
    found = found_in(replace(fire_run(), scale_steps=steps), cut_s)
    assert found["reversals_count"] == count
    assert "reversals_count" not in found_in(fire_run())


def test_agents_that_left_before_the_window_leave_no_rounding_behind() -> None:
    """Seven agents come and go one by one before 0.1: seven times 9.9 up and down is 3.6e-15, and no agent-seconds."""
    at, step = np.full(14, 0.05), np.array([1] * 7 + [-1] * 7, dtype=np.int32)
    record = replace(fire_run(), agent_steps=AgentSteps(np.zeros(14, dtype=np.int32), at, step))
    total = 0.0
    for sign in step.tolist():
        total += sign * (10.0 - 0.1)
    assert total > 0.0
    assert ready_s(record, 0.1, 10.0).tolist() == [0.0, 0.0]


def test_agents_that_come_and_go_under_sharing() -> None:
    shared = fleet_run([0.0, 0.0, 0.0, 0.0], [4.0, 4.0, 4.0, 4.0], [0, 0, 0, 1], agents=2, sharing=True)
    steps = AgentSteps(np.array([0, 1, 0, 1]), np.array([0.0, 0.0, 2.0, 3.0]), np.array([2, 2, -1, -2], dtype=np.int32))
    record = replace(shared, agent_steps=steps)
    assert shared.attempts.finished_at.tolist() == [6.0, 6.0, 6.0, 4.0]
    # node-0: 2 agents until 2, one until 6; node-1: one request on two agents until 3, then none
    assert busy_area_s(busy_steps(record), 2, 0.0, 100.0).tolist() == [8.0, 3.0]
    assert busy_area_s(busy_steps(record), 2, 1.0, 4.0).tolist() == [4.0, 2.0]
    assert ready_s(record, 0.0, 10.0).tolist() == [12.0, 6.0]
    assert ready_s(shared, 0.0, 10.0).tolist() == [20.0, 20.0]
    heat = heat_map(record, 50)  # bins of 2 s
    assert heat.utilization[0, :4].tolist() == [1.0, 1.0, 1.0, 0.0]
    assert heat.utilization[1, 0] == 0.5
    assert heat.utilization[1, 1] == 0.5  # one of two agent-seconds
    assert np.isnan(heat.utilization[1, 2:]).all()
    nobody = replace(record, attempts=attempts(arrived_at=[], finished_at=[]))
    assert busy_area_s(busy_steps(nobody), 2, 0.0, 9.0).tolist() == [0.0, 0.0]

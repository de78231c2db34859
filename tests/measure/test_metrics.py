"""Metrics of runs that can be worked out by hand, and of M/M/1 against its closed form."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from sim.measure.intervals import t_quantile
from sim.measure.metrics import MAXIMIZED, METRICS, replication_metrics, replication_samples
from sim.measure.occupancy import BINS_MAX, busy_area_s, busy_steps, heat_map, present_s
from sim.measure.requests import requests_of
from sim.measure.summary import unit_of
from sim.measure.theory import mm1_quantile, mm1_relaxation, mmc_sojourn
from sim.types.records import FAILED, OK, REJECTED, TRUNCATED, RunRecord
from tests.measure.toy import NAN, attempts, fleet_run, mm1_run, nodes, random_run


def two_nodes() -> RunRecord:
    """Node 0: [0, 4] and [4, 6] (came at 1); node 1: [2, 3], one refused at 2.5, one unfinished from 9 on; ended 12."""
    table = attempts(
        arrived_at=[0.0, 1.0, 2.0, 2.5, 9.0],
        started_at=[0.0, 4.0, 2.0, NAN, 9.0],
        finished_at=[4.0, 6.0, 3.0, 2.5, NAN],
        node=[0, 0, 1, 1, 1],
        status=[OK, OK, OK, REJECTED, TRUNCATED],
        work_s=[4.0, 2.0, 1.0, 1.0, 9.0],
    )
    return RunRecord(table, nodes(2), horizon_s=10.0, ended_at=12.0, arrivals_count=5)


def test_every_metric_of_a_small_run() -> None:
    found = replication_metrics(two_nodes(), 0.0, 4.5, 7.2)
    assert found == {
        "sojourn_s_mean": 10.0 / 3.0,
        "sojourn_s_p50": 4.0,
        "sojourn_s_p95": 5.0,
        "sojourn_s_p99": 5.0,
        "sojourn_s_p999": 5.0,
        "wait_s_mean": 1.0,
        "throughput_per_s": 0.3,
        "goodput_per_s": 0.2,
        "success_ratio": 0.6,
        "attempts_per_request": 1.0,
        "utilization_ratio": (6.0 + 2.0) / 20.0,
        "imbalance_ratio": 0.6 / 0.4,
        "node_hours": 20.0 / 3600.0,
        "cost": pytest.approx(0.04, rel=1e-15),
    }


def test_the_cut_leaves_out_arrivals_before_it_but_not_answers_after_it() -> None:
    found = replication_metrics(two_nodes(), 2.0, None, 1.0)
    assert found["sojourn_s_mean"] == 1.0  # only the third arrived later and was answered
    assert found["success_ratio"] == 1.0 / 3.0
    assert found["throughput_per_s"] == found["goodput_per_s"] == 3.0 / 8.0
    assert found["utilization_ratio"] == (4.0 + 2.0) / 16.0
    assert found["node_hours"] == 20.0 / 3600.0  # the warm-up is paid for
    for cut_s in (-1.0, 10.0):
        with pytest.raises(ValueError, match="accepted is 0 <= cut_s < 10"):
            replication_metrics(two_nodes(), cut_s, None, 1.0)


def test_a_metric_without_observations_is_left_out() -> None:
    table = attempts(arrived_at=[1.0], started_at=[NAN], finished_at=[1.0], status=[REJECTED])
    found = replication_metrics(RunRecord(table, nodes(1), 2.0, 2.0, 1), 0.0, None, 1.0)
    assert found["success_ratio"] == 0.0
    assert found["utilization_ratio"] == 0.0
    assert not {"sojourn_s_mean", "sojourn_s_p99", "wait_s_mean", "imbalance_ratio"} & set(found)
    empty = RunRecord(attempts(arrived_at=[], finished_at=[]), nodes(1, born_at=np.array([5.0])), 2.0, 2.0, 0)
    assert replication_metrics(empty, 0.0, None, 1.0) == {
        "throughput_per_s": 0.0, "goodput_per_s": 0.0, "node_hours": 0.0, "cost": 0.0,
    }  # fmt: skip


def test_retries_count_to_their_request() -> None:
    table = attempts(
        request=[0, 1, 0, 1, 2, 2],
        attempt=[0, 0, 1, 1, 0, 1],
        arrived_at=[0.0, 1.0, 3.0, 4.0, 5.0, 7.0],
        started_at=[0.0, 1.0, 3.5, 4.0, NAN, NAN],
        finished_at=[2.0, 3.5, 6.0, 4.5, 5.5, 7.0],
        status=[FAILED, OK, OK, OK, REJECTED, FAILED],
    )
    requests = requests_of(table)
    assert requests.arrived_at.tolist() == [0.0, 1.0, 5.0]
    assert requests.finished_at[:2].tolist() == [6.0, 3.5]  # the earliest answer
    assert math.isnan(requests.finished_at[2])
    assert requests.answer.tolist() == [2, 1, -1]
    assert requests.status.tolist() == [OK, OK, FAILED]  # as the last attempt ended
    found = replication_metrics(RunRecord(table, nodes(1), 8.0, 8.0, 3), 0.0, None, 1.0)
    assert found["sojourn_s_mean"] == (6.0 + 2.5) / 2.0
    assert found["wait_s_mean"] == (3.5 + 0.0) / 2.0
    assert found["attempts_per_request"] == 2.0
    assert found["success_ratio"] == 2.0 / 3.0


def test_a_request_that_is_still_tried_is_truncated_whatever_a_hedge_met() -> None:
    table = attempts(
        request=[0, 0, 1, 1], attempt=[0, 1, 0, 1], arrived_at=[0.0, 1.0, 2.0, 3.0], finished_at=[NAN, 1.0, NAN, 4.0],
        started_at=[0.0, NAN, 2.0, 3.0], status=[TRUNCATED, REJECTED, TRUNCATED, OK],
    )  # fmt: skip
    assert requests_of(table).status.tolist() == [TRUNCATED, OK]


def test_rows_out_of_order_of_arrival_are_sorted() -> None:
    table = attempts(arrived_at=[5.0, 1.0], finished_at=[6.0, 4.0])
    requests = requests_of(table)
    assert requests.arrived_at.tolist() == [1.0, 5.0]
    assert requests.answer.tolist() == [1, 0]
    assert len(requests) == 2


def test_tokens() -> None:
    table = attempts(
        arrived_at=[0.0, 1.0, 2.0],
        finished_at=[5.0, 4.0, 3.0],
        first_token_at=[1.0, 3.0, 3.0],
        prompt_tokens=[10, 10, 10],
        output_tokens=[5, 3, 1],
    )
    record = RunRecord(table, nodes(1, 4), 10.0, 10.0, 3, processor_sharing=True)
    found = replication_metrics(record, 0.0, None, 1.0)
    assert found["ttft_s_mean"] == (1.0 + 2.0 + 1.0) / 3.0
    assert (found["ttft_s_p50"], found["ttft_s_p99"]) == (1.0, 2.0)
    assert found["tpot_s_mean"] == (1.0 + 0.5) / 2.0  # one token has no time between tokens
    assert found["tpot_s_p99"] == 1.0
    assert found["tokens_per_s"] == 0.9
    assert found["utilization_ratio"] == (5.0 + 3.0 + 1.0) / 40.0
    assert {name: len(sample) for name, sample in replication_samples(record, 0.0).items()} == {
        "sojourn_s": 3, "ttft_s": 3, "tpot_s": 2,
    }  # fmt: skip
    for metric, slo_max, within in (
        ("sojourn_s_p99", 3.0, 2), ("ttft_s_p99", 1.5, 2), ("tpot_s_p99", 0.6, 2), ("tpot_s_p99", 1.0, 3),
    ):  # fmt: skip
        good = replication_metrics(record, 0.0, slo_max, 1.0, metric)["goodput_per_s"]
        assert good == within / 10.0, metric
    only_one = attempts(arrived_at=[0.0], finished_at=[1.0], first_token_at=[1.0], prompt_tokens=[1], output_tokens=[1])
    assert "tpot_s_mean" not in replication_metrics(RunRecord(only_one, nodes(1), 2.0, 2.0, 1), 0.0, None, 1.0)


def test_busy_under_sharing_is_at_most_the_agents() -> None:
    record = fleet_run([0.0, 1.0, 2.0, 20.0], [4.0, 4.0, 4.0, 1.0], [0, 0, 0, 0], agents=2, sharing=True)
    area = busy_area_s(busy_steps(record), 1, 0.0, 100.0)
    assert area.tolist() == pytest.approx([13.0], rel=1e-12)  # all the work, at speed 1
    assert area.tolist() == pytest.approx(record.nodes.area_busy_s.tolist(), rel=1e-12)
    assert busy_area_s(busy_steps(record), 1, 0.5, 1.5).tolist() == [1.5]
    found = replication_metrics(record, 0.0, None, 1.0)
    assert found["utilization_ratio"] == pytest.approx(13.0 / 200.0, rel=1e-12)


@pytest.mark.parametrize("sharing", [False, True])
def test_busy_area_and_heat_map_agree_with_the_nodes_books(sharing: bool) -> None:
    for seed in range(3):
        record = random_run(seed, sharing=sharing, agents=2, queue_max=5, horizon_s=80.0, drain_s=3.0)
        whole = busy_area_s(busy_steps(record), 3, 0.0, record.ended_at)
        assert whole.tolist() == pytest.approx(record.nodes.area_busy_s.tolist(), rel=1e-11), f"seed {seed}"
        heat = heat_map(record, 40)
        assert heat.utilization.shape == (3, 40)
        assert heat.times[[0, -1]].tolist() == [0.0, 80.0]
        in_horizon = busy_area_s(busy_steps(record), 3, 0.0, 80.0)
        assert (heat.utilization.sum(axis=1) * 2.0 * 2.0).tolist() == pytest.approx(in_horizon.tolist(), rel=1e-11)
        third = busy_area_s(busy_steps(record), 3, 4.0, 6.0) / 4.0
        assert heat.utilization[:, 2].tolist() == pytest.approx(third.tolist(), abs=1e-12)


def test_heat_map_groups_neighbors_and_leaves_absence_blank() -> None:
    count = 401
    table = attempts(arrived_at=[0.0], finished_at=[5.0], node=[400])
    record = RunRecord(table, nodes(count), 10.0, 10.0, 1)
    heat = heat_map(record, 2)
    assert heat.utilization.shape == (200, 2)
    assert heat.node_ids[0] == "node-0 to node-1"
    assert heat.node_ids[-1] == "node-398 to node-400"
    assert heat.utilization[-1].tolist() == pytest.approx([1.0 / 3.0, 0.0])
    late = heat_map(replace(record, nodes=nodes(count, born_at=np.full(count, 5.0))), 2)
    assert bool(np.all(np.isnan(late.utilization[:, 0])))
    for bins in (0, BINS_MAX + 1):
        with pytest.raises(ValueError, match="bins_count"):
            heat_map(record, bins)


def test_nodes_count_only_while_they_are_there() -> None:
    table = nodes(2, born_at=np.array([0.0, 4.0]), gone_at=np.array([3.0, NAN]))
    assert present_s(table, np.array([0.0, 2.0]), np.array([10.0, 5.0])).tolist() == [[3.0, 1.0], [6.0, 1.0]]


def test_mm1_is_within_its_standard_error() -> None:
    rho, count = 0.5, 100_000
    values = np.array(
        [replication_metrics(mm1_run(s, rho, count), 200.0, None, 1.0)["sojourn_s_mean"] for s in range(8)]
    )
    # 200 s are 17 relaxation times: what is left of the start is far below the standard error
    assert 17.0 * mm1_relaxation(rho) < 200.0
    half = t_quantile(1 - 1e-6, 7) * values.std(ddof=1) / math.sqrt(8)
    assert abs(values.mean() - mmc_sojourn(1, rho)) <= half, "seeds 0 to 7"
    # sum of all autocovariances of the M/M/1 sojourn (Daley 1968): rho (2 + 5 rho - 4 rho^2 + rho^3) / (1 - rho)^4 = 29
    spread = 7 * values.var(ddof=1) / (29.0 / count)
    assert stats.chi2.ppf(5e-7, 7) < spread < stats.chi2.isf(5e-7, 7), "seeds 0 to 7"
    found = replication_metrics(mm1_run(1, rho, count), 200.0, None, 1.0)
    assert found["throughput_per_s"] == pytest.approx(rho, rel=5.0 / math.sqrt(count))
    # asymptotic sd of the busy share of M/M/1 over time T (mean service 1): sqrt(2 rho / T), here T = 200,000
    assert abs(found["utilization_ratio"] - rho) < 5.0 * math.sqrt(2.0 * rho / 200_000.0)
    sample = replication_samples(mm1_run(2, rho, 400_000), 200.0)["sojourn_s"][::200]
    low, high = stats.binom.interval(1 - 1e-6, len(sample), 0.95)
    below = int(np.count_nonzero(sample <= mm1_quantile(rho, 0.95)))
    assert low <= below <= high, "seed 2"  # 200 requests apart they are nearly independent


def test_units_stand_in_the_names() -> None:
    units = {name: unit_of(name) for name in METRICS}
    assert {name for name, unit in units.items() if unit == "1/s"} == {
        "throughput_per_s", "goodput_per_s", "tokens_per_s",
    }  # fmt: skip
    assert {name for name, unit in units.items() if unit == "1"} == {
        "utilization_ratio", "imbalance_ratio", "success_ratio", "attempts_per_request", "lost_ratio",
        "rejected_ratio", "timed_out_ratio", "shed_ratio", "failed_ratio", "detected_ratio", "nodes_mean",
        "reversals_count", "goodput_ratio_min", "recovered_ratio", "states_lost_count", "retries_denied_count",
        "ejections_count", "failovers_count",
    }  # fmt: skip
    assert [units[name] for name in ("detection_s", "failover_s", "recovery_s")] == ["s", "s", "s"]
    assert units["false_outages_per_hour"] == "1/h"
    assert set(units) >= MAXIMIZED
    assert (units["cost"], units["node_hours"], units["sojourn_s_p99"]) == ("price units", "h", "s")
    assert (unit_of("detection_s"), unit_of("nodes_count"), unit_of("other")) == ("s", "1", "1")

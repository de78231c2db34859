"""A point's summary: pooled quantiles, intervals, tail, losses, problems."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from sim.errors import ConfigError
from sim.measure.compare import compare_points
from sim.measure.intervals import sectioning, t_interval
from sim.measure.metrics import replication_metrics, replication_samples
from sim.measure.quantiles import quantile
from sim.measure.summarize import PointFacts, summarize_point, tail_probs
from sim.types.records import REJECTED, RunRecord
from tests.measure.toy import NAN, attempts, mm1_run, nodes, random_run

FACTS = PointFacts(cut_s=100.0, slo_max=5.0, price_per_node_hour=2.0, replications=4, config={"seed": 1})


def test_estimates_of_means_and_pooled_quantiles() -> None:
    records = [mm1_run(seed, 0.7, 3000) for seed in range(4)]
    summary = summarize_point("x", {"balancer": "x"}, iter(records), FACTS)
    metrics = [replication_metrics(record, 100.0, 5.0, 2.0) for record in records]
    sections = [replication_samples(record, 100.0)["sojourn_s"] for record in records]
    assert summary.valid
    assert summary.problems == []
    assert (summary.point, summary.keys, summary.config) == ("x", {"balancer": "x"}, {"seed": 1})
    assert (summary.requests_count, summary.losses, summary.cut_s, summary.engine) == (12_000, {}, 100.0, "simpy")
    for name in ("sojourn_s_mean", "wait_s_mean", "goodput_per_s", "utilization_ratio", "cost"):
        values = np.array([found[name] for found in metrics])
        interval = t_interval(values, 0.95)
        estimate = summary.estimates[name]
        assert (estimate.mean, estimate.ci_low, estimate.ci_high) == (interval.center, interval.low, interval.high)
        assert summary.per_replication[name].tolist() == values.tolist()
        assert estimate.replications == 4
    p99 = summary.estimates["sojourn_s_p99"]
    pooled = quantile(np.concatenate(sections), 0.99)
    values = np.array([found["sojourn_s_p99"] for found in metrics])
    interval = sectioning(pooled, values, 0.95)
    assert (p99.mean, p99.ci_low, p99.ci_high, p99.unit) == (pooled, interval.low, interval.high, "s")
    assert "sojourn_s_p999" in summary.estimates  # 11,800 requests: 11.8 beyond
    assert summary.heat is not None
    assert summary.heat.utilization.shape == (1, 200)


def test_resampled_requests_are_no_new_data_for_a_quantile() -> None:
    records = [mm1_run(seed, 0.7, 3000) for seed in range(4)]
    summary = summarize_point("x", {}, records, replace(FACTS, recorded_count=3000))
    assert "sojourn_s_p99" in summary.estimates
    assert "sojourn_s_p999" not in summary.estimates
    assert "sojourn_s_p999 is not reported: of 3000 recorded requests fewer than 10 lie beyond it" in summary.notes
    assert summary.tail is not None
    assert summary.tail.prob[-1] <= 1.0 - 10 / 3000 + 1e-12


def test_quantiles_without_ten_beyond_are_not_reported() -> None:
    records = [mm1_run(seed, 0.5, 100) for seed in range(2)]
    summary = summarize_point("x", {}, records, PointFacts())
    assert "sojourn_s_p95" in summary.estimates  # 200 requests: exactly 10 beyond
    assert not {"sojourn_s_p99", "sojourn_s_p999"} & (set(summary.estimates) | set(summary.per_replication))
    assert summary.notes == [
        "sojourn_s_p99 is not reported: of 200 requests fewer than 10 lie beyond it",
        "sojourn_s_p999 is not reported: of 200 requests fewer than 10 lie beyond it",
    ]
    assert summary.tail is not None
    assert summary.tail.prob[-1] == pytest.approx(0.95)


def test_the_tail_curve_rises_and_stops_where_ten_lie_beyond() -> None:
    probs = tail_probs(100_000)
    assert {0.5, 0.9, 0.99, 0.999, 0.9999} <= set(probs.tolist())
    assert probs[-1] == 0.9999
    assert len(tail_probs(10)) == 0
    assert bool(np.all(np.diff(probs) > 0.0))
    summary = summarize_point("x", {}, [mm1_run(s, 0.8, 20_000) for s in range(5)], PointFacts(cut_s=500.0))
    tail = summary.tail
    assert tail is not None
    assert tail.latency_s[tail.prob == 0.99][0] == summary.estimates["sojourn_s_p99"].mean
    assert tail.high_s[tail.prob == 0.99][0] == summary.estimates["sojourn_s_p99"].ci_high
    assert bool(np.all(np.diff(tail.latency_s) >= 0.0))
    assert bool(np.all((tail.low_s <= tail.latency_s) & (tail.latency_s <= tail.high_s)))


def test_one_replication_has_a_tail_without_a_band() -> None:
    summary = summarize_point("x", {}, [mm1_run(1, 0.5, 5000)], PointFacts())
    assert math.isnan(summary.estimates["sojourn_s_mean"].ci_low)
    assert summary.tail is not None
    assert bool(np.all(np.isnan(summary.tail.low_s)))


def test_an_audit_that_fails_or_a_missing_replication_makes_the_point_invalid() -> None:
    records = [random_run(1), replace(random_run(2), central_area_s=5.0)]
    summary = summarize_point("x", {}, records, PointFacts(replications=3))
    assert not summary.valid
    assert summary.problems[0].startswith("replication 1: Little's law: integral ")
    assert summary.problems[1] == "2 of 3 replications are there"
    with pytest.raises(ValueError, match="at least one replication"):
        summarize_point("x", {}, [], PointFacts())


def test_losses_are_counted_and_a_point_that_answers_nothing_is_summarized() -> None:
    summary = summarize_point("x", {}, [random_run(s, queue_max=1) for s in range(2)], PointFacts())
    refused = sum(int(np.count_nonzero(random_run(s, queue_max=1).attempts.status == REJECTED)) for s in range(2))
    assert summary.losses == {"rejected": refused}
    table = attempts(arrived_at=[1.0], started_at=[NAN], finished_at=[1.0], status=[REJECTED], node=[-1])
    nothing = RunRecord(table, nodes(1), 2.0, 2.0, 1)
    summary = summarize_point("x", {}, [nothing], PointFacts())
    assert summary.valid
    assert summary.tail is None
    assert summary.estimates["success_ratio"].mean == 0.0
    both = summarize_point("x", {}, [nothing, mm1_run(1, 0.5, 3000)], PointFacts())
    assert both.tail is None
    assert "sojourn_s_mean is not reported: 1 replications have none" in both.notes


def test_terminating_runs_ignore_the_cut() -> None:
    record = replace(mm1_run(1, 0.5, 3000), terminating=True)
    summary = summarize_point("x", {}, [record], PointFacts(cut_s=1000.0))
    assert (summary.terminating, summary.cut_s) == (True, 0.0)


def test_terminating_runs_keep_a_cut_that_is_asked_for() -> None:
    record = replace(mm1_run(1, 0.5, 3000), terminating=True)
    summary = summarize_point("a", {}, [record], PointFacts(cut_s=record.horizon_s / 2.0, cut_asked=True))
    assert summary.cut_s == record.horizon_s / 2.0
    later = replication_metrics(record, record.horizon_s / 2.0, None, 1.0)
    assert summary.estimates["sojourn_s_mean"].mean == later["sojourn_s_mean"]


def test_common_random_numbers_pair_down_to_the_request() -> None:
    """Speeds 1 and 1.05 on the same requests: paired, the difference has a fraction of the independent spread."""
    slow = summarize_point("1", {"speed": "1"}, [mm1_run(s, 0.8, 10_000) for s in range(10)], PointFacts(cut_s=500.0))
    fast = summarize_point(
        "1.05", {"speed": "1.05"}, [mm1_run(s, 0.8, 10_000, 1.05) for s in range(10)], PointFacts(cut_s=500.0)
    )
    (row,) = compare_points([slow, fast], "1", "speed", ["sojourn_s_mean"])
    assert row.p_adjusted < 0.01
    assert row.ci_high < 0.0
    paired_sd = np.std(fast.per_replication["sojourn_s_mean"] - slow.per_replication["sojourn_s_mean"], ddof=1)
    independent_sd = math.hypot(
        float(np.std(fast.per_replication["sojourn_s_mean"], ddof=1)),
        float(np.std(slow.per_replication["sojourn_s_mean"], ddof=1)),
    )
    # known ratio about .3; with 9 degrees each the ratio of sds stays below its F quantile times that
    assert paired_sd / independent_sd < 0.3 * math.sqrt(float(stats.f.isf(1e-4, 9, 18)))


def test_a_cut_past_a_horizon_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"^warmup=500.0: accepted is seconds below the horizon of every point \("):
        summarize_point("x", {}, [mm1_run(1, 0.5, 100)], PointFacts(cut_s=500.0))

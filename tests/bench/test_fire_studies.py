"""The studies of failure: they compose, a tiny one of each ends in a valid report, and what theory says of them holds.

Tolerances are four standard errors of the quantity under the theory that is tested, at the count that was observed.
"""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest

from sim.bench import assemble
from sim.bench.outcome import finish
from sim.bench.plan import Plan, make_plan
from sim.report.page import write_report
from sim.types.records import RunRecord

SMALL = ["stats.replications=2", "launcher.workers=1", "drain_s=40"]
STUDIES = {  # study -> points, and a corner of it that is run
    "failover": (24, ["detector=source,checks_2_3", "situation=clean", "horizon_s=150", "faults.crash.mttf_s=300"]),
    "gray_failure": (32, ["guard=checks_only,ejection", "balancer=round_robin", "situation=slow", "horizon_s=150"]),
    "spot": (10, ["machines=on_demand_10,spot_12", "situation=warned", "horizon_s=150"]),
    "tail_tolerance": (21, ["hedge_after=none,p50", "arrivals.utilization_ratio=0.3", "horizon_s=100"]),
}  # fmt: skip


def points(folder: Path, metric: str) -> dict[str, float]:
    """Means of a metric by the compared key's value."""
    with (folder / "points.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["metric"] == metric]
    return {row["point"].split()[0].split("=")[1]: float(row["mean"]) for row in rows}  # each is in one group here


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_composes(name: str) -> None:
    plan = make_plan([f"experiment={name}"])
    assert len(plan.points) == STUDIES[name][0]
    assert plan.baseline == next(iter(plan.points[0].keys.values())), "what the others are held against comes first"
    assert plan.base.study.question
    assert plan.base.study.notes


@pytest.fixture(scope="module", params=list(STUDIES))
def corner(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path, Plan]:
    """A study's corner, run; its folder."""
    name = request.param
    folder = tmp_path_factory.mktemp(name)
    where = [f"paths.store={folder / 'store'}", f"paths.results={folder / 'results'}"]
    plan = make_plan([f"experiment={name}", *STUDIES[name][1], *SMALL, *where])
    assert finish(plan, write_report) == 0, "valid"
    return name, folder / "results" / name, plan


def test_a_tiny_one_shows_what_it_is_about(corner: tuple[str, Path, Plan]) -> None:
    name, folder, plan = corner
    text = (folder / "report.md").read_text(encoding="utf-8").replace("\\", "")
    assert "**INVALID**" not in text
    assert all(note.split(".")[0][:60] in text for note in plan.base.study.notes)
    p99 = points(folder, "sojourn_s_p99")
    if name == "failover":
        found_s = points(folder, "detection_s")
        assert 5.0 <= found_s["checks_2_3"] <= 7.0 < 30.0 < found_s["source"] <= 90.0
    elif name == "gray_failure":
        assert p99["ejection"] < p99["checks_only"]
        assert p99["checks_only"] > 10.0, "one request in ten waits for the attempt timeout"
    elif name == "spot":
        cost = points(folder, "cost")
        assert cost["on_demand_10"] == pytest.approx(10 * 150 / 3600)
        assert cost["spot_12"] == pytest.approx(0.35 * 12 * 150 / 3600)
    else:
        assert points(folder, "attempts_per_request")["p50"] > 1.4
        assert p99["p50"] < p99["none"]


def run(*overrides: str, replication: int = 0) -> RunRecord:
    """One replication of the first point."""
    return assemble.run_replication(make_plan(list(overrides)).points[0].config, replication)


IDLE = ("arrivals.utilization_ratio=0.001", "deadline_s=null", "drain_s=0")  # what is asked is asked of the watch
DYING = ("situation=clean", "faults.crash.mttf_s=300", "faults.crash.mttr_s=200", "horizon_s=2500")


def detections_s(detector: str, replications: int) -> np.ndarray:
    """Detection times of crashes."""
    found = []
    for replication in range(replications):
        record = run("experiment=failover", f"detector={detector}", *DYING, *IDLE, replication=replication)
        assert record.episodes is not None
        found.append(record.episodes.detected_at - record.episodes.began_at)
    times_s = np.concatenate(found)
    return times_s[~np.isnan(times_s)]


CHECKS = [("checks_2_3", 2.0, 3, 1.0), ("checks_1_2", 1.0, 2, 0.5)]


@pytest.mark.parametrize(("detector", "interval_s", "misses", "timeout_s"), CHECKS)
def test_checks_find_the_dead_in_the_closed_form(
    detector: str, interval_s: float, misses: int, timeout_s: float
) -> None:
    times_s = detections_s(detector, 1)
    least_s = (misses - 1) * interval_s + timeout_s
    assert len(times_s) > 30
    assert least_s <= times_s.min()
    assert times_s.max() <= least_s + interval_s
    error_s = interval_s / math.sqrt(12.0 * len(times_s))  # uniform over an interval
    assert times_s.mean() == pytest.approx(least_s + interval_s / 2.0, abs=4.0 * error_s)
    assert times_s.std() == pytest.approx(interval_s / math.sqrt(12.0), rel=0.25)


def test_the_sources_heartbeats_find_the_dead_within_30_to_90_s() -> None:
    """Silent since up to H before the death; down at the first check over node_timeout_s later: T - H to T + I.

    A node's phase against the checks is drawn once, so that its share of the variance falls with the nodes.
    """
    replications = 3
    times_s = detections_s("source", replications)
    assert times_s.min() >= 30.0
    assert times_s.max() <= 90.0
    error_s = 30.0 * math.sqrt((1.0 / (10 * replications) + 1.0 / len(times_s)) / 12.0)
    assert times_s.mean() == pytest.approx(60.0, abs=4.0 * error_s)


def test_lossy_checks_raise_false_alarms_as_often_as_runs_of_losses() -> None:
    """A check is lost with q = 1 - .95^2; until k in a row (1 - q^k) / ((1 - q) q^k) checks pass, likewise back."""
    record = run(
        "experiment=failover",
        "detector=checks_1_2",
        "situation=lossy",
        "faults.crash.enabled=false",
        "horizon_s=900",
        *IDLE,
    )
    lost = 1.0 - 0.95**2
    up, down = ((1.0 - p**2) / ((1.0 - p) * p**2) for p in (lost, 1.0 - lost))
    expected = 10 * 900.0 / (up + down)
    assert record.outages is not None
    assert set(record.outages.founded.tolist()) == {0}
    assert len(record.outages.node) == pytest.approx(expected, abs=4.0 * math.sqrt(expected))


def test_a_hedge_after_the_p95_has_the_tail_and_the_load_of_theory() -> None:
    """P(T > t) = S(t) S(t - d) and S(d) attempts more, where attempts do not disturb each other."""
    record = run("experiment=tail_tolerance", "hedge_after=p95_not_cancelled", "arrivals.utilization_ratio=0.3",
                 "horizon_s=800")  # fmt: skip
    table = record.attempts
    count = int(table.request.max()) + 1
    hedged = len(table.request) - count
    share = math.exp(-2.996)
    assert hedged / count == pytest.approx(share, abs=4.0 * math.sqrt(share / count))
    answered = table.status == 0
    first_at = np.zeros(count)
    first_at[table.request[table.attempt == 0]] = table.arrived_at[table.attempt == 0]
    late = int(np.count_nonzero(table.finished_at[answered] - first_at[table.request[answered]] > 4.952))
    assert late / count == pytest.approx(0.001, abs=4.0 * math.sqrt(0.001 / count))


@pytest.mark.parametrize("notice_s", [0, 30])
@pytest.mark.parametrize("watch", ["aggressive", "none"])
def test_the_successor_of_a_spot_node_serves(notice_s: int, watch: str) -> None:
    """A node that was emptied on a warning, taken and found dead is back in service with its successor."""
    record = run(
        "experiment=spot", "machines=spot_10", "situation=warned", f"health={watch}", "faults.preemption.mttf_s=null",
        "faults.preemption.at_s=[20]", f"faults.preemption.for_s={notice_s + 60}", "faults.preemption.nodes=[3]",
        f"faults.preemption.notice_s={notice_s}", "arrivals.rate_per_s=10", "horizon_s=200", 'warmup="0"',
    )  # fmt: skip
    assert record.episodes is not None
    (back_at,) = record.episodes.ended_at.tolist()
    on_it = record.attempts.started_at[record.attempts.node == 3]
    assert back_at <= 20.0 + 60.0 + 2 * notice_s
    assert np.count_nonzero(on_it < 20.0) > 5
    assert not np.any((on_it > 20.0 + notice_s) & (on_it < back_at))
    assert np.count_nonzero(on_it > back_at) > 20

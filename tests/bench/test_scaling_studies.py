"""Scaling in whole runs: studies, books worked out by hand, nodes that come and work, nodes that go and lose none."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim.bench.outcome import finish
from sim.bench.plan import make_plan
from sim.errors import InputError
from sim.measure.metrics import replication_metrics
from sim.measure.occupancy import ready_s
from sim.report.page import write_report
from sim.types.records import FAILED, OK
from tests.integration.runs import STRATEGIES, small_config, valid_run

POLICIES = ["threshold", "hpa", "kpa", "predictive", "scheduled", "fixed_mean", "fixed_peak"]
EVEN = {"kind": "deterministic"}


def schedule(*pairs: tuple[float, int], **changes: object) -> dict[str, Any]:
    """A schedule of (instant, nodes), asked every 5 s and obeyed in one step; machines take 60 s."""
    at, counts = zip(*pairs, strict=True)
    own = {"at_s": list(at), "counts": list(counts), "season_s": 1e6, "interval_s": 5.0, "provisioning_s": 60.0}
    return {"kind": "scheduled", **own, **changes}


def test_the_study_has_every_policy_in_two_situations_of_the_same_load() -> None:
    plan = make_plan(["experiment=autoscalers", "policy=threshold"])
    assert list(plan.base.study.sweep["policy"]) == POLICIES
    assert [point.keys["situation"] for point in plan.points] == ["diurnal", "flash_crowd"]
    day, crowd = (point.config.arrivals for point in plan.points)
    assert (day.kind, day.rate_per_s, day.amplitude_ratio) == ("diurnal", 2.5, 0.8)
    assert crowd.rate_per_s is not None
    peak_s = crowd.peak_s + crowd.ramp_s  # the two ramps make half a ramp each
    assert crowd.rate_per_s * (1 + (crowd.peak_ratio - 1) * peak_s / 3600.0) == 2.5
    assert crowd.rate_per_s * crowd.peak_ratio == 2.5 * (1.0 + 0.8)


def test_a_real_client_needs_its_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"servegen_m-mid_client36.csv: no such file; .*Apache-2.0, 2,016 bins"):
        make_plan(["experiment=autoscalers_trace", f"paths.data={tmp_path}"])
    rows = "".join(f"{600 * number},{number % 3},1.5\n" for number in range(60))
    (tmp_path / "servegen_m-mid_client36.csv").write_text(rows, encoding="utf-8")
    plan = make_plan(["experiment=autoscalers_trace", "policy=scheduled", f"paths.data={tmp_path}"])
    assert list(plan.base.study.sweep["policy"]) == POLICIES
    assert plan.points[0].config.autoscaler.counts == [15, 14, 5, 5, 5, 3, 4, 4, 10, 11, 12, 15]


def test_a_small_study_is_valid_and_tells_who_flaps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    words = [
        "experiment=autoscalers", "policy=threshold,hpa,fixed_mean", "situation=flash_crowd", "horizon_s=900",
        "arrivals.peak_at=300", "arrivals.peak_s=200", "stats.replications=3", "launcher.workers=1",
    ]  # fmt: skip
    assert finish(make_plan(words), write_report) == 0
    text = (tmp_path / "results/autoscalers/report.md").read_text(encoding="utf-8")
    assert "3 points, all VALID" in text
    assert "lost, over all points" in text
    assert "Reversals: hpa" in text
    assert "against threshold, Holm p" in text
    assert "Left out, never changed: fixed\\_mean." in text
    figures = sorted(path.stem for path in (tmp_path / "results/autoscalers/figures").glob("*.svg"))
    assert figures == ["bars", "flapping", "pareto", "timeline"]
    with (tmp_path / "results/autoscalers/points.csv").open(encoding="utf-8") as lines:
        lost = [float(row["mean"]) for row in csv.DictReader(lines) if row["metric"] == "lost_ratio"]
    assert lost == [0.0, 0.0, 0.0]


BARE = {"kind": "threshold", "target_utilization_ratio": 0.8, "interval_s": 30.0, "step_out_nodes_max": 1}


def test_a_bare_threshold_flaps_where_hpa_holds_on_the_same_draws() -> None:
    """Twenty agents' worth of work, for 50 min; the settings of conf/autoscaler/threshold.yaml and hpa.yaml."""
    found = []
    for policy in (BARE, {"kind": "hpa", "readiness_s": 30.0}):
        record = valid_run(
            small_config(
                horizon_s=3000.0, fleet={"nodes": 8, "agents_per_node": 4}, arrivals={"rate_per_s": 2.5},
                service={"mean_s": 8.0}, balancer={"kind": "least_connections"}, autoscaler=policy,
            )
        )  # fmt: skip
        assert set(record.attempts.status.tolist()) == {OK}
        found.append(replication_metrics(record, 0.0, None, 1.0)["reversals_count"])
    assert found[0] >= 20  # of 100 decisions
    assert found[1] <= 4


def test_a_day_is_as_long_as_its_horizon_and_every_node_that_went_before_the_cut_counts_for_nothing() -> None:
    """A fleet of three for a day that is sparse; two nodes go long before the cut, at instants that do not round."""
    record = valid_run(
        small_config(
            horizon_s=1000.0, fleet={"nodes": 3, "agents_per_node": 4}, balancer={"kind": "round_robin"},
            arrivals={"kind": "diurnal", "period_s": 1000.0, "rate_per_s": 0.31}, service={"mean_s": 3.3},
            autoscaler=schedule((0.0, 3), (50.0, 1)),
        )
    )  # fmt: skip
    assert record.horizon_s == 1000.0  # not the last arrival
    assert record.attempts.arrived_at.max() < 1000.0
    cut_s = 333.3333
    assert [float(area_s) > 0.0 for area_s in ready_s(record, cut_s, 1000.0)] == [True, False, False]
    assert replication_metrics(record, cut_s, None, 1.0)["imbalance_ratio"] == 1.0


def test_node_hours_and_utilization_by_hand() -> None:
    record = valid_run(
        small_config(
            horizon_s=400.0, fleet={"nodes": 1, "agents_per_node": 1}, arrivals={**EVEN, "rate_per_s": 0.5},
            service=EVEN, autoscaler=schedule((0.0, 1), (100.0, 2), (300.0, 1)),
        )
    )  # fmt: skip
    assert record.nodes.born_at.tolist() == [0.0, 160.0]  # asked for at 100
    assert sorted(np.nan_to_num(record.nodes.gone_at, nan=400.0).tolist()) == [300.0, 400.0]  # idle: it goes at once
    found = replication_metrics(record, 0.0, None, 2.0)
    assert found["node_hours"] == pytest.approx((400.0 + 300.0 - 160.0) / 3600.0, rel=1e-12)
    assert found["cost"] == pytest.approx(2.0 * 540.0 / 3600.0, rel=1e-12)
    assert found["utilization_ratio"] == pytest.approx(199.0 / 540.0, rel=1e-12)  # arrivals at 2, 4, ..., 398, 1 s each
    assert found["reversals_count"] == 1.0


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_new_nodes_receive_work(strategy: str) -> None:
    """From one node at its limit to four: each new one takes a share, whatever the strategy."""
    record = valid_run(
        small_config(
            horizon_s=400.0, fleet={"nodes": 1, "agents_per_node": 4}, balancer={"kind": strategy},
            arrivals={"rate_per_s": 4.0, "keys_count": 1000}, autoscaler=schedule((0.0, 1), (20.0, 4)),
        )
    )  # fmt: skip
    assert record.nodes.born_at.tolist() == [0.0, 80.0, 80.0, 80.0]
    table = record.attempts
    late = table.arrived_at > 200.0
    shares = np.bincount(table.node[late], minlength=4) / np.count_nonzero(late)
    assert (shares > 0.1).all(), shares


@pytest.mark.parametrize(("drain_s", "lost"), [(300.0, 0), (1.0, 2)])
def test_a_scale_in_loses_nothing_that_ends_within_the_drain(drain_s: float, lost: int) -> None:
    """Three busy nodes of one agent, requests of 28 s; at 105 two nodes go, in the middle of one each."""
    record = valid_run(
        small_config(
            horizon_s=120.0, fleet={"nodes": 3, "agents_per_node": 1}, arrivals={**EVEN, "rate_per_s": 0.1},
            service={**EVEN, "mean_s": 28.0}, balancer={"kind": "least_connections"},
            autoscaler=schedule((0.0, 3), (105.0, 1), drain_s=drain_s),
        )
    )  # fmt: skip
    table, gone_at = record.attempts, record.nodes.gone_at
    assert int(np.count_nonzero(table.status == FAILED)) == lost
    gone = np.flatnonzero(~np.isnan(gone_at)).tolist()
    assert len(gone) == 2
    for node in gone:
        mine = table.node == node
        assert table.arrived_at[mine].max() <= 105.0  # nothing new while it drains
        assert gone_at[node] == (106.0 if lost else table.finished_at[mine].max())  # goes as soon as it is empty


def test_who_waits_alone_waits_for_its_set_up() -> None:
    """A request every 32 s to a fleet that is off: a set-up of 10 s, a service of 1 s, off at once."""
    on_demand = {"kind": "on_demand", "min_nodes": 0, "max_nodes": 1, "provisioning_s": 10.0}
    record = valid_run(
        small_config(
            horizon_s=210.0, fleet={"nodes": 1, "agents_per_node": 1}, arrivals={**EVEN, "rate_per_s": 1.0 / 32.0},
            service=EVEN, balancer={"queue": "central"}, autoscaler=on_demand,
        )
    )  # fmt: skip
    table = record.attempts
    assert (table.finished_at - table.arrived_at).tolist() == [11.0] * 6
    assert replication_metrics(record, 0.0, None, 1.0)["node_hours"] == pytest.approx(6.0 / 3600.0, rel=1e-12)

"""Runs that count their requests against the same runs that keep them, what is refused, and how a study tells it."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from sim.bench import assemble
from sim.bench.identity import point_key
from sim.bench.outcome import finish
from sim.bench.plan import make_plan
from sim.bench.record_files import decode, encode
from sim.bench.replay import replay_run
from sim.bench.schema import Config
from sim.bench.simulate import simulate
from sim.bench.streamed import expected_requests, is_streamed, stream_params
from sim.errors import ConfigError
from sim.measure.audits import audit, problems_of
from sim.measure.histogram import RELATIVE_ERROR
from sim.measure.metrics import QUANTILE_METRICS, measure
from sim.measure.streamed import NOT_STREAMED, cut_of
from sim.types.records import OK, STATUSES, RunRecord
from tests.bench.small_study import TINY

SMALL = ("horizon_s=300", "fleet.nodes=3", "fleet.agents_per_node=3")
COUNTED = "stats.requests_max=0"
RETRIES = (
    "retry=default", "hedge=default", "deadline_s=20", "health=victor_os", "faults=[crash]", "faults.crash.mttf_s=100",
    "faults.crash.mttr_s=20", "arrivals.utilization_ratio=.7",
)  # fmt: skip
CASES = {
    "plain": ("slo.max=3",),
    "stated warm-up": ("warmup='77.7'", "balancer=power_of_d", "slo.max=2"),
    "sharing": ("service.discipline=ps", "balancer=power_of_d"),
    "full queues": ("fleet.queue_max=1", "arrivals.utilization_ratio=1.3", "drain_s=1"),
    "central queue": ("balancer.queue=central", "balancer.queue_max=5", "arrivals.utilization_ratio=1.2", "drain_s=1"),
    "retries, hedges, crashes": (*RETRIES, "slo.max=5"),
    "shed": ("admission.kind=concurrency", "admission.in_flight_max=9", "arrivals.utilization_ratio=1.3"),
    "cut off while it retries": ("retry.attempts_max=4", "retry.backoff_s=5", "fleet.queue_max=0", "drain_s=0",
                                 "arrivals.utilization_ratio=1.5"),
    "tokens": ("service=llm", "slo.metric=ttft_s_p99", "slo.max=1"),
    "closed clients": ("arrivals=closed_loop",),
    "diurnal": ("arrivals=diurnal",),
    "scaling": ("autoscaler=hpa", "autoscaler.min_nodes=1", "autoscaler.max_nodes=5", "arrivals.rate_per_s=6"),
}  # fmt: skip


def config_of(*words: str) -> Config:
    return make_plan([*SMALL, *words]).points[0].config


@cache
def both(*words: str) -> tuple[RunRecord, RunRecord]:
    """The same replication with its requests kept, and counted."""
    kept, counted = (assemble.run_replication(config_of(*words, *more), 0) for more in ((), (COUNTED,)))
    return kept, counted


@pytest.mark.parametrize("case", CASES)
def test_metrics_are_those_of_the_table(case: str) -> None:
    config = config_of(*CASES[case])
    kept, counted = both(*CASES[case])
    stream = counted.stream
    assert stream is not None
    assert kept.stream is None
    assert (len(counted.attempts), counted.arrivals_count) == (0, kept.arrivals_count)
    assert (problems_of(audit(kept)), problems_of(audit(counted))) == ([], [])
    own_edges = len(stream.segment_bin) > 1
    cut_s = cut_of(stream, 40.0) if own_edges else float(stream.edges[1])
    assert cut_s == {"stated warm-up": 77.7, "diurnal": 0.0}.get(case, 42.1875)
    table, _ = measure(kept, cut_s, config.slo.max, 1.0, config.slo.metric)
    found, _ = measure(counted, cut_s, config.slo.max, 1.0, config.slo.metric)
    assert set(table) - set(found) <= set(NOT_STREAMED)
    assert set(found) <= set(table)
    for name, value in found.items():
        assert value == pytest.approx(table[name], rel=RELATIVE_ERROR if name in QUANTILE_METRICS else 1e-9), name
    assert found["success_ratio"] == table["success_ratio"]
    assert found["goodput_per_s"] == table["goodput_per_s"]


def test_the_cases_reach_every_way_to_end() -> None:
    ended = np.zeros(len(STATUSES), dtype=np.int64)
    several = 0
    for case in ("full queues", "retries, hedges, crashes", "shed", "cut off while it retries"):
        _, counted = both(*CASES[case])
        assert counted.stream is not None
        ended += counted.stream.ended.reshape(-1, len(STATUSES)).sum(axis=0)
        several += int(counted.stream.attempts.sum()) - counted.arrivals_count
    assert np.all(np.delete(ended, STATUSES.index("failed")) > 0)
    assert several > 100


def test_a_run_is_the_same_run_whether_its_requests_are_kept_or_not() -> None:
    kept, counted = both(*CASES["retries, hedges, crashes"])
    assert counted.ended_at == kept.ended_at
    assert counted.counts == kept.counts
    for name in ("area_present_s", "area_busy_s", "work_done_s", "arrived", "answered", "refused", "truncated"):
        assert getattr(counted.nodes, name).tolist() == getattr(kept.nodes, name).tolist()


def test_files_give_the_record_again() -> None:
    record = both(*CASES["tokens"])[1]
    data, text = encode(record)
    again = decode(data, json.loads(text))
    assert again.stream is not None
    assert encode(again) == (data, text)
    assert again.digest == record.digest
    assert again.digest != both(*CASES["plain"])[1].digest


def test_expected_requests_decide() -> None:
    assert expected_requests(config_of("arrivals.rate_per_s=7")) == 2100.0
    config = config_of("arrivals.utilization_ratio=.5", "service.mean_s=2")
    assert expected_requests(config) == pytest.approx(0.5 * 9 / 2 * 300)
    assert expected_requests(config_of("arrivals=closed_loop", "service.mean_s=3")) == pytest.approx(900.0)
    assert not is_streamed(config)
    assert is_streamed(config_of("arrivals.rate_per_s=40000"))
    assert not is_streamed(config_of("arrivals.rate_per_s=40000", "stats.keep_requests=true"))
    assert is_streamed(config_of("arrivals.rate_per_s=7", "stats.requests_max=2099"))
    assert not is_streamed(config_of("arrivals.rate_per_s=7", "stats.requests_max=2100"))


def test_what_books_are_made_from() -> None:
    params = stream_params(config_of("warmup='20'", "slo.max=4", "slo.metric=ttft_s_p99"), False, tokens=True)
    assert (params.horizon_s, params.from_s, params.cuttable) == (300.0, 20.0, False)
    assert (params.slo_max_s, params.slo_sample) == (4.0, "ttft_s")
    assert stream_params(config_of("slo.max=4", "slo.metric=ttft_s_p99"), False, tokens=False).slo_sample == "sojourn_s"
    assert stream_params(config_of(), terminating=True, tokens=False).cuttable is False
    short = config_of("warmup='20'")
    short.horizon_s = 1.0
    assert stream_params(short, False, tokens=False).from_s == 0.0


def test_what_changes_the_books_is_part_of_the_key() -> None:
    words: list[list[str]]
    words = [[], [COUNTED], [COUNTED, "warmup=none"], [COUNTED, "warmup='9'"], [COUNTED, "slo.max=1"],
             [COUNTED, "slo.max=1", "slo.metric=ttft_s_p99"]]  # fmt: skip
    keys = [point_key(config_of(*more)) for more in words]
    assert len(set(keys)) == len(keys)
    assert point_key(config_of("warmup='9'")) == keys[0]
    assert point_key(config_of("stats.requests_max=99999")) == keys[0]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["stats.requests_max=-1"], "stats.requests_max=-1: accepted is"),
        (
            [COUNTED, "arrivals=rates", "arrivals.path={file}"],
            "stats.requests_max=0: accepted is above 0 with arrivals=rates, which ends the run: its requests are kept",
        ),
        (
            [COUNTED, "objective=recovery_s"],
            "objective=recovery_s: accepted is a metric that needs no request table, or stats.keep_requests=true, or a",
        ),
    ],
)
def test_refusals(words: list[str], message: str, tmp_path: Path) -> None:
    file = tmp_path / "rates.csv"
    file.write_text("time,rate_per_s\n0,1\n60,2\n", encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        config_of(*[word.format(file=file) for word in words])
    assert str(refused.value).startswith(message)


def test_a_study_of_counted_runs_has_its_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from sim.report.page import write_report

    monkeypatch.chdir(tmp_path)
    plan = make_plan(["balancer=random,power_of_d", *TINY, "name=counted", COUNTED, "health=victor_os",
                      "study.figures=[forest,tail,heat,timeline]"], multirun=True)  # fmt: skip
    assert finish(plan, write_report) == 0
    folder = tmp_path / "results" / "counted"
    assert "power_of_d" in capsys.readouterr().out
    assert "requests were counted, not kept" in (folder / "report.md").read_text(encoding="utf-8")
    assert not (folder / "requests").exists()
    rows = (folder / "points.csv").read_text(encoding="utf-8")
    assert "sojourn_s_p99" in rows
    assert "imbalance_ratio" in rows
    text, equal = replay_run(plan, plan.points[0].label, 1)
    assert equal
    assert "requests, counted, digest" in text


def test_there_is_no_table_of_counted_requests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = simulate([*TINY, COUNTED, "horizon_s=100", "stats.replications=2"])
    assert result.summary.requests_count == sum(record.arrivals_count for record in result.records)
    assert result["sojourn_s_mean"].replications == 2
    with pytest.raises(ConfigError, match=r"stats.keep_requests=False: accepted is true, for a table of requests"):
        result.table()


def test_a_drained_run_has_every_answer() -> None:
    _, counted = both("arrivals.utilization_ratio=.3")
    assert counted.stream is not None
    assert int(counted.stream.ended.reshape(-1, len(STATUSES))[:, OK].sum()) == counted.arrivals_count

"""A study end to end on the real engine, small: results, manifest, verdict, exit codes, what is left after trouble."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sim.bench import assemble, outcome
from sim.bench.dry_run import dry_run
from sim.bench.outcome import broken_replication, finish, last_lines, leave_out_stored, report
from sim.bench.plan import Plan, make_plan
from sim.bench.schema import Config
from sim.bench.study import store_of, stored_count, summarize
from sim.errors import ConfigError, InputError
from sim.measure.summary import StudySummary
from sim.report.page import write_report
from sim.types.records import RunRecord
from tests.bench.small_study import SWEEP, TINY, no_report


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_results_are_complete(study: Plan) -> None:
    folder = Path("results/tiny")
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {"report.html", "report.md", "points.csv", "comparisons.csv", "best.yaml", "manifest.json"} <= names
    assert {f"requests/balancer={b}-r{n}.npz" for b in ("random", "power_of_d") for n in range(3)} <= names
    points = rows(folder / "points.csv")
    assert list(points[0]) == ["point", "balancer", "metric", "unit", "mean", "ci_low", "ci_high", "replications"]
    assert {row["point"] for row in points} == {"balancer=random", "balancer=power_of_d"}
    assert {row["replications"] for row in points} == {"3"}
    comparisons = rows(folder / "comparisons.csv")
    assert {(row["point"], row["baseline"]) for row in comparisons} == {("balancer=power_of_d", "balancer=random")}
    assert sorted(path.name for path in Path.cwd().iterdir()) == [".victor-sim", "results"]


def test_the_request_tables_are_the_stored_ones(study: Plan) -> None:
    for point in study.points:
        record = store_of(study).load(point.key, 2)
        with np.load(f"results/tiny/requests/{point.label}-r2.npz", allow_pickle=False) as table:
            assert table.files == ["request", "attempt", "arrived_at", "started_at", "finished_at", "node", "status"]
            for name in table.files:
                assert table[name].tobytes() == getattr(record.attempts, name).tobytes()


def test_the_manifest_tells_what_was_run(study: Plan) -> None:
    manifest = json.loads(Path("results/tiny/manifest.json").read_text(encoding="utf-8"))
    assert manifest["validity"] == "VALID"
    assert manifest["command"] == "victor-sim run --multirun " + " ".join(SWEEP)
    assert manifest["versions"]["code"] == summarize(study).versions["code"]
    assert [point["point"] for point in manifest["points"]] == ["balancer=random", "balancer=power_of_d"]
    for told, point in zip(manifest["points"], study.points, strict=True):
        assert (told["key"], told["engine"], told["validity"], told["seed"]) == (point.key, "simpy", "VALID", 1)
        assert told["config"]["balancer"]["kind"] == point.config.balancer.kind
        assert told["config"]["fleet"]["nodes"] == 2
        assert told["replications"] == 3
    assert str(Path.cwd()) not in Path("results/tiny/manifest.json").read_text(encoding="utf-8")


def test_the_best_is_a_config_that_runs(study: Plan, capsys: pytest.CaptureFixture[str]) -> None:
    again = make_plan(["config=results/tiny/best.yaml"])
    best = summarize(study).verdicts[0].best
    assert [point.key for point in study.points if point.label == best] == [again.points[0].key]
    assert stored_count(again) == 3, "nothing is run again"


def test_the_last_lines_are_the_verdict_and_the_place(study: Plan, capsys: pytest.CaptureFixture[str]) -> None:
    assert report(study, no_report) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "report: results/tiny/report.html"
    assert "has the lowest sojourn_s_p99" in lines[-2]
    write_report(summarize(study), Path("results/tiny"))


def test_a_plain_run_tells_its_objective(study: Plan) -> None:
    plan = make_plan(["balancer=random", *TINY])
    lines = last_lines(summarize(plan))
    assert lines[0].startswith("run: sojourn_s_p99 ")
    assert " s (CI " in lines[0]
    assert lines[1].endswith(" requests, lost: none")
    single = make_plan(["balancer=random", *TINY, "stats.replications=1", "objective=success_ratio"])
    assert last_lines(summarize(single))[0] == "run: success_ratio 1"
    few = last_lines(summarize(make_plan(["balancer=random", *TINY, "objective=sojourn_s_p999"])))
    assert few[0].startswith("run: sojourn_s_p999 is not reported: of ")


def test_what_is_stored_is_left_out_of_the_missing(study: Plan) -> None:
    assert leave_out_stored(study).points == []
    more = make_plan(["balancer=random,prequal", *TINY, "name=more"], multirun=True)
    assert [point.label for point in leave_out_stored(more).points] == ["balancer=prequal"]
    assert dry_run(study).splitlines()[-1] == "to run: nothing, everything is stored"
    text = dry_run(more).splitlines()
    assert text[:2] == ["more: 2 points", "  balancer=random   3 replications, 3 stored"]
    assert text[2] == "  balancer=prequal  3 replications, 0 stored"
    assert text[3].startswith("to run: 3 replications on 1 workers, about ")
    assert text[3].endswith(" (as long as the stored ones took)")


def test_a_dry_run_of_something_new_measures_a_stretch(here: Path) -> None:
    text = dry_run(make_plan(TINY)).splitlines()
    assert text[-1].startswith("to run: 3 replications on 1 workers, about ")
    assert text[-1].endswith(" (from 5% of one replication)")
    assert list(here.iterdir()) == [], "nothing is written"


def test_a_failed_replication_is_told_and_the_rest_reported(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = assemble.run_replication

    def run(config: Config, replication: int) -> RunRecord:
        if config.balancer.kind == "random" and replication:
            raise ZeroDivisionError("by hand")
        return real(config, replication)

    monkeypatch.setattr(assemble, "run_replication", run)
    plan = make_plan(SWEEP, multirun=True)
    assert finish(plan, no_report) == 1
    captured = capsys.readouterr()
    assert (
        "balancer=random, replication 1: ZeroDivisionError: by hand (and 1 more like it); traceback in" in captured.err
    )
    assert captured.out.startswith("INVALID: balancer=random: 1 of 3 replications are there")
    manifest = json.loads((here / "results/tiny/manifest.json").read_text(encoding="utf-8"))
    assert [point["validity"] for point in manifest["points"]] == ["INVALID", "VALID"]
    monkeypatch.setattr(assemble, "run_replication", real)
    assert finish(plan, no_report) == 0, "the same command again runs what failed"


def test_a_point_without_any_replication_is_left_out(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = assemble.run_replication

    def run(config: Config, replication: int) -> RunRecord:
        if config.balancer.kind == "random":
            raise ZeroDivisionError(f"by hand, {replication}")
        return real(config, replication)

    monkeypatch.setattr(assemble, "run_replication", run)
    plan = make_plan([*SWEEP, "stats.replications=12"], multirun=True)
    assert finish(plan, no_report) == 1
    captured = capsys.readouterr()
    assert captured.err.splitlines()[-4:-2] == [
        "victor-sim: and 2 more kinds of failure",
        "victor-sim: 12 replications missing; the same command runs what is missing, and nothing else",
    ]
    assert "balancer=random is left out: none of its replications is stored" in captured.out
    manifest = json.loads((here / "results/tiny/manifest.json").read_text(encoding="utf-8"))
    assert manifest["points"][0]["validity"] == "not run"
    absent = make_plan(TINY)
    with pytest.raises(InputError, match=r"nothing is stored of [\w-]+; "):
        summarize(absent)
    manifest["versions"]["code"] = "0123456789abcdef"
    folder = here / "results" / absent.name
    folder.mkdir(exist_ok=True)
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(InputError, match=r"by this code \(\w{16}; its results are of 0123456789abcdef\)"):
        summarize(absent)


def test_what_takes_its_time_after_the_runs_is_told(study: Plan, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is run here, so that there is no bar: what is said comes before the report and its verdict."""
    order: list[str] = []

    def draw(summary: StudySummary, folder: Path) -> None:
        order.extend(capsys.readouterr().err.splitlines())
        no_report(summary, folder)

    assert finish(replace(study, name="again"), draw) == 0
    assert order == ["again: measuring and comparing 2 points", "again: drawing the report"]
    assert capsys.readouterr().err == ""


def test_a_broken_audit_names_the_replication_to_look_at(
    study: Plan, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = summarize(study)
    problems = ["2 of 3 replications are there", "replication 2: Little's law: off by 1"]
    points = [found.points[0], replace(found.points[1], valid=False, problems=problems)]
    broken = replace(found, valid=False, points=points)
    assert broken_replication(found) is None
    assert broken_replication(broken) == ("balancer=power_of_d", 2)
    monkeypatch.setattr(outcome, "summarize", lambda plan, look: broken)
    assert outcome.report(replace(study, name="broken"), no_report) == 1
    assert (
        capsys.readouterr()
        .err.splitlines()[-1]
        .startswith("next: victor-sim replay run broken balancer=power_of_d 2 tells")
    )


def test_all_failed_is_no_report(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(config: Config, replication: int) -> RunRecord:
        raise ZeroDivisionError("by hand")

    monkeypatch.setattr(assemble, "run_replication", run)
    assert finish(make_plan(TINY), no_report) == 1
    assert not list(here.glob("results/*/*"))


def test_a_broken_row_of_a_trace_is_one_line_and_exit_2(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "trace.csv").write_text("time\n0\n1\nsoon\n", encoding="utf-8")
    assert finish(make_plan(["arrivals=trace", "arrivals.path=trace.csv", *TINY]), no_report) == 2
    assert capsys.readouterr().err.splitlines()[-1] == (
        "victor-sim: trace.csv, row 4, column 'time': 'soon' is not accepted; accepted is a number or an ISO 8601 time "
        "such as 2023-11-16 18:17:03.9799600, in s"
    )


def test_an_interrupt_is_130_and_says_how_to_go_on(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = assemble.run_replication

    def run(config: Config, replication: int) -> RunRecord:
        if replication == 2:
            raise KeyboardInterrupt
        return real(config, replication)

    monkeypatch.setattr(assemble, "run_replication", run)
    plan = make_plan(SWEEP, multirun=True)
    assert finish(plan, no_report) == 130
    assert capsys.readouterr().err.endswith(
        "victor-sim: interrupted; 4 of 6 replications are stored, the same command goes on from there\n"
    )


def test_results_that_cannot_be_written_are_told_before_anything_runs(here: Path) -> None:
    (here / "results").write_text("", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"^paths\.results=results/tiny: accepted is a folder that can be made"):
        finish(make_plan(SWEEP, multirun=True), no_report)


def test_what_another_shape_left_is_removed(here: Path) -> None:
    folder = here / "results/tiny"
    for name in ("figures/old.svg", "requests/old-r0.npz", "best.yaml"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("", encoding="utf-8")
    assert finish(make_plan(["balancer=random", *TINY, "name=tiny"]), no_report) == 0
    assert sorted(path.name for path in folder.rglob("*") if path.is_file()) == [
        "best.yaml", "manifest.json", "report.html", "timings.json",
    ]  # fmt: skip
    assert "kind: random" in (folder / "best.yaml").read_text(encoding="utf-8")


def test_warm_up_is_cut_once_for_all_that_are_compared(study: Plan) -> None:
    cuts = {point.cut_s for point in summarize(study).points}
    assert len(cuts) == 1
    fixed = make_plan([*SWEEP, "warmup=12.5"], multirun=True)
    assert {point.cut_s for point in summarize(fixed).points} == {12.5}


def test_a_trace_names_its_burstiness_and_what_the_interval_covers(here: Path) -> None:
    instants = np.cumsum(np.tile([0.1, 0.1, 0.1, 3.7], 50))
    (here / "azure_llm_2023_code.csv").write_text("time\n" + "".join(f"{at}\n" for at in instants), encoding="utf-8")
    words = [
        "arrivals=trace",
        "arrivals.path=azure_llm_2023_code.csv",
        "arrivals.resample=none",
        *TINY,
        "horizon_s=500",
    ]
    plan = make_plan(words)
    assert finish(plan, no_report) == 0
    notes = summarize(plan).notes
    expected = float(np.std(np.diff(instants)) / np.mean(np.diff(instants)))
    assert f"inter-arrival CV {expected:.1f} as simulated (run, replication 0), {expected:.1f} in the trace" in notes
    assert any(note.startswith("azure_llm_2023_code.csv: Azure LLM inference trace 2023") for note in notes)
    assert any("the intervals cover simulated chance only" in note for note in notes)
    blocks = make_plan([*words, "arrivals.resample=blocks"])
    assert finish(blocks, no_report) == 0
    assert not any("simulated chance" in note for note in summarize(blocks).notes)

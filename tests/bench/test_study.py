"""A study end to end on the real engine, small: results, manifest, verdict, exit codes, what is left after trouble."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from sim.bench import assemble
from sim.bench.against import against
from sim.bench.doctor import doctor
from sim.bench.dry_run import dry_run
from sim.bench.outcome import finish, last_lines, leave_out_stored, report
from sim.bench.plan import Plan, make_plan
from sim.bench.replay import first_difference, plan_of, replay_run, results_folder
from sim.bench.schema import Config
from sim.bench.study import store_of, stored_count, summarize
from sim.errors import ConfigError, InputError
from sim.measure.summary import StudySummary
from sim.report.page import write_report
from sim.types.records import RunRecord

TINY = ["horizon_s=400", "fleet.nodes=2", "fleet.agents_per_node=2", "stats.replications=3", "launcher.workers=1"]
SWEEP = ["balancer=random,power_of_d", *TINY, "name=tiny", "stats.keep_requests=true"]


def no_report(summary: StudySummary, folder: Path) -> None:
    """Leaves a mark instead of a report."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.html").write_text(summary.name, encoding="utf-8")


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Plan]]:
    """A folder in which the sweep was run once, and its plan."""
    folder = tmp_path_factory.mktemp("study")
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        plan = make_plan(SWEEP, multirun=True)
        assert finish(plan, write_report) == 0
    return folder, plan


@pytest.fixture
def study(done: tuple[Path, Plan], monkeypatch: pytest.MonkeyPatch) -> Plan:
    """The plan that was run, inside its folder."""
    monkeypatch.chdir(done[0])
    return done[1]


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


def test_a_replay_is_the_same_bit_for_bit(study: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = plan_of(results_folder("tiny", []), [])
    assert [point.key for point in plan.points] == [point.key for point in study.points]
    text, same = replay_run(plan, "balancer=random", 1)
    assert same, text
    assert text.startswith("equal: ")
    real = assemble.run_replication

    def other(config: Config, replication: int) -> RunRecord:
        record = real(config, replication)
        record.attempts.finished_at[5] += 1.0
        return record

    monkeypatch.setattr(assemble, "run_replication", other)
    text, same = replay_run(plan, "balancer=random", 1)
    assert not same
    assert text.startswith("different: attempts.finished_at, row 5: ")
    with pytest.raises(ConfigError, match="POINT=far: accepted is one of balancer=random, balancer=power_of_d"):
        replay_run(plan, "far", 1)
    with pytest.raises(ConfigError, match=r"REPLICATION=9: accepted is a stored replication of .*: 0, 1, 2"):
        replay_run(plan, "balancer=random", 9)


def test_the_first_difference_is_named(study: Plan) -> None:
    def load() -> RunRecord:
        return store_of(study).load(study.points[0].key, 0)

    stored = load()
    assert first_difference(stored, load()) is None
    again = load()
    again.attempts.status = again.attempts.status.astype(np.int16)
    assert first_difference(stored, again) == "attempts.status is int8 stored and int16 now"
    again = load()
    again.attempts.request = again.attempts.request[:-1]
    count = len(stored.attempts)
    assert first_difference(stored, again) == f"attempts.request has {count} rows stored and {count - 1} now"
    again = load()
    again.attempts.first_token_at = again.attempts.started_at
    assert str(first_difference(stored, again)).startswith("columns attempts.request, ")
    again = load()
    again.nodes.zone[0] = "elsewhere"
    assert "elsewhere" in str(first_difference(stored, again))
    again = load()
    again.events_count += 1
    assert str(first_difference(stored, again)).startswith(f"events_count {stored.events_count} stored, ")


@pytest.mark.parametrize(("text", "problem"), [(None, "no such file"), ("{}", "no manifest"), ("[", "no manifest")])
def test_a_folder_without_results_is_told(text: str | None, problem: str, here: Path) -> None:
    if text is not None:
        (here / "manifest.json").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=problem):
        plan_of(here, [])


def test_two_results_side_by_side(study: Plan, tmp_path: Path) -> None:
    ours = Path("results/tiny")
    text, same = against(ours, ours)
    assert same
    assert " numbers in both, 0 differ; only in results/tiny: 0" in text
    head = "point,metric,mean,ci_low,ci_high\n"
    (tmp_path / "points.csv").write_text(head + "a,cost,1,0.9,1.1\na,x,0,,\na,y,1,,\nb,z,3,,\n", encoding="utf-8")
    other = tmp_path / "other"
    other.mkdir()
    (other / "points.csv").write_text(head + "a,cost,2,1.5,2.5\na,x,1,,\na,y,1,,\n", encoding="utf-8")
    text, same = against(tmp_path, other)
    assert not same
    assert text.splitlines()[1:] == ["a  cost: 1 -> 2 (+100.00 %, intervals apart)", "a  x: 0 -> 1 (from 0)"]
    assert text.startswith("3 numbers in both, 2 differ; ")
    for content, problem in (
        ("point\n", "no such column"),
        (head + "a,b,c,,\n", "row 2, column 'mean': 'c' is no number"),
    ):
        (other / "points.csv").write_text(content, encoding="utf-8")
        with pytest.raises(InputError, match=problem):
            against(tmp_path, other)
    with pytest.raises(InputError, match="no such file"):
        against(tmp_path, tmp_path / "none")


def test_the_doctor_looks_at_the_store(study: Plan) -> None:
    config = study.base
    text, sound = doctor(config, cleaning=False)
    assert sound
    assert "6 whole replications" in text
    assert "numpy " in text
    folder = store_of(study).folder(study.points[1].key)
    content = (folder / "rep-0002.npz").read_bytes()
    (folder / "rep-0002.npz").write_bytes(content[:100])
    (folder / "rep-0009.npz.1.part").write_bytes(b"")
    text, sound = doctor(config, cleaning=False)
    assert not sound
    assert "5 whole replications" in text
    assert "1 leftover temporary files, 1 broken replications" in text
    assert str(folder / "rep-0002.json") in text
    text, sound = doctor(config, cleaning=True)
    assert sound
    assert text.endswith("cleaned: 3 files removed")
    assert doctor(config, cleaning=False)[1]
    assert finish(study, write_report) == 0
    assert (folder / "rep-0002.npz").read_bytes() == content, "run again, it is the same"


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
    assert captured.err.splitlines()[-1] == "victor-sim: and 2 more kinds of failure"
    assert "balancer=random is left out: none of its replications is stored" in captured.out
    manifest = json.loads((here / "results/tiny/manifest.json").read_text(encoding="utf-8"))
    assert manifest["points"][0]["validity"] == "not run"
    with pytest.raises(InputError, match="nothing is stored of"):
        summarize(make_plan(TINY))


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
        "best.yaml", "manifest.json", "report.html",
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

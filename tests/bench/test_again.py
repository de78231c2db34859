"""What is stored, looked at again: replays bit for bit, two results side by side, the doctor."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sim.bench import assemble
from sim.bench.against import against
from sim.bench.doctor import doctor
from sim.bench.outcome import finish
from sim.bench.plan import Plan
from sim.bench.replay import first_difference, plan_of, replay_run, results_folder
from sim.bench.schema import Config
from sim.bench.study import store_of
from sim.errors import ConfigError, InputError
from sim.report.page import write_report
from sim.types.records import RunRecord


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
    assert text.splitlines()[1].startswith("1 of 1 points: a folder has no manifest")
    assert text.splitlines()[2:] == ["a  cost: 1 -> 2 (+100.00 %, intervals apart)", "a  x: 0 -> 1 (from 0)"]
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

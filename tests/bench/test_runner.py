"""Tasks over workers: what is stored is not run again, a failure costs one task, an interrupt loses no finished one."""

from __future__ import annotations

import io
import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from sim.bench import assemble
from sim.bench.compose import compose
from sim.bench.progress import Progress, left, words_of
from sim.bench.runner import (
    Task,
    missing_tasks,
    run_task,
    run_tasks,
    workers_of,
)
from sim.bench.schema import Config
from sim.bench.store import Store
from sim.errors import InputError, InvalidRun, WorkerLost
from sim.types.records import RunRecord
from tests.bench.fake import fake_record

CONFIG = compose(["horizon_s=40", "drain_s=40", "stats.replications=3", "fleet.nodes=2", "fleet.agents_per_node=2"])
KEYS = ("ab" + "0" * 62, "cd" + "0" * 62)
POINTS = [(KEYS[0], "one", CONFIG), (KEYS[1], "two", CONFIG)]


def test_points_take_turns_and_stored_ones_are_left_out(tmp_path: Path) -> None:
    store = Store(tmp_path)
    tasks = missing_tasks(store, POINTS)
    assert [(task.point, task.replication) for task in tasks] == [(p, n) for n in range(3) for p in ("one", "two")]
    store.save(KEYS[1], 1, fake_record(CONFIG, 1))
    assert [(task.point, task.replication) for task in missing_tasks(store, POINTS)] == [
        ("one", 0), ("two", 0), ("one", 1), ("one", 2), ("two", 2),
    ]  # fmt: skip
    same = [(KEYS[0], "one", CONFIG), (KEYS[0], "its twin", CONFIG)]
    assert len(missing_tasks(store, same)) == 3, "one key is one run, whatever its labels"
    assert missing_tasks(store, []) == []


def test_the_same_again_runs_nothing(tmp_path: Path, counted: list[tuple[str, int]]) -> None:
    store = Store(tmp_path)
    assert run_tasks(missing_tasks(store, POINTS), tmp_path, 1, "study") == []
    assert len(counted) == 6
    assert run_tasks(missing_tasks(store, POINTS), tmp_path, 1, "study") == []
    assert len(counted) == 6
    (store.folder(KEYS[0]) / "rep-0002.npz").write_bytes(b"broken")
    run_tasks(missing_tasks(store, POINTS), tmp_path, 1, "study")
    assert counted[6:] == [("round_robin", 2)]


def test_a_failure_costs_its_own_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(config: Config, replication: int) -> RunRecord:
        if replication == 0:
            raise ZeroDivisionError("by hand")
        if replication == 1:
            raise InvalidRun("point", "by hand")
        raise InputError("trace.csv", 7, "time", "by hand")

    monkeypatch.setattr(assemble, "run_replication", run)
    store = Store(tmp_path)
    failures = run_tasks(missing_tasks(store, POINTS[:1]), tmp_path, 1, "study")
    assert [str(failure) for failure in failures] == [
        "one, replication 0: ZeroDivisionError: by hand",
        "one, replication 1: point is INVALID: by hand",
        "one, replication 2: trace.csv, row 7, column 'time': by hand",
    ]
    assert [failure.refused for failure in failures] == [False, False, True]
    assert failures[0].file == store.failure_file(KEYS[0], 0)
    assert "ZeroDivisionError: by hand" in store.failure_file(KEYS[0], 0).read_text(encoding="utf-8")
    assert failures[2].file is None


def test_an_interrupt_keeps_what_is_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = []

    def run(config: Config, replication: int) -> RunRecord:
        runs.append(replication)
        if len(runs) == 4:
            raise KeyboardInterrupt
        return fake_record(config, replication)

    monkeypatch.setattr(assemble, "run_replication", run)
    store = Store(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        run_tasks(missing_tasks(store, POINTS), tmp_path, 1, "study")
    left_over = missing_tasks(store, POINTS)
    assert [(task.point, task.replication) for task in left_over] == [("two", 1), ("one", 2), ("two", 2)]
    assert run_tasks(left_over, tmp_path, 1, "study") == []
    assert missing_tasks(store, POINTS) == []


def test_workers_write_what_one_process_writes(tmp_path: Path) -> None:
    """Two workers and the real engine: the same bytes as in this process."""
    tasks = missing_tasks(Store(tmp_path / "none"), POINTS[:1])
    assert run_tasks(tasks, tmp_path / "two", 2, "study") == []
    assert run_tasks(tasks, tmp_path / "one", 1, "study") == []
    names = [f"{KEYS[0][:2]}/{KEYS[0]}/rep-000{n}.npz" for n in range(3)]
    for name in names:
        assert (tmp_path / "two" / name).read_bytes() == (tmp_path / "one" / name).read_bytes()
    facts = [Store(tmp_path / folder).facts(KEYS[0], 2) for folder in ("one", "two")]
    assert all(fact is not None and fact["wall_s"] > 0.0 for fact in facts)
    assert len({fact["digest"] for fact in facts if fact is not None}) == 1


def test_a_killed_worker_costs_its_task(tmp_path: Path) -> None:
    def launch(function: Any, calls: Any, workers: int) -> Generator[tuple[int, Any], None, None]:
        yield 0, WorkerLost(-9)
        Store(tmp_path).save(KEYS[0], 1, fake_record(CONFIG, 1))
        yield 1, None

    tasks = [Task(KEYS[0], "one", CONFIG, number) for number in range(2)]
    failures = run_tasks(tasks, tmp_path, 2, "study", launch)
    assert [str(f) for f in failures] == [
        "one, replication 0: its worker process was killed by signal 9 (out of memory?)"
    ]


def test_a_task_that_runs_gives_nothing(tmp_path: Path, counted: list[tuple[str, int]]) -> None:
    assert run_task(Task(KEYS[0], "one", CONFIG, 5), tmp_path) is None
    assert Store(tmp_path).has(KEYS[0], 5)


def test_workers_are_one_a_core_unless_named() -> None:
    assert workers_of(compose(["launcher.workers=3"])) == 3
    assert workers_of(CONFIG) == os.cpu_count()


class Terminal(io.StringIO):
    """A stream that somebody watches."""

    def isatty(self) -> bool:
        return True


def test_progress_draws_a_bar_on_a_terminal() -> None:
    now = iter([0.0, 10.0, 20.0])
    stream = Terminal()
    progress = Progress(2, "study", stream, lambda: next(now))
    progress.advance()
    progress.advance()
    assert stream.getvalue() == (
        "\r[..............................] study: 0/2\x1b[K"
        "\r[###############...............] study: 1/2, 10 s left\x1b[K"
        "\r[##############################] study: 2/2, took 20 s\x1b[K\n"
    )


def test_progress_is_quiet_elsewhere() -> None:
    now = iter([0.0, 1.0, 12.0, 13.0, 14.0])
    stream = io.StringIO()
    progress = Progress(4, "study", stream, lambda: next(now))
    for _ in range(4):
        progress.advance()
    assert stream.getvalue() == "study: 2/4, 12 s left\nstudy: 4/4, took 14 s\n"


def test_durations_are_for_people() -> None:
    assert [words_of(s) for s in (0.2, 59.4, 59.6, 125.0, 3600.0, 11400.0)] == [
        "0 s", "59 s", "1 min 0 s", "2 min 5 s", "1 h 0 min", "3 h 10 min",
    ]  # fmt: skip
    assert left(30.0, 1, 4) == "1 min 30 s left"

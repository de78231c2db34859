"""A cell is run by one process at a time, whoever dies; a claim leaves nothing behind."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sim.bench import assemble
from sim.bench.claims import FILE, claim, is_held
from sim.bench.compose import compose
from sim.bench.leftovers import clean, health
from sim.bench.runner import missing_tasks, run_tasks
from sim.bench.schema import Config
from sim.bench.store import Store, cell_name
from sim.errors import ConfigError
from sim.types.records import RunRecord
from tests.bench.fake import fake_record

KEY = "ab" + "0" * 62
CONFIG = compose(["horizon_s=40", "stats.replications=3"])


@contextmanager
def holder(root: Path, cell: str) -> Iterator[int]:
    """Another process that holds a cell until it is ended."""
    ready, told = os.pipe()
    child = os.fork()
    if not child:
        with claim(root, cell) as ours:
            os.write(told, b"1" if ours else b"0")
            signal.pause()
        os._exit(0)
    assert os.read(ready, 1) == b"1"
    try:
        yield child
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(ready)
        os.close(told)


def test_what_another_process_holds_is_not_ours_until_it_ends(tmp_path: Path) -> None:
    with holder(tmp_path, "one"):
        with claim(tmp_path, "one") as ours:
            assert not ours
        with claim(tmp_path, "two") as ours:
            assert ours
        assert is_held(tmp_path, "one")
        assert not is_held(tmp_path, "two")
    assert not is_held(tmp_path, "one"), "the kernel lets go of what a killed process held"
    with claim(tmp_path, "one", waiting=True) as ours:
        assert ours
    assert [path.name for path in tmp_path.iterdir()] == [FILE]
    assert (tmp_path / FILE).stat().st_size == 0
    assert not is_held(tmp_path / "none", "one")


def test_a_file_system_without_locks_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*words: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "lockf", refused)
    with pytest.raises(ConfigError, match=r"accepted is a folder on a file system with locks \(No locks available\)$"):
        Store(tmp_path).check_writable()


def test_two_runners_never_do_one_cell_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other runner, a process of its own, is in the middle of replication 0 when this one begins."""
    ready, told = os.pipe()
    go, gone = os.pipe()
    store, other = Store(tmp_path), os.getpid()
    runs = tmp_path / "runs"

    def run(config: Config, replication: int) -> RunRecord:
        with runs.open("a", encoding="utf-8") as file:
            file.write(f"{replication} {'here' if os.getpid() == other else 'there'}\n")
        if os.getpid() != other:
            os.write(told, b"1")
            os.read(go, 1)
        elif replication == 2:
            os.write(gone, b"1")  # all that is free is done: the other may end its cell
        return fake_record(config, replication)

    monkeypatch.setattr(assemble, "run_replication", run)
    tasks = missing_tasks(store, [(KEY, "one", CONFIG)])
    child = os.fork()
    if not child:
        os._exit(len(run_tasks(tasks[:1], tmp_path, 1, "there")))
    os.read(ready, 1)
    assert run_tasks(tasks, tmp_path, 1, "here") == []
    assert os.waitpid(child, 0)[1] == 0
    assert runs.read_text(encoding="utf-8").splitlines() == ["0 there", "1 here", "2 here"]
    assert missing_tasks(store, [(KEY, "one", CONFIG)]) == []


def test_what_a_dead_runner_did_not_finish_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(assemble, "run_replication", fake_record)
    tasks = missing_tasks(Store(tmp_path), [(KEY, "one", CONFIG)])
    with holder(tmp_path, cell_name(KEY, 1)) as child:
        advance = os.kill

        def progress(*words: object, **named: object) -> None:
            advance(child, signal.SIGKILL)  # once it is said that the other is waited for

        monkeypatch.setattr("builtins.print", progress)
        assert run_tasks(tasks, tmp_path, 1, "study") == []
    assert missing_tasks(Store(tmp_path), [(KEY, "one", CONFIG)]) == []


def test_the_doctor_leaves_alone_what_is_being_written(tmp_path: Path) -> None:
    store, results = Store(tmp_path / "store"), tmp_path / "results"
    store.save(KEY, 0, fake_record(CONFIG, 0))
    folder = store.folder(KEY)
    (folder / "rep-0001.npz").write_bytes(b"columns without a record yet")
    (folder / "rep-0001.json.7.part").write_bytes(b"")
    with holder(store.root, cell_name(KEY, 1)) as child:
        (folder / f"config.yaml.{child}.part").write_bytes(b"")
        (results / "mine").mkdir(parents=True)
        (results / "mine" / f".report.html.{child}.tmp").write_bytes(b"")
        found = health(store.root, results)
        assert (found.replications, found.leftovers, found.broken) == (1, [], [])
    found = health(store.root, results)
    assert {path.name for path in found.leftovers} == {
        "rep-0001.json.7.part", f"config.yaml.{child}.part", f".report.html.{child}.tmp"
    }  # fmt: skip
    assert [path.name for path in found.broken] == ["rep-0001.npz"]
    assert clean(found) == 4
    found = health(store.root, results)
    assert (found.replications, found.leftovers, found.broken) == (1, [], [])

"""Replications are stored bit for bit, whole or not at all."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from sim.bench.compose import compose
from sim.bench.durable import write_whole
from sim.bench.leftovers import clean, health
from sim.bench.record_files import columns_of, decode, encode, npz_bytes
from sim.bench.store import Store
from sim.errors import ConfigError, InvalidRun
from tests.bench.fake import fake_record

KEY = "ab" + "0" * 62
CONFIG = compose(["horizon_s=40"])


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store with replications 0 and 1 of one point."""
    made = Store(tmp_path / "store")
    for replication in range(2):
        made.save(KEY, replication, fake_record(CONFIG, replication))
    return made


@pytest.mark.parametrize("overrides", [[], ["service=llm"]])
def test_a_record_comes_back_bit_for_bit(overrides: list[str]) -> None:
    record = fake_record(compose(overrides), 3)
    record.attempts.finished_at[2] = np.nan
    record.attempts.started_at[3] = -0.0
    data, text = encode(record)
    again = decode(data, json.loads(text))
    ours, theirs = columns_of(record), columns_of(again)
    assert ours[1] == theirs[1]
    assert list(ours[0]) == list(theirs[0])
    for name, column in ours[0].items():
        assert column.dtype == theirs[0][name].dtype, name
        assert column.tobytes() == theirs[0][name].tobytes(), name
    for field in fields(record):
        if field.name not in ("attempts", "nodes"):
            assert getattr(record, field.name) == getattr(again, field.name), field.name
    assert (again.attempts.first_token_at is None) == (not overrides)


def test_columns_are_the_same_bytes_however_often_written() -> None:
    columns = columns_of(fake_record(CONFIG, 0))[0]
    assert npz_bytes(columns) == npz_bytes({name: column.copy() for name, column in columns.items()})
    with pytest.raises(ValueError, match="not those"):
        decode(b"", {"columns": "0"})


def test_the_engines_wall_time_is_not_part_of_the_columns() -> None:
    slow, quick = fake_record(CONFIG, 0), fake_record(CONFIG, 0)
    slow.wall_s = 9.0
    assert encode(slow)[0] == encode(quick)[0]


def test_objects_are_never_stored_nor_read() -> None:
    with pytest.raises(ValueError, match="allow_pickle"):
        npz_bytes({"attempts.request": np.array([object()])})


def test_what_is_whole_is_there(store: Store) -> None:
    assert [store.has(KEY, replication) for replication in range(3)] == [True, True, False]
    loaded = store.load(KEY, 1)
    assert loaded.digest == fake_record(CONFIG, 1).digest
    facts = store.facts(KEY, 1)
    assert facts is not None
    assert facts["wall_s"] == 0.25
    assert store.facts(KEY, 2) is None
    with pytest.raises(FileNotFoundError, match="replication 2 of ab0"):
        store.load(KEY, 2)
    assert sorted(path.name for path in store.folder(KEY).iterdir()) == [
        "rep-0000.json", "rep-0000.npz", "rep-0001.json", "rep-0001.npz",
    ]  # fmt: skip


@pytest.mark.parametrize("harm", ["cut", "flip", "npz gone", "json gone", "json cut", "json other", "json list"])
def test_what_is_harmed_does_not_count(harm: str, store: Store) -> None:
    data, facts = store.folder(KEY) / "rep-0001.npz", store.folder(KEY) / "rep-0001.json"
    match harm:
        case "cut":
            data.write_bytes(data.read_bytes()[:-1])
        case "flip":
            content = bytearray(data.read_bytes())
            content[len(content) // 2] ^= 1
            data.write_bytes(bytes(content))
        case "npz gone":
            data.unlink()
        case "json gone":
            facts.unlink()
        case "json cut":
            facts.write_bytes(facts.read_bytes()[:20])
        case "json other":
            facts.write_text('{"columns": "0"}', encoding="utf-8")
        case "json list":
            facts.write_text("[]", encoding="utf-8")
    assert [store.has(KEY, replication) for replication in range(2)] == [True, False]
    found = health(store.root)
    assert (found.replications, len(found.broken), found.leftovers) == (1, 1, [])
    assert clean(found) in (1, 2)
    assert health(store.root).broken == []
    store.save(KEY, 1, fake_record(CONFIG, 1))
    assert store.has(KEY, 1)


def test_a_killed_writer_leaves_only_a_temporary_file(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(path: Path, target: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            store.save(KEY, 2, fake_record(CONFIG, 2))
        assert health(store.root).leftovers == [], "an interrupted one takes it away"
        patched.setattr(Path, "unlink", lambda path, missing_ok: None)
        with pytest.raises(KeyboardInterrupt):
            store.save(KEY, 2, fake_record(CONFIG, 2))
    assert not store.has(KEY, 2)
    found = health(store.root)
    assert len(found.leftovers) == 1
    assert (found.replications, found.broken) == (2, [])
    assert clean(found) == 1
    assert health(store.root).leftovers == []


def test_two_writers_must_agree(store: Store) -> None:
    store.save(KEY, 0, fake_record(CONFIG, 0))
    with pytest.raises(
        InvalidRun, match=r"^ab00000000 replication 0 is INVALID: it gave other columns before \(.*determinism$"
    ):
        store.save(KEY, 0, fake_record(CONFIG, 1))


def test_a_success_removes_what_a_failure_said(store: Store) -> None:
    path = store.write_failure(KEY, 2, "Traceback")
    assert path.read_text(encoding="utf-8") == "Traceback"
    store.save(KEY, 2, fake_record(CONFIG, 2))
    assert not path.exists()


def test_a_store_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"^paths\.store=.*/file/store: accepted is a folder that can be made and"):
        Store(tmp_path / "file" / "store").check_writable()


def test_an_empty_store_is_healthy(tmp_path: Path) -> None:
    found = health(tmp_path / "none")
    assert (found.replications, found.size_bytes, found.leftovers, found.broken) == (0, 0, [], [])
    write_whole(tmp_path / "deep" / "file", b"text")
    assert (tmp_path / "deep" / "file").read_bytes() == b"text"

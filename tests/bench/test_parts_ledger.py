"""The ledger of finished parts: what was written is there again, in memory and on disk, and broken lines are passed."""

from __future__ import annotations

from pathlib import Path

from sim.bench.ledger import Ledger, ledger_of


def test_parts_are_there_again(tmp_path: Path) -> None:
    path = tmp_path / "very" / "deep" / "ledger.jsonl"
    ledger = Ledger(path)
    assert ledger.parts == {}
    ledger.write("one", {"a": [1.5, None]})
    ledger.write("two", 2)
    assert ledger.parts == {"one": {"a": [1.5, None]}, "two": 2}
    assert Ledger(path).parts == ledger.parts
    alone = Ledger(None)
    alone.write("one", 1)
    assert alone.parts == {"one": 1}


def test_what_a_kill_left_is_passed_and_what_follows_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_bytes(b'["one", 1]\n\xff\n7\n[["x"], 1]\n["two", 2]\n["thr')
    ledger = Ledger(path)
    assert ledger.parts == {"one": 1, "two": 2}
    ledger.write("three", 3)
    assert Ledger(path).parts == {"one": 1, "two": 2, "three": 3}
    assert path.read_bytes().endswith(b'["thr\n["three", 3]\n')


def test_a_ledger_is_known_by_what_is_asked_and_by_the_code(tmp_path: Path) -> None:
    one, same, other = (ledger_of(tmp_path, "what", seed=seed) for seed in (1, 1, 2))
    assert one.path == same.path != other.path
    assert one.path is not None
    assert one.path.parent == tmp_path / "ledgers"
    assert one.path.name.startswith("what-")
    assert ledger_of(tmp_path, "what", ("sim.bench.storm",), seed=1).path != one.path
    one.write("part", 1)
    assert ledger_of(tmp_path, "what", seed=1).parts == {"part": 1}


def test_a_question_has_one_name_whatever_the_order_of_its_words(tmp_path: Path) -> None:
    one, other = ledger_of(tmp_path, "what", a=1, b=2), ledger_of(tmp_path, "what", b=2, a=1)
    assert one.path == other.path
    assert one.path is not None
    assert len(one.path.stem) == len("what-") + 16
    one.write("first", 1)
    ledger_of(tmp_path, "else", a=1).write("first", 2)  # its folder is there already
    assert ledger_of(tmp_path, "what", a=1, b=2).parts == {"first": 1}

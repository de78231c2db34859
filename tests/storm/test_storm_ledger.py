"""The ledger of storms: what was written is there, a cut tail is cut back, damage in the middle is refused."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from sim.bench.storm.ledger import Chunk, StormLedger, line_of
from sim.bench.storm.probes import PROBES
from sim.bench.storm.published import matrix, publish, ranges
from sim.errors import InputError


def chunk(first: int, count: int = 25, code: str = "a", **more: object) -> Chunk:
    made = Chunk(first, count, code, digest=f"d{first}", virtual_s=3600.0, cpu_s=1.0)
    for name, value in more.items():
        setattr(made, name, value)
    return made


def test_chunks_are_read_back(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "ledger.jsonl"
    ledger = StormLedger(path)
    one = chunk(1, violations=[(3, "M1 broke")], cells=Counter({"crash x M1": 4}), probes=Counter({"a fence": 2}))
    ledger.write(one)
    ledger.write(chunk(26))
    again = StormLedger(path)
    assert list(again.chunks.values()) == [one, chunk(26)]
    assert again.has("a", 1, 25)
    assert not again.has("b", 1, 25)
    assert again.cut_lines == 0


def test_every_cut_of_the_last_line_leaves_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    whole = line_of(chunk(1)) + line_of(chunk(26))
    keep = len(line_of(chunk(1)))
    for length in range(keep + 1, len(whole), 7):
        path.write_bytes(whole[:length])
        ledger = StormLedger(path)
        assert list(ledger.chunks) == [("a", 1, 25)], length
        assert ledger.cut_lines == 1
        assert path.stat().st_size == keep
        ledger.write(chunk(26))
        assert path.read_bytes() == whole


def test_a_flipped_byte_in_the_middle_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    data = bytearray(line_of(chunk(1)) + line_of(chunk(26)))
    data[40] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(InputError, match="a corrupt line in the middle of the ledger"):
        StormLedger(path)
    assert path.read_bytes() == bytes(data)


def test_ranges_are_unbroken_and_of_one_code() -> None:
    found = ranges([chunk(26), chunk(1), chunk(76), chunk(1, code="b")])
    assert [(one.code, one.first, one.count) for one in found] == [("a", 1, 50), ("a", 76, 25), ("b", 1, 25)]
    assert found[0].virtual_s == 7200.0
    assert len({one.digest for one in found}) == 3


def test_publishing_is_cumulative_and_may_be_repeated(tmp_path: Path) -> None:
    ledger = StormLedger(None)
    ledger.write(chunk(1, cells=Counter({"crash x M1": 4}), judged=Counter(M1=7), probes=Counter({PROBES[0]: 3})))
    folder = publish(ledger, tmp_path / "storm")
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert {path.name: path.read_bytes() for path in publish(ledger, folder).iterdir()} == first
    ledger.write(chunk(26))
    publish(ledger, folder)
    assert list(StormLedger(folder / "ledger.jsonl").chunks) == [("a", 1, 50)]
    other = StormLedger(None)
    other.write(chunk(1, code="b", violations=[(2, "M3 broke")]))
    publish(other, folder)
    assert [key[:2] for key in StormLedger(folder / "ledger.jsonl").chunks] == [("a", 1), ("b", 1)]
    text = (folder / "README.md").read_text()
    assert "**75 schedules, 1 violations, 3 virtual fleet hours**" in text
    assert "b, seed 2: M3 broke" in text
    assert (folder / "probes.csv").read_text().splitlines()[1] == f"{PROBES[0]},3"


def test_the_matrix_has_a_column_an_invariant() -> None:
    rows = matrix(chunk(1, cells=Counter({"crash x M1": 4, "deed drain x M2": 1}))).splitlines()
    assert rows[0].startswith("fault,M1,M2,M3")
    assert rows[1].startswith("crash,4,0,")
    assert rows[2].startswith("deed drain,0,1,")

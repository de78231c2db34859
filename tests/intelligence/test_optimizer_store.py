"""What was appended is there after any cut of the file; damage before good samples is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sim.errors import InputError, SimError
from sim.intelligence.store import LINE_BYTES_MAX, MetricsStore, _sum
from tests.intelligence.rig import START, draws, sample_of

SAMPLES = [sample_of(number, START, draws(), float(number)) for number in range(4)]


def filled(path: Path) -> bytes:
    store = MetricsStore(path)
    for sample in SAMPLES:
        store.append(sample)
    store.close()
    return path.read_bytes()


def test_all_come_back_as_they_were(tmp_path: Path) -> None:
    filled(tmp_path / "m.jsonl")
    assert MetricsStore(tmp_path / "m.jsonl").samples() == tuple(SAMPLES)


def test_every_torn_tail_is_cut_back_to_whole_samples(tmp_path: Path) -> None:
    data = filled(tmp_path / "m.jsonl")
    ends = [0] + [at + 1 for at, byte in enumerate(data) if byte == ord("\n")]
    for length in range(0, len(data) + 1, 41):
        path = tmp_path / "torn.jsonl"
        path.write_bytes(data[:length])
        store = MetricsStore(path)
        whole = max(index for index, end in enumerate(ends) if end <= length)
        assert store.samples() == tuple(SAMPLES[:whole])
        assert store.cut_bytes == length - ends[whole]
        store.append(SAMPLES[-1])  # goes on where it was cut
        store.close()
        assert MetricsStore(path).samples() == (*SAMPLES[:whole], SAMPLES[-1])


def test_a_changed_sample_in_the_middle_is_refused(tmp_path: Path) -> None:
    data = bytearray(filled(tmp_path / "m.jsonl"))
    data[len(data) // 3] ^= 1
    (tmp_path / "m.jsonl").write_bytes(bytes(data))
    with pytest.raises(InputError, match="corrupt or missing sample"):
        MetricsStore(tmp_path / "m.jsonl")


def test_lines_that_changed_places_are_refused(tmp_path: Path) -> None:
    lines = filled(tmp_path / "m.jsonl").split(b"\n")
    (tmp_path / "m.jsonl").write_bytes(b"\n".join([lines[1], lines[0], *lines[2:]]))
    with pytest.raises(InputError):
        MetricsStore(tmp_path / "m.jsonl")


def test_it_is_bounded_in_memory_and_on_disk(tmp_path: Path) -> None:
    store = MetricsStore(tmp_path / "m.jsonl", samples_max=3)
    for number in range(20):
        store.append(replace(SAMPLES[0], timestamp=float(number)))
        assert (tmp_path / "m.jsonl").read_bytes().count(b"\n") <= 6
    assert [sample.timestamp for sample in store.samples()] == [17.0, 18.0, 19.0]
    assert MetricsStore(tmp_path / "m.jsonl", samples_max=3).digest() == store.digest()


def test_a_huge_sample_and_a_closed_store_are_refused(tmp_path: Path) -> None:
    store = MetricsStore(tmp_path / "m.jsonl")
    huge = replace(SAMPLES[0], context={f"k{number}": 1.0 for number in range(LINE_BYTES_MAX // 6)})
    with pytest.raises(ValueError, match="accepted is at most"):
        store.append(huge)
    store.close()
    with pytest.raises(SimError, match="closed"):
        store.append(SAMPLES[0])


def test_a_line_too_deep_to_read_is_a_corrupt_one_whatever_its_sum_says(tmp_path: Path) -> None:
    path, deep = tmp_path / "m.jsonl", "[" * 100_000
    whole = filled(path)
    path.write_bytes(whole + f"{_sum(len(SAMPLES), deep)} {len(SAMPLES)} {deep}\n".encode())
    assert MetricsStore(path).samples() == tuple(SAMPLES)
    assert path.read_bytes() == whole

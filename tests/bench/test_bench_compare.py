"""What pytest-benchmark measured against the last that was kept; and the facts of a machine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sim.bench import machine
from sim.bench.bench_compare import compare
from sim.errors import InputError


def raw(folder: Path, **medians_s: float) -> Path:
    path = folder / "raw.json"
    tests = [
        {"fullname": f"tests/a/test_b.py::{name}", "name": name, "stats": {"median": median_s, "rounds": 5}}
        for name, median_s in medians_s.items()
    ]
    path.write_text(json.dumps({"machine_info": {"node": "a-host"}, "benchmarks": tests}), encoding="utf-8")
    return path


def test_ratios_to_the_last(tmp_path: Path) -> None:
    kept = tmp_path / "new" / "benchmark.json"
    assert compare(raw(tmp_path, one=0.5, two=0.002), kept) == [
        "test_b::one      500.0000 ms  new",
        "test_b::two        2.0000 ms  new",
    ]
    assert compare(raw(tmp_path, one=0.75), kept) == [
        "test_b::one      750.0000 ms  1.50 times the last",
        "test_b::two  gone",
    ]
    text = kept.read_text(encoding="utf-8")
    assert json.loads(text)["tests"] == {"test_b::one": {"median_s": 0.75, "rounds": 5}}
    assert "a-host" not in text


@pytest.mark.parametrize("text", ["{", "[]", '{"benchmarks": 3}', '{"benchmarks": [{}]}'])
def test_what_is_no_measurement_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "raw.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError):
        compare(path, tmp_path / "benchmark.json")
    assert not (tmp_path / "benchmark.json").exists()


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        compare(tmp_path / "none.json", tmp_path / "benchmark.json")


def test_the_processor_and_its_data_caches(tmp_path: Path) -> None:
    info = tmp_path / "cpuinfo"
    info.write_text("processor\t: 0\nmodel name\t:  A  B\n", encoding="utf-8")
    assert machine.processor(info) == "A B"
    assert machine.processor(tmp_path / "none") != ""
    for index, (kind, level, size) in enumerate(
        [("Data", "1", "32K"), ("Instruction", "1", "64K"), ("Unified", "3", "16M"), ("Unified", "", "")]
    ):
        folder = tmp_path / f"index{index}"
        folder.mkdir()
        for name, word in (("type", kind), ("level", level), ("size", size)):
            (folder / name).write_text(f"{word}\n", encoding="utf-8")
    assert machine.caches(tmp_path) == {"L1 cache": 32 << 10, "L3 cache": 16 << 20}
    assert machine.caches(tmp_path / "none") == {}


def test_sizes_in_words() -> None:
    assert [machine.size_text(size) for size in (512, 32 << 10, 16 << 20, 2 << 30)] == [
        "512 B", "32 KiB", "16 MiB", "2 GiB",
    ]  # fmt: skip


def test_facts_name_what_a_speed_depends_on() -> None:
    found = machine.facts()
    assert {"processor", "cores", "python", "numba", "numpy", "simpy"} <= set(found)
    assert found["python"].startswith("CPython 3.")

"""The trace that ships with the package is what its function makes, and a trace like any other."""

from __future__ import annotations

from pathlib import Path

from sim.world.traces.inspect import inspect_trace
from sim.world.traces.sample import SAMPLE, sample_lines, write_sample


def test_the_shipped_file_is_the_functions() -> None:
    assert SAMPLE.read_bytes() == "".join(sample_lines()).encode()


def test_it_can_be_written_anywhere(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "sample.csv"
    write_sample(path)
    assert path.read_bytes() == SAMPLE.read_bytes()


def test_another_seed_gives_other_rows() -> None:
    first, second = (list(sample_lines(seed, 20)) for seed in (5, 6))
    assert first[0] == second[0] == "TIMESTAMP,ContextTokens,GeneratedTokens\n"
    assert all(one != other for one, other in zip(first[1:], second[1:], strict=True))


def test_it_is_understood() -> None:
    text = inspect_trace(str(SAMPLE)).as_text()
    for told in ("rows               200", "77.2 s", "time unit          iso", "rejected lines     0"):
        assert told in text

"""A trace as load: as recorded, sped up, resampled in blocks that keep their bursts, with what each row carries."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sim.errors import ConfigError, InputError
from sim.runtime.draws import CounterDraws
from sim.world.params import ColumnParams
from sim.world.traces.sample import SAMPLE
from tests.world.arrivals.loads import Z, instants, law_of, mean_and_error

HEADER = "time,prompt_tokens,output_tokens,service_s,type,key\n"


def trace_file(folder: Path, at: list[float]) -> str:
    path = folder / "trace.csv"
    rows = [
        f"{t!r},{number + 1},{number + 2},{number / 8},{'ab'[number % 2]},u{number}\n" for number, t in enumerate(at)
    ]
    path.write_text(HEADER + "".join(rows), encoding="utf-8")
    return str(path)


def test_instants_are_as_recorded_from_the_first_row_on(tmp_path: Path) -> None:
    path = trace_file(tmp_path, [1000.25, 1000.25, 1003.0, 1010.5])
    assert instants("trace", None, 100.0, path=path, resample="none").tolist() == [0.0, 0.0, 2.75, 10.25]
    assert instants("trace", None, 100.0, path=path, resample="none", speedup=4.0).tolist() == [
        0.0,
        0.0,
        0.6875,
        2.5625,
    ]
    assert instants("trace", None, 2.75, path=path, resample="none").tolist() == [0.0, 0.0]
    law = law_of("trace", None, path=path, speedup=4.0)
    assert law.terminating is True
    assert law.rate_per_s() == 4 * 4.0 / 10.25
    assert law_of("trace", None, path=trace_file(tmp_path, [5.0, 5.0])).rate_per_s() == float("inf")


def test_rows_bring_their_sizes_types_and_keys(tmp_path: Path) -> None:
    path = trace_file(tmp_path, [float(number) for number in range(1500)])
    law = law_of("trace", None, path=path, resample="none", types=("b", "a"))
    chunks = list(law.chunks(CounterDraws(1, 0), 1e9))
    assert [(chunk.first, len(chunk.at)) for chunk in chunks] == [(0, 1024), (1024, 476)]
    second = chunks[1]
    assert second.prompt_tokens is not None
    assert second.output_tokens is not None
    assert second.service_s is not None
    assert second.types is not None
    assert second.keys is not None
    assert (second.prompt_tokens[0], second.output_tokens[0], second.service_s[0]) == (1025, 1026, 128.0)
    assert second.types[:2] == [1, 0]
    assert len(set(second.keys)) == 476
    assert all(0 <= key < 2**62 for key in second.keys)


def test_what_a_trace_does_not_have_stays_open(tmp_path: Path) -> None:
    path = tmp_path / "bare.csv"
    path.write_text("ts\n1\n2\n", encoding="utf-8")
    (chunk,) = law_of("trace", None, path=str(path), types=("a", "b")).chunks(CounterDraws(1, 0), 1e9)
    assert (chunk.prompt_tokens, chunk.output_tokens, chunk.service_s) == (None, None, None)
    assert (chunk.types, chunk.keys) == (None, None)
    untyped = law_of("trace", None, path=trace_file(tmp_path, [0.0, 1.0]), types=("agent",))
    (chunk,) = untyped.chunks(CounterDraws(1, 0), 1e9)
    assert chunk.types is None


def test_a_type_that_the_fleet_does_not_have_is_refused(tmp_path: Path) -> None:
    law = law_of("trace", None, path=trace_file(tmp_path, [0.0, 1.0]), types=("a", "c"), resample="none")
    with pytest.raises(
        InputError, match=r"row 3, column 'type': 'b' is not accepted.*an agent type of the fleet: a, c"
    ):
        list(law.chunks(CounterDraws(1, 0), 1e9))


def test_blocks_keep_order_gaps_and_mean(tmp_path: Path) -> None:
    at = [0.0, 0.5, 9.0, 10.0, 10.25, 31.0, 32.0, 33.0, 34.0]  # blocks of 10 s hold 3, 2, 0 and 4 requests
    path = trace_file(tmp_path, at)
    blocks = {0: [0.0, 0.5, 9.0], 1: [0.0, 0.25], 2: [], 3: [1.0, 2.0, 3.0, 4.0]}
    counts, drawn = [], set()
    for replication in range(300):
        chunks = law_of("trace", None, path=path, block_s=10.0).chunks(CounterDraws(2, replication), 1e9)
        got = [pair for chunk in chunks for pair in zip(chunk.at, chunk.prompt_tokens or [], strict=True)]
        counts.append(float(len(got)))
        for number in range(4):
            inside = [(t - number * 10.0, tokens) for t, tokens in got if number * 10.0 <= t < number * 10.0 + 10.0]
            source = next(index for index, times in blocks.items() if times == [t for t, _ in inside])
            ordinals = [at.index(source * 10.0 + t) + 1 for t, _ in inside]
            assert [tokens for _, tokens in inside] == ordinals  # sizes stay with their rows
            drawn.add((number, source))
    assert len(drawn) == 16  # every block came to every place
    mean, error = mean_and_error(counts)
    assert abs(mean - len(at)) < Z * error


def test_resampling_is_a_function_of_seed_and_replication(tmp_path: Path) -> None:
    path = trace_file(tmp_path, [float(number) for number in range(300)])
    runs = [instants("trace", None, 1e9, path=path, block_s=7.0, replication=r).tolist() for r in (0, 0, 1)]
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


def test_too_many_blocks_are_refused(tmp_path: Path) -> None:
    path = trace_file(tmp_path, [0.0, 2e6])
    with pytest.raises(ConfigError, match=r"arrivals\.block_s=1\.0: accepted is at least 2 "):
        instants("trace", None, 1e9, path=path, block_s=1.0)


def test_a_broken_row_is_met_where_it_stands(tmp_path: Path) -> None:
    path = Path(trace_file(tmp_path, [float(number) for number in range(1030)]))
    path.write_text(path.read_text(encoding="utf-8") + "2000,many,1,1,a,k\n", encoding="utf-8")
    law = law_of("trace", None, path=str(path), resample="none")
    chunks = law.chunks(CounterDraws(1, 0), 1e9)
    assert len(next(chunks).at) == 1024  # streamed: the rows before it are served
    with pytest.raises(InputError, match=r"row 1032, column 'prompt_tokens': 'many' is not accepted"):
        next(chunks)


def test_a_path_is_needed() -> None:
    with pytest.raises(ConfigError, match=r"arrivals\.path"):
        law_of("trace", None)


def test_the_shipped_sample_is_a_load() -> None:
    at = instants("trace", None, 1e9, path=str(SAMPLE), resample="none")
    assert len(at) == 200
    assert at[-1] == 77.1749621  # 09:01:19.0315529 - 09:00:01.8565908


def test_a_real_trace_keeps_its_burstiness(data_file: Callable[[str], Path]) -> None:
    path = str(data_file("azure_llm_2023_code.csv"))
    at = instants("trace", None, 1e9, path=path, resample="none")
    gaps = np.diff(at)
    assert len(at) == 8819
    assert gaps.std() / gaps.mean() == pytest.approx(13.15, abs=0.005)
    assert law_of("trace", None, path=path, columns=ColumnParams(time="TIMESTAMP")).rate_per_s() == pytest.approx(
        2.567, abs=5e-4
    )


def test_blocks_longer_than_the_pauses_keep_a_real_traces_burstiness(data_file: Callable[[str], Path]) -> None:
    path = str(data_file("azure_llm_2023_code.csv"))

    def resampled(block_s: float) -> tuple[tuple[float, float], tuple[float, float]]:
        cvs, counts = [], []
        for replication in range(12):
            at = instants("trace", None, 1e9, path=path, seed=8, replication=replication, block_s=block_s)
            gaps = np.diff(at)
            cvs.append(float(gaps.std() / gaps.mean()))
            counts.append(float(len(at)))
        return mean_and_error(cvs), mean_and_error(counts)

    (cv, cv_error), (count, count_error) = resampled(300.0)
    assert abs(cv - 13.15) < Z * cv_error, f"seed 8: {cv} +- {cv_error}"
    assert abs(count - 8819.0) < Z * count_error, f"seed 8: {count} +- {count_error}"
    (cv, cv_error), _ = resampled(60.0)  # 12 pauses are longer than that: some of them are cut
    assert cv < 13.15 - Z * cv_error, f"seed 8: {cv} +- {cv_error}"

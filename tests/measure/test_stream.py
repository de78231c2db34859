"""The books of a streamed run: bins, segments, what an end counts, cuts, and the audits that hold without a table."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sim.measure.audits import audit, problems_of
from sim.measure.histogram import Histograms
from sim.measure.metrics import measure
from sim.measure.stream import (
    BINS,
    CUTS,
    Stream,
    StreamBooks,
    StreamParams,
    stream_bin,
    stream_ended,
    stream_segment,
    stream_tokens,
)
from sim.measure.streamed import cut_of, ended_by_status, sketches, streamed_metrics
from sim.measure.warmup import MeanSeries
from sim.types.records import OK, REJECTED, TRUNCATED, AttemptTable, RunRecord
from tests.measure.chance import generator
from tests.measure.toy import NAN, mm1_run, random_run

PLAIN = StreamParams(horizon_s=1024.0)


def streamed(record: RunRecord, **params: Any) -> RunRecord:
    """The same run as one that counted its requests: told in the order of their ends, open ones last."""
    table = record.attempts
    stream = Stream(StreamParams(horizon_s=record.horizon_s, **params))
    ends = np.where(np.isnan(table.finished_at), np.inf, table.finished_at)
    for row in np.lexsort((table.request, ends)).tolist():
        end = table.finished_at[row] if ends[row] < math.inf else record.ended_at
        status = int(table.status[row])
        started = float(table.started_at[row])
        stream.ended(float(table.arrived_at[row]), started, float(end), float(table.work_s[row]), status, 1)
    busy_s = np.array([[busy_until(record, node, at) for node in range(len(record.nodes.node_id))]
                       for at in stream.sample_at])  # fmt: skip
    nothing = {name: column[:0] for name in AttemptTable.__slots__ if (column := getattr(table, name)) is not None}
    return replace(record, attempts=replace(table, **nothing), stream=stream.table(busy_s))


def busy_until(record: RunRecord, node: int, at: float) -> float:
    table = record.attempts
    here = (table.node == node) & (table.started_at < at)
    ends = np.where(np.isnan(table.finished_at), record.ended_at, table.finished_at)[here]
    return math.fsum((np.minimum(ends, at) - table.started_at[here]).tolist())


def held_bytes(owner: Any) -> int:
    values = [getattr(owner, name) for name in type(owner).__slots__]
    arrays = sum(value.nbytes for value in values if isinstance(value, np.ndarray))
    return arrays + sum(held_bytes(value) for value in values if isinstance(value, Histograms))


def test_memory_is_what_the_books_say() -> None:
    assert held_bytes(StreamBooks(PLAIN)) < 10_000_000
    assert held_bytes(StreamBooks(replace(PLAIN, tokens=True))) < 20_000_000
    assert held_bytes(StreamBooks(replace(PLAIN, cuttable=False))) < 500_000
    books = StreamBooks(replace(PLAIN, horizon_s=1e9))
    before = held_bytes(books)
    for number in range(3000):
        stream_ended(books, number * 3e5, number * 3e5, number * 3e5 + 1.0 + number, 1.0, OK, 1)
    assert held_bytes(books) == before


def test_bins_of_instants() -> None:
    books = StreamBooks(PLAIN)
    assert len(books.edges) == BINS + 2
    instants = (0.0, 0.999, 1.0, 1023.0, 1023.999, 1024.0, 1024.001, 1e300)
    assert [stream_bin(books, at) for at in instants] == [1, 1, 2, 1024, 1024, 1024, 1025, 1025]
    books = StreamBooks(StreamParams(horizon_s=1124.0, from_s=100.0))
    assert [stream_bin(books, at) for at in (0.0, 99.999, 100.0, 101.0, 1124.0)] == [0, 0, 1, 2, 1024]


def test_bins_agree_with_their_edges_to_the_last_bit() -> None:
    books = StreamBooks(StreamParams(horizon_s=777.7, from_s=33.3))
    edges = books.edges[1 : BINS + 1]
    assert [stream_bin(books, at) for at in edges.tolist()] == list(range(1, BINS + 1))
    assert [stream_bin(books, at) for at in np.nextafter(edges, 0.0).tolist()] == list(range(BINS))
    at = generator(3).uniform(0.0, 777.7, 5000)
    expected = np.searchsorted(books.edges[1 : BINS + 1], at, side="right")
    assert [stream_bin(books, one) for one in at.tolist()] == expected.tolist()


def test_segments_end_in_the_middle_of_a_run() -> None:
    books = StreamBooks(PLAIN)
    assert [stream_segment(books, place) for place in (1, 16, 17, 512, 513, 1024)] == [0, 0, 1, 31, 32, 32]
    assert books.segment_last == CUTS == 32
    known = StreamBooks(StreamParams(horizon_s=1024.0, cuttable=False))
    assert [stream_segment(known, place) for place in (1, 1024)] == [0, 0]


def test_what_an_end_counts() -> None:
    books = StreamBooks(StreamParams(horizon_s=1024.0, slo_max_s=5.0))
    stream_ended(books, 0.5, 2.5, 3.5, 0.75, OK, 2)
    stream_ended(books, 0.5, 2.0, 8.5, 0.25, OK, 1)
    stream_ended(books, 0.25, NAN, 0.25, 0.0, REJECTED, 1)
    stream_ended(books, 1023.5, 1023.75, 1030.0, 9.0, TRUNCATED, 1)
    stream_ended(books, 1020.0, 1021.0, 1024.5, 1.0, OK, 1)
    assert books.ended.reshape(-1, 6)[1].tolist() == [2, 0, 1, 0, 0, 0]
    assert (books.attempts[1], books.sojourn_s[1], books.wait_s[1], books.work_s[1]) == (4, 11.0, 3.5, 1.0)
    assert (books.residence_s[1], books.residence_s[1024]) == (11.0, 6.5)
    assert (books.served_s[1], books.served_s[1024]) == (7.5, 6.25)
    assert (books.good_arrived[1], books.good[4], books.good[9]) == (1, 1, 0)
    assert (books.answers[4], books.answers[9], books.answers[1025], int(books.answers.sum())) == (1, 1, 1, 3)
    assert (int(books.sojourns.counts.sum()), int(books.waits.counts.sum())) == (3, 3)


@pytest.mark.parametrize(("sample", "good"), [("sojourn_s", 1), ("ttft_s", 1), ("tpot_s", 3)])
def test_tokens(sample: str, good: int) -> None:
    books = StreamBooks(StreamParams(horizon_s=1024.0, tokens=True, slo_max_s=1.0, slo_sample=sample))
    for first, finished, tokens in ((1.0, 1.5, 1), (2.0, 2.5, 6), (1.75, 2.0, 3)):
        stream_ended(books, 0.5, 0.5, finished, 0.0, OK, 1)
        stream_tokens(books, 0.5, first, finished, tokens)
    assert int(books.good.sum()) == int(books.good_arrived.sum()) == good
    assert (books.ttft_s[1], books.tpot_s[1], books.tpot_count[1]) == (0.5 + 1.5 + 1.25, 0.1 + 0.125, 2)
    assert (int(books.tokens.sum()), int(books.ttfts.counts.sum()), int(books.tpots.counts.sum())) == (10, 3, 2)


def test_a_stated_warm_up_keeps_sums_but_no_histogram() -> None:
    books = StreamBooks(StreamParams(horizon_s=1024.0, from_s=100.0, tokens=True, cuttable=False))
    stream_ended(books, 5.0, 6.0, 7.0, 1.0, OK, 1)
    stream_tokens(books, 5.0, 6.0, 7.0, 3)
    assert (books.sojourn_s[0], books.answers[0], books.ttft_s[0], books.tpot_s[0]) == (2.0, 1, 1.0, 0.5)
    assert int(books.sojourns.counts.sum()) + int(books.ttfts.counts.sum()) + int(books.tpots.counts.sum()) == 0


@pytest.mark.parametrize("seed", range(4))
def test_metrics_are_those_of_the_table(seed: int) -> None:
    record = random_run(seed, queue_max=4, agents=2, drain_s=1.0)
    counted = streamed(record, slo_max_s=3.0)
    assert counted.stream is not None
    assert problems_of(audit(counted)) == []
    cut_s = cut_of(counted.stream, 0.2 * record.horizon_s)
    table, _ = measure(record, cut_s, 3.0, 2.0, "sojourn_s_p99")
    found, samples = measure(counted, cut_s, 3.0, 2.0, "sojourn_s_p99")
    assert list(found) != []
    assert found.keys() == table.keys()
    for name, value in table.items():
        assert found[name] == pytest.approx(value, rel=2.0**-9 if "_s_p" in name else 1e-9), name
    assert len(samples["sojourn_s"]) == len(samples["wait_s"])


def test_the_cut_is_the_next_edge() -> None:
    stream = streamed(mm1_run(1, 0.5, 100)).stream
    assert stream is not None
    horizon_s = float(stream.edges[-1])
    assert cut_of(stream, 0.0) == 0.0
    assert cut_of(stream, 1e-9) == pytest.approx(horizon_s / 64)
    assert cut_of(stream, horizon_s / 2) == pytest.approx(horizon_s / 2)
    with pytest.raises(ValueError, match="last edge of the stream"):
        cut_of(stream, 0.6 * horizon_s)
    with pytest.raises(ValueError, match="an edge of the stream"):
        sketches(stream, 1e-3)
    with pytest.raises(ValueError, match="an edge of the stream's segments"):
        sketches(stream, float(stream.edges[18]))
    assert streamed_metrics(streamed(mm1_run(1, 0.5, 100)), float(stream.edges[18]), 1.0)["success_ratio"] == 1.0
    assert sum(len(sketch) for sketch in sketches(stream, 0.0).values()) == 200


def test_nothing_answered_has_no_means() -> None:
    record = random_run(1, drain_s=0.0)
    nobody = Stream(StreamParams(horizon_s=record.horizon_s)).table(np.zeros((65, 3)))
    found = streamed_metrics(replace(record, stream=nobody, attempts=random_run(1).attempts), 0.0, 1.0)
    assert "sojourn_s_mean" not in found
    assert "success_ratio" not in found
    assert found["throughput_per_s"] == 0.0
    assert ended_by_status(nobody).sum() == 0


def test_the_warm_up_of_streams_is_looked_for_in_bins() -> None:
    series = MeanSeries()
    for seed in range(5):
        record = mm1_run(seed, 0.7, 40_000)
        ramp = np.maximum(0.2 * record.horizon_s - record.attempts.arrived_at, 0.0) * 0.05
        slow = replace(record, attempts=replace(record.attempts, finished_at=record.attempts.finished_at + ramp))
        series.add(streamed(slow))
    cut = series.cut()
    assert cut.enough
    assert 0.15 * 57_000 < cut.cut_s < 0.3 * 57_000
    few = MeanSeries()
    few.add(streamed(mm1_run(1, 0.5, 30)))
    assert not few.cut().enough


def broken(record: RunRecord, **changes: Any) -> list[str]:
    """Problems of a streamed run of which a column of the stream (or of the nodes) is another."""
    assert record.stream is not None
    names = {name: change for name, change in changes.items() if hasattr(record.stream, name)}
    stream = replace(record.stream, **{name: change(getattr(record.stream, name)) for name, change in names.items()})
    nodes = replace(
        record.nodes,
        **{name: change(getattr(record.nodes, name)) for name, change in changes.items() if name not in names},
    )
    return problems_of(audit(replace(record, stream=stream, nodes=nodes)))


def more(column: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """One more in the middle."""
    changed = column.copy()
    changed[len(changed) // 2] += 1
    return changed


def test_audits_find_what_is_wrong() -> None:
    record = streamed(random_run(2, queue_max=4, agents=2, drain_s=1.0))
    assert broken(record) == []
    assert "arrived" in broken(record, ended=more)[0]
    assert broken(record, cell_count=more) != []
    assert "at an instant" in broken(record, answers=more)[0]
    assert broken(record, residence_s=more)[0].startswith("Little's law")
    assert broken(record, served_s=more)[0].startswith("busy time")
    assert broken(record, work_s=more)[0].startswith("work done")
    assert "attempts of a node balance" in broken(record, arrived=more)[0]
    for name in ("answered", "refused", "truncated"):
        assert any("node" in found for found in broken(record, **{name: lambda n: n + 9, "arrived": lambda n: n + 9}))
    counted = {f"requests_{name}": 0 for name in ("ok", "failed", "rejected", "timed_out", "shed", "truncated")}
    assert "counted as ok" in problems_of(audit(replace(record, counts=counted)))[0]


def test_a_mean_of_tokens_is_told_where_there_is_one() -> None:
    record = random_run(1, drain_s=0.0)
    names = ("tokens_per_s", "ttft_s_mean", "tpot_s_mean")

    def means(answers: list[int]) -> list[float | None]:
        stream = Stream(StreamParams(horizon_s=record.horizon_s, tokens=True))
        for count in answers:
            stream.ended(1.0, 1.5, 3.0, 1.0, OK, 1)
            stream.tokens(1.0, 2.0, 3.0, count)
        found = streamed_metrics(replace(record, stream=stream.table(np.zeros((65, 3)))), 0.0, 1.0)
        return [found.get(name) for name in names]

    assert means([]) == [0.0, None, None]
    assert means([1]) == [pytest.approx(1 / record.horizon_s), 1.0, None], "one token has no time between tokens"
    assert means([1, 5]) == [pytest.approx(6 / record.horizon_s), 1.0, 0.25]

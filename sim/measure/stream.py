"""A run whose requests are not kept: what is counted when a request ends, in memory that does not grow with them.

Bins of time by the arrival of the request (`answers`, `good`, `tokens`: by the answer): bin 0 is [0, from_s), bins
1..1024 are equal parts of [from_s, horizon_s], bin 1025 is what comes later. `from_s` is a warm-up that the config
states, so that it is cut exactly; one that is looked for afterwards (MSER on the bins) is taken up to the next of 32
edges, 1/64 of the horizon apart, in the first half of the run: a cut is never later. Histograms (sojourn, wait, of
token requests also time to first token and between tokens) are kept for each stretch between such edges, sums and
counts for each bin, so that means and rates behind a cut are exact. The SLO is counted on the spot.
Memory: 4.9 MB a histogram kind where the warm-up is looked for (2 kinds, 4 with tokens), else 0.15 MB; 0.1 MB of bins.
`stream_ended` and `stream_tokens` are hot rules: both engines call them, requests in the order of their ends, then
those still open at the end by ordinal, as `TRUNCATED` and finished at the run's end. Seconds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.measure.histogram import Histograms, histogram_count, sketch_of
from sim.measure.summary import Floats
from sim.types.records import OK, STATUSES, StreamTable

BINS = 1024
BINS_PER_SEGMENT = 16
CUTS = BINS // BINS_PER_SEGMENT // 2  # edges that a warm-up may end at, besides `from_s`
KINDS = ("sojourn_s", "wait_s", "ttft_s", "tpot_s")
Counts = NDArray[np.int64]
SLO_SAMPLES = ("sojourn_s", "ttft_s", "tpot_s")
_ENDS = len(STATUSES)


@dataclass(frozen=True, slots=True)
class StreamParams:
    """What must be known before a streamed run begins."""

    horizon_s: float
    from_s: float = 0.0  # a warm-up that the config states
    cuttable: bool = True  # the warm-up is looked for afterwards
    tokens: bool = False
    slo_max_s: float | None = None
    slo_sample: str = "sojourn_s"  # one of SLO_SAMPLES


class StreamBooks:
    """The books, as arrays that compiled code may fill; columns by bin have BINS + 2 entries."""

    __slots__ = (
        "answers", "attempts", "edges", "ended", "from_s", "good", "good_arrived", "horizon_s", "per_s", "residence_s",
        "segment_last", "served_s", "slo_max_s", "slo_sample", "sojourn_s", "sojourns", "tokens", "tpot_count",
        "tpot_s", "tpots", "ttft_s", "ttfts", "wait_s", "waits", "work_s",
    )  # fmt: skip
    steady = True  # no field is set after the start, and no index is negative: compiled code need not look again

    answers: Counts
    attempts: Counts
    good: Counts
    good_arrived: Counts
    tokens: Counts
    tpot_count: Counts
    residence_s: Floats
    served_s: Floats
    sojourn_s: Floats
    tpot_s: Floats
    ttft_s: Floats
    wait_s: Floats
    work_s: Floats

    def __init__(self, params: StreamParams) -> None:
        self.from_s, self.horizon_s = params.from_s, params.horizon_s
        width_s = (params.horizon_s - params.from_s) / BINS
        self.per_s = 1.0 / width_s
        inner = params.from_s + width_s * np.arange(BINS)
        self.edges = np.concatenate(([0.0], inner, [params.horizon_s]))  # where bins 0..BINS+1 begin
        self.slo_max_s = float("inf") if params.slo_max_s is None else params.slo_max_s
        self.slo_sample = SLO_SAMPLES.index(params.slo_sample)
        self.segment_last = CUTS if params.cuttable else 0
        self.ended = np.zeros((BINS + 2) * _ENDS, dtype=np.int64)  # by bin and status
        for name in ("answers", "attempts", "good", "good_arrived", "tokens", "tpot_count"):
            setattr(self, name, np.zeros(BINS + 2, dtype=np.int64))
        for name in ("residence_s", "served_s", "sojourn_s", "tpot_s", "ttft_s", "wait_s", "work_s"):
            setattr(self, name, np.zeros(BINS + 2))
        rows = self.segment_last + 1
        self.sojourns, self.waits = Histograms(rows), Histograms(rows)
        self.ttfts, self.tpots = (Histograms(rows if params.tokens else 0) for _ in range(2))


def stream_bin(books: StreamBooks, at: float) -> int:
    """The bin of an instant."""
    if at < books.from_s:
        return 0
    if at > books.horizon_s:
        return BINS + 1
    found = min(int((at - books.from_s) * books.per_s) + 1, BINS)
    while at < books.edges[found]:  # the product is rounded, the edges are the rule
        found -= 1
    while found < BINS and at >= books.edges[found + 1]:
        found += 1
    return found if found > 0 else 1  # it is: compiled code is told, and need not ask at every column


def stream_segment(books: StreamBooks, arrived_bin: int) -> int:
    """The row of the histograms that a bin >= 1 belongs to."""
    return min((arrived_bin - 1) // BINS_PER_SEGMENT, books.segment_last)


def stream_ended(
    books: StreamBooks, arrived_at: float, started_at: float, finished_at: float, work_s: float, status: int,
    attempts: int,
) -> None:  # fmt: skip
    """A request ended: its first arrival, start (NaN: none) and work of the attempt that answered, how, after how many.

    Without an answer `started_at` and `work_s` are those of its only attempt.
    """
    arrived = stream_bin(books, arrived_at)
    books.ended[arrived * _ENDS + status] += 1
    books.attempts[arrived] += attempts
    sojourn_s = finished_at - arrived_at
    books.residence_s[arrived] += sojourn_s
    if started_at == started_at:  # not NaN
        books.served_s[arrived] += finished_at - started_at
    if status != OK:
        return
    wait_s = started_at - arrived_at
    books.work_s[arrived] += work_s
    books.sojourn_s[arrived] += sojourn_s
    books.wait_s[arrived] += wait_s
    finished = stream_bin(books, finished_at)
    books.answers[finished] += 1
    if books.slo_sample == 0 and sojourn_s <= books.slo_max_s:
        books.good[finished] += 1
        books.good_arrived[arrived] += 1
    if arrived > 0:
        segment = stream_segment(books, arrived)
        histogram_count(books.sojourns, segment, sojourn_s)
        histogram_count(books.waits, segment, wait_s)


def stream_tokens(
    books: StreamBooks, arrived_at: float, first_token_at: float, finished_at: float, output_tokens: int
) -> None:
    """An answered request of tokens, after its `stream_ended`."""
    arrived, finished = stream_bin(books, arrived_at), stream_bin(books, finished_at)
    books.tokens[finished] += output_tokens
    ttft_s = first_token_at - arrived_at
    tpot_s = (finished_at - first_token_at) / max(output_tokens - 1, 1)
    books.ttft_s[arrived] += ttft_s
    if arrived > 0:
        histogram_count(books.ttfts, stream_segment(books, arrived), ttft_s)
    if output_tokens > 1:  # one token has no time between tokens
        books.tpot_s[arrived] += tpot_s
        books.tpot_count[arrived] += 1
        if arrived > 0:
            histogram_count(books.tpots, stream_segment(books, arrived), tpot_s)
    if books.slo_sample > 0 and (ttft_s if books.slo_sample == 1 else tpot_s) <= books.slo_max_s:
        books.good[finished] += 1
        books.good_arrived[arrived] += 1


class Stream:
    """The books of one run as the world knows them: it tells them of every end, and takes the table at the end."""

    def __init__(self, params: StreamParams) -> None:
        self.params = params
        self.books = StreamBooks(params)
        self.with_tokens = params.tokens

    @property
    def sample_at(self) -> list[float]:
        """Instants at which the nodes' busy time is read: every edge that a warm-up may end at, and as many again."""
        return [float(at) for at in self.books.edges[1 : BINS + 2 : BINS_PER_SEGMENT]]

    def ended(
        self, arrived_at: float, started_at: float, finished_at: float, work_s: float, status: int, attempts: int
    ) -> None:
        """As `stream_ended`."""
        stream_ended(self.books, arrived_at, started_at, finished_at, work_s, status, attempts)

    def tokens(self, arrived_at: float, first_token_at: float, finished_at: float, output_tokens: int) -> None:
        """As `stream_tokens`."""
        stream_tokens(self.books, arrived_at, first_token_at, finished_at, output_tokens)

    def table(self, busy_s: Floats) -> StreamTable:
        """What is kept; `busy_s` (instants of `sample_at`, nodes): agent-seconds busy until then."""
        books, tokens = self.books, self.with_tokens
        kinds = [books.sojourns, books.waits, *((books.ttfts, books.tpots) if tokens else ())]
        rows = books.segment_last + 1
        sketches = [(kind, row, sketch_of(each, row)) for kind, each in enumerate(kinds) for row in range(rows)]
        sizes = [len(sketch.bins) for _, _, sketch in sketches]
        first = [1 + BINS_PER_SEGMENT * row for row in range(rows)]
        return StreamTable(
            edges=books.edges, ended=books.ended, attempts=books.attempts, sojourn_s=books.sojourn_s,
            wait_s=books.wait_s, residence_s=books.residence_s, served_s=books.served_s, work_s=books.work_s,
            answers=books.answers, good=books.good, good_arrived=books.good_arrived,
            segment_bin=np.array(first, dtype=np.int64),
            cell_kind=np.repeat([kind for kind, _, _ in sketches], sizes).astype(np.int8),
            cell_segment=np.repeat([row for _, row, _ in sketches], sizes).astype(np.int32),
            cell_bin=np.concatenate([sketch.bins for _, _, sketch in sketches]).astype(np.int32),
            cell_count=np.concatenate([sketch.counts for _, _, sketch in sketches]),
            busy_at=np.array(self.sample_at), busy_s=np.ascontiguousarray(busy_s, dtype=np.float64).ravel(),
            tokens=books.tokens if tokens else None, ttft_s=books.ttft_s if tokens else None,
            tpot_s=books.tpot_s if tokens else None, tpot_count=books.tpot_count if tokens else None,
        )  # fmt: skip

"""Where the run forgets its start: MSER-5 on the mean over replications (White 1997; Hoad, Robinson and Davies 2010).

The i-th answered request (by arrival) of each replication is averaged over the replications, up to the shortest one;
batches of 5 of that series are Z_1..Z_n, and the cut is d* = argmin over 0 <= d <= n/2 of
sum_{i>d} (Z_i - mean_d)^2 / (n - d)^2. It turns into seconds as the mean arrival instant of request 5 d* + 1. A cut per
replication would trim bursts and bias a busy queue low, hence one cut for all points: the largest. d* at its bound
means the run is too short to tell. Terminating runs (trace, diurnal, flash crowd) are cut where the config states it.
Where requests were not kept, the series is the mean sojourn by bin of time, and the cut the next edge of the stream.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.errors import ConfigError
from sim.measure.requests import requests_of
from sim.measure.stream import BINS
from sim.measure.streamed import cut_of
from sim.measure.summary import Floats
from sim.types.records import OK, STATUSES, RunRecord, StreamTable

BATCH = 5
BATCHES_MIN = 20  # fewer batches decide nothing
ACCEPTED = "auto, none or seconds from 0 to below the horizon"


@dataclass(frozen=True, slots=True)
class Cut:
    """The warm-up: `cut_s` seconds are left out; `enough` is False where the run is too short to tell."""

    cut_s: float
    enough: bool = True
    notes: tuple[str, ...] = ()
    horizon_s: float = math.inf  # shortest horizon of the runs that it was taken from


def mser5(series: Floats) -> tuple[int, bool]:
    """Index of the first observation kept of `series` (n,), and whether there was enough data to tell."""
    batches_count = len(series) // BATCH
    if batches_count < BATCHES_MIN:
        return 0, False
    batches = series[: batches_count * BATCH].reshape(batches_count, BATCH).mean(axis=1)
    batches = batches - batches.mean()  # sums of squares lose no digits to the level
    left = np.arange(batches_count, 0, -1, dtype=np.float64)
    sums = np.cumsum(batches[::-1])[::-1]
    squares = np.cumsum((batches * batches)[::-1])[::-1]
    statistic = np.maximum(squares - sums * sums / left, 0.0) / (left * left)
    last = batches_count // 2
    best = int(np.argmin(statistic[: last + 1]))
    return best * BATCH, best < last


class MeanSeries:
    """The mean over replications of sojourns and arrival instants by order of arrival; takes one record at a time."""

    def __init__(self) -> None:
        self.replications = 0
        self.terminating = False
        self.horizon_s = math.inf
        self._sojourn_s: Floats = np.empty(0)
        self._stream: StreamTable | None = None
        self._answered: NDArray[np.int64] = np.empty(0, dtype=np.int64)  # by bin of a stream
        self._arrived_at: Floats = np.empty(0)

    def add(self, record: RunRecord) -> None:
        """Add a replication; the series is as long as the shortest one."""
        self.terminating = self.terminating or record.terminating
        self.horizon_s = min(self.horizon_s, record.horizon_s)
        if record.stream is not None:
            self._add_stream(record.stream)
            return
        requests = requests_of(record.attempts)
        arrived_at = requests.arrived_at[requests.ok]
        sojourn_s = requests.finished_at[requests.ok] - arrived_at
        self.replications += 1
        if self.replications == 1:
            self._sojourn_s, self._arrived_at = sojourn_s, arrived_at
            return
        count = min(len(sojourn_s), len(self._sojourn_s))
        self._sojourn_s = self._sojourn_s[:count] + sojourn_s[:count]
        self._arrived_at = self._arrived_at[:count] + arrived_at[:count]

    def _add_stream(self, stream: StreamTable) -> None:
        answered = stream.ended.reshape(-1, len(STATUSES))[1 : BINS + 1, OK].copy()
        sojourn_s = stream.sojourn_s[1 : BINS + 1]
        self.replications += 1
        if self._stream is None:
            self._answered, self._sojourn_s = answered, sojourn_s
        else:
            self._answered, self._sojourn_s = self._answered + answered, self._sojourn_s + sojourn_s
        self._stream = stream

    def _streamed_cut(self, stream: StreamTable) -> Cut:
        """The mean sojourn by bin of time stands for that by order of arrival; the cut is an edge of the stream."""
        held = np.flatnonzero(self._answered)
        first, enough = mser5(self._sojourn_s[held] / self._answered[held])
        cut_s = cut_of(stream, float(stream.edges[1 + held[first]])) if first else 0.0
        return Cut(cut_s, enough, horizon_s=self.horizon_s)

    def cut(self) -> Cut:
        """The cut of this design point alone."""
        if self.terminating or not self.replications:
            return Cut(0.0)
        if self._stream is not None:
            return self._streamed_cut(self._stream)
        first, enough = mser5(self._sojourn_s / self.replications)
        cut_s = float(self._arrived_at[first]) / self.replications if first else 0.0
        return Cut(cut_s, enough, horizon_s=self.horizon_s)


def point_cut(records: Iterable[RunRecord]) -> Cut:
    """The cut of one design point from its replications, which may be a generator: one is held at a time."""
    series = MeanSeries()
    for record in records:
        series.add(record)
    return series.cut()


def common_cut(points: Iterable[Iterable[RunRecord]], warmup: str = "auto", horizon_s: float = float("inf")) -> Cut:
    """One cut for all points compared: the largest of theirs, or the seconds that `warmup` states.

    Raises ConfigError for a `warmup` that is not `auto`, `none` or a number of seconds below the horizon.
    """
    fixed = fixed_cut(warmup, horizon_s)
    return largest_cut(point_cut(records) for records in points) if fixed is None else fixed


def fixed_cut(warmup: str, horizon_s: float) -> Cut | None:
    """The cut that a config states, or None for `auto`."""
    if warmup == "auto":
        return None
    if warmup == "none":
        return Cut(0.0)
    try:
        cut_s = float(warmup)
    except ValueError:
        raise ConfigError("warmup", warmup, ACCEPTED) from None
    if not 0.0 <= cut_s < horizon_s:
        raise ConfigError("warmup", warmup, ACCEPTED)
    return Cut(cut_s)


def largest_cut(cuts: Iterable[Cut]) -> Cut:
    """One cut over points, at most half of the shortest horizon; says how many were too short to tell."""
    found = list(cuts)
    short = sum(not cut.enough for cut in found)
    notes: tuple[str, ...] = ()
    if short:
        which = f"{short} of {len(found)} points"
        notes = (f"the run is too short to tell where the warm-up ends ({which}): lengthen horizon_s",)
    cut_s = max((cut.cut_s for cut in found), default=0.0)
    horizon_s = min((cut.horizon_s for cut in found), default=math.inf)
    if cut_s > horizon_s / 2.0:
        notes = (*notes, f"the warm-up of {cut_s:.4g} s is cut to half of the shortest horizon, {horizon_s:.4g} s")
        cut_s = horizon_s / 2.0
    return Cut(cut_s, not notes, notes, horizon_s)

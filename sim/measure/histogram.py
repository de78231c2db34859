"""Log-linear histograms of seconds: quantiles of any number of observations in fixed memory, within 0.2 %.

Problem: 10^8 sojourns do not fit, and a sketch whose error is in rank misses p999 by far. Rule: 512 equal bins in each
factor of 2 from 2^-18 s (3.8 us) to 2^18 s (3 days), so that a bin is at most 2^-9 of its values wide (HdrHistogram;
Tene 2012). The bin is the exponent and the first 9 bits of the fraction of the double itself: integer arithmetic on
its bits, by one function for both engines. What is below the first bin (0 included) has one bin of its own, so has
what is above the last. Sums and extremes are no business of this hot rule: they would take longer than it does.
A quantile is the order statistic of `sim.measure.quantiles`, placed by its rank within its bin: off by less than the
bin's width, `RELATIVE_ERROR` of the value; below 2^-18 s by at most that. Histograms add up exactly.
Memory: `BINS` x 8 bytes (147 kB) a row. Seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.measure.quantiles import rank
from sim.measure.summary import Floats
from sim.runtime.plain import float_bits

FRACTION_BITS = 9
LEAST_EXPONENT, END_EXPONENT = -18, 18
LEAST_S, END_S = 2.0**LEAST_EXPONENT, 2.0**END_EXPONENT
RELATIVE_ERROR = 2.0**-FRACTION_BITS
BINS = (END_EXPONENT - LEAST_EXPONENT << FRACTION_BITS) + 2
_DROPPED_BITS = 52 - FRACTION_BITS
_BEFORE_FIRST = (1023 + LEAST_EXPONENT << FRACTION_BITS) - 1  # so that `LEAST_S` is in bin 1


class Histograms:
    """`rows` histograms side by side, as arrays that compiled code may fill; bin b of row r is `counts[r BINS + b]`."""

    __slots__ = ("counts",)
    steady = True  # as of `stream.StreamBooks`

    def __init__(self, rows: int) -> None:
        self.counts = np.zeros(rows * BINS, dtype=np.int64)


def histogram_bin(value_s: float) -> int:
    """The bin of a value (s, not NaN) in 0..BINS-1."""
    if value_s < LEAST_S:
        return 0
    if value_s >= END_S:
        return BINS - 1
    return (float_bits(value_s) >> _DROPPED_BITS) - _BEFORE_FIRST


def histogram_count(histograms: Histograms, row: int, value_s: float) -> None:
    """Count one value (s, not NaN) in a row."""
    histograms.counts[row * BINS + histogram_bin(value_s)] += 1


def lower_edges(bins: NDArray[np.int64]) -> Floats:
    """Where bins 0..BINS begin, s: 0, then the double whose first bits they are; shape as `bins`."""
    edges = ((np.asarray(bins, dtype=np.int64) + _BEFORE_FIRST) << _DROPPED_BITS).view(np.float64)
    return np.where(bins <= 0, 0.0, edges)


@dataclass(frozen=True, slots=True)
class Sketch:
    """One histogram as it is read: the bins that hold something, in order, and their counts."""

    bins: NDArray[np.int64]
    counts: NDArray[np.int64]

    def __len__(self) -> int:
        return int(self.counts.sum())

    def quantiles(self, probs: Sequence[float]) -> Floats:
        """Quantiles within `RELATIVE_ERROR` (at most `END_S`), shape (len(probs),).

        Raises ValueError where there is no observation.
        """
        upto = np.cumsum(self.counts)
        ranks = np.array([rank(len(self), prob) for prob in probs], dtype=np.int64)
        place = np.searchsorted(upto, ranks)
        low_s = lower_edges(self.bins[place])
        high_s = lower_edges(np.minimum(self.bins[place] + 1, BINS - 1))
        share = (ranks - (upto - self.counts)[place] - 0.5) / self.counts[place]
        return np.asarray(low_s + share * (high_s - low_s), dtype=np.float64)


def sketch_of(histograms: Histograms, row: int) -> Sketch:
    """What a row holds."""
    counts = histograms.counts[row * BINS : (row + 1) * BINS]
    bins = np.flatnonzero(counts).astype(np.int64)
    return Sketch(bins, counts[bins])


def merged(sketches: Sequence[Sketch]) -> Sketch:
    """All observations of several histograms in one."""
    counts = np.zeros(BINS, dtype=np.int64)
    for sketch in sketches:
        counts[sketch.bins] += sketch.counts
    bins = np.flatnonzero(counts).astype(np.int64)
    return Sketch(bins, counts[bins])

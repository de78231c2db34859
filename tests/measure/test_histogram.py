"""Log-linear histograms against the bits of doubles, sorted samples and one another."""

from __future__ import annotations

import math
import struct
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.measure.histogram import (
    BINS,
    END_S,
    LEAST_S,
    RELATIVE_ERROR,
    Histograms,
    histogram_bin,
    histogram_count,
    lower_edges,
    merged,
    sketch_of,
)
from sim.measure.quantiles import sorted_quantiles
from sim.measure.samples import Sorted, pooled
from tests.measure.chance import generator

PROBS = (0.001, 0.5, 0.9, 0.95, 0.99, 0.999, 0.9999)
SECONDS = st.floats(LEAST_S, END_S, exclude_max=True)


def filled(values: list[float]) -> Histograms:
    histograms = Histograms(1)
    for value in values:
        histogram_count(histograms, 0, value)
    return histograms


def bin_by_bytes(value: float) -> int:
    """The same rule said another way: frexp's fraction and exponent, checked against the packed bytes."""
    fraction, exponent = math.frexp(value)
    place = (exponent - 1 + 18) * 512 + int((2.0 * fraction - 1.0) * 512.0) + 1
    (bits,) = struct.unpack("<q", struct.pack("<d", value))
    assert place == ((bits >> 43) - (1005 << 9)) + 1
    return place


@given(SECONDS)
def test_the_bin_is_read_off_the_bits(value: float) -> None:
    assert histogram_bin(value) == bin_by_bytes(value)


@given(SECONDS)
def test_a_value_lies_in_its_bin_and_the_bin_is_narrow(value: float) -> None:
    place = np.array([histogram_bin(value)])
    low, high = float(lower_edges(place)[0]), float(lower_edges(place + 1)[0])
    assert low <= value < high
    assert high - low <= RELATIVE_ERROR * low


def test_every_edge_begins_its_bin_and_the_double_before_it_ends_the_last() -> None:
    edges = lower_edges(np.arange(1, BINS))
    assert (edges[0], edges[-1]) == (LEAST_S, END_S)
    assert [histogram_bin(edge) for edge in edges.tolist()] == list(range(1, BINS))
    before = np.nextafter(edges, 0.0).tolist()
    assert [histogram_bin(value) for value in before] == list(range(BINS - 1))
    assert [histogram_bin(value) for value in (0.0, 5e-324, math.inf, 1e300)] == [0, 0, BINS - 1, BINS - 1]
    assert all(a < b for a, b in pairwise(edges.tolist()))


@pytest.mark.parametrize("law", ["exponential", "lognormal", "constant", "with_zeros"])
@pytest.mark.parametrize("count", [1, 7, 1000, 20_000])
def test_quantiles_are_the_order_statistics_within_the_error(law: str, count: int) -> None:
    rng = generator(count)
    values = {
        "exponential": rng.exponential(3.0, count),
        "lognormal": rng.lognormal(-3.0, 3.0, count),
        "constant": np.full(count, 0.7),
        "with_zeros": np.maximum(rng.normal(0.0, 1.0, count), 0.0),
    }[law]
    found = sketch_of(filled(values.tolist()), 0).quantiles(PROBS)
    exact = sorted_quantiles(np.sort(values), PROBS)
    assert np.all(np.abs(found - exact) <= np.maximum(RELATIVE_ERROR * exact, LEAST_S))


def test_what_lies_outside_counts_at_the_ends() -> None:
    sketch = sketch_of(filled([0.5, 0.25, 2.0, 1e-7, 3e5]), 0)
    assert len(sketch) == 5
    assert sketch.quantiles((0.1, 0.9999)).tolist() == [LEAST_S / 2, END_S]


@given(st.lists(st.floats(0.0, 1e6), min_size=1, max_size=30), st.lists(st.floats(0.0, 1e6), max_size=30))
def test_histograms_add_up(ours: list[float], theirs: list[float]) -> None:
    both = merged([sketch_of(filled(ours), 0), sketch_of(filled(theirs), 0)])
    whole = sketch_of(filled(ours + theirs), 0)
    assert both.bins.tolist() == whole.bins.tolist()
    assert both.counts.tolist() == whole.counts.tolist()
    assert both.quantiles(PROBS).tolist() == whole.quantiles(PROBS).tolist()


def test_rows_do_not_touch_each_other() -> None:
    histograms = Histograms(3)
    histogram_count(histograms, 1, 2.0)
    assert [len(sketch_of(histograms, row)) for row in range(3)] == [0, 1, 0]
    assert sketch_of(histograms, 1).quantiles((0.5,)).tolist() == [2.0 * (1.0 + RELATIVE_ERROR / 2.0)]


def test_nothing_has_no_quantile() -> None:
    assert len(merged([])) == 0
    with pytest.raises(ValueError, match="at least one observation"):
        merged([]).quantiles((0.5,))


def test_samples_pool_as_what_they_are() -> None:
    parts = [np.array([3.0, 1.0]), np.array([2.0])]
    kept = pooled(parts)
    assert isinstance(kept, Sorted)
    assert (len(kept), kept.quantiles((0.5,)).tolist()) == (3, [2.0])
    counted = pooled([sketch_of(filled(part.tolist()), 0) for part in parts])
    assert len(counted) == 3
    assert counted.quantiles((0.5,))[0] == pytest.approx(2.0, rel=RELATIVE_ERROR)

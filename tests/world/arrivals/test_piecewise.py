"""The inverse of a piecewise linear cumulated rate, by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.world.piecewise import PiecewiseInverse, Segment


def test_constant_ramp_and_empty_stretches() -> None:
    path = [
        Segment(0.0, 5.0, 0.0, 0.0),  # nothing can come here
        Segment(5.0, 10.0, 2.0, 2.0),  # 10 requests
        Segment(10.0, 14.0, 0.0, 4.0),  # 8 requests: t^2 / 2
        Segment(14.0, 20.0, 0.0, 0.0),
        Segment(20.0, math.inf, 0.5, 0.5),
    ]
    inverse = PiecewiseInverse(iter(path))
    assert inverse.segment().starts_at == 5.0
    assert inverse([0.0, 1.0, 10.0, 10.5, 12.0, 18.0, 19.0]) == [5.0, 5.5, 10.0, 11.0, 12.0, 14.0, 22.0]
    assert inverse.segment().starts_at == 20.0


def test_a_path_that_ends_gives_infinity_from_there_on() -> None:
    inverse = PiecewiseInverse(iter([Segment(0.0, 2.0, 1.0, 1.0)]))
    assert inverse([2.0, 2.1, 3.0]) == [2.0, math.inf, math.inf]
    assert PiecewiseInverse(iter([Segment(0.0, 2.0, 0.0, 0.0)]))([0.0]) == [math.inf]


@given(
    start=st.floats(0.0, 10.0),
    end=st.floats(0.0, 10.0),
    length=st.floats(0.01, 100.0),
    shares=st.lists(st.floats(0.0, 1.0), min_size=1, max_size=20),
)
def test_any_ramp_is_inverted_to_float_precision(start: float, end: float, length: float, shares: list[float]) -> None:
    segment = Segment(1.0, 1.0 + length, start, end)
    mass = segment.mass()
    if mass < 1e-6:
        return
    wanted = [share * mass for share in sorted(shares)]
    at = PiecewiseInverse(iter([segment]))(wanted)
    assert at == sorted(at)
    span = segment.ends_at - segment.starts_at
    for value, instant in zip(wanted, at, strict=True):
        t = instant - 1.0
        reached = start * t + (end - start) / span * t * t / 2.0
        # t is known to an ulp of the instant, the mass to that times the rate there
        assert reached == pytest.approx(value, abs=8.0 * math.ulp(1.0 + length) * max(start, end, 1.0) + 4e-16 * mass)

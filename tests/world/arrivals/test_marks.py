"""Agent types and affinity keys of requests: shares, Zipf's law, bounds."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sim.errors import ConfigError
from sim.runtime.draws import CounterDraws
from sim.world.marks import KEYS_MAX, ZIPF_KEYS_MAX, Marks
from tests.world.arrivals.loads import Z

DRAWS = CounterDraws(6, 0)
ENTITIES = np.arange(40_000, dtype=np.uint64)


def assert_shares(values: list[int], shares: list[float]) -> None:
    counts = np.bincount(values, minlength=len(shares))
    assert len(counts) == len(shares)
    for number, (count, share) in enumerate(zip(counts, shares, strict=True)):
        width = Z * math.sqrt(len(values) * share * (1.0 - share))
        assert abs(count - share * len(values)) <= width, f"seed 6: {number} came {count} times"


def test_types_come_in_their_shares() -> None:
    types = Marks((3.0, 0.0, 1.0), 0, 0.0).types(DRAWS, ENTITIES)
    assert types is not None
    assert_shares(types, [0.75, 0.0, 0.25])


def test_keys_are_uniform_or_zipf() -> None:
    uniform = Marks(None, 8, 0.0).keys(DRAWS, ENTITIES)
    zipf = Marks(None, 8, 1.2).keys(DRAWS, ENTITIES)
    assert uniform is not None
    assert zipf is not None
    assert_shares(uniform, [0.125] * 8)
    weights = [(rank + 1) ** -1.2 for rank in range(8)]
    assert_shares(zipf, [weight / math.fsum(weights) for weight in weights])


def test_marks_are_a_function_of_the_request() -> None:
    marks = Marks((1.0, 1.0), 1000, 0.9)
    some = np.array([39_000, 17, 2**33 + 5], dtype=np.uint64)
    whole_types, whole_keys = marks.types(DRAWS, ENTITIES), marks.keys(DRAWS, ENTITIES)
    types, keys = marks.types(DRAWS, some), marks.keys(DRAWS, some)
    assert whole_types is not None
    assert whole_keys is not None
    assert types is not None
    assert keys is not None
    assert types[:2] == [whole_types[39_000], whole_types[17]]
    assert keys[:2] == [whole_keys[39_000], whole_keys[17]]


def test_without_shares_and_keys_nothing_is_drawn() -> None:
    marks = Marks(None, 0, 0.0)
    assert marks.types(DRAWS, ENTITIES) is None
    assert marks.keys(DRAWS, ENTITIES) is None


def test_the_bounds_are_held() -> None:
    with pytest.raises(ConfigError, match=r"arrivals\.keys_count=1000001: accepted is at most 1000000"):
        Marks(None, ZIPF_KEYS_MAX + 1, 0.5)
    with pytest.raises(ConfigError, match=r"arrivals\.keys_count"):
        Marks(None, KEYS_MAX + 1, 0.0)
    keys = Marks(None, KEYS_MAX, 0.0).keys(DRAWS, ENTITIES)
    assert keys is not None
    assert max(keys) < KEYS_MAX
    for shares in ((0.0, 0.0), (1.0, -0.1)):
        with pytest.raises(ConfigError, match=r"arrivals\.type_mix"):
            Marks(shares, 0, 0.0)

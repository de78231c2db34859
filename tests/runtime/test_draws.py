"""Philox against the published vectors, and draws as a function of their names."""

from __future__ import annotations

import hashlib
import itertools
import math
import struct
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sim.contracts import Draws
from sim.runtime import draws as module
from sim.runtime.draws import JITTER, PICK, SERVICE_REQUEST, CounterDraws, purpose
from sim.runtime.philox import Words, philox4x32, philox4x32_arrays

# Random123's known answers for philox4x32-10: counter, key, result (zeros, ones, digits of pi).
VECTORS = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]
SEED = 20260726
SAMPLE = 20_000
LEVEL = 1e-9  # chance of a false alarm, over all bounds of a test

entities = st.integers(0, 2**64 - 1)
attempts = st.integers(0, 2**16 - 1)


def words(text: str) -> tuple[int, ...]:
    return tuple(int(word, 16) for word in text.split())


def by_hand(seed: int, replication: int, what: int, entity: int, attempt: int, index: int) -> float:
    """A draw straight from the definition, packed by `struct`."""
    key = struct.unpack("<2L", hashlib.blake2b(f"{seed}/{replication}".encode(), digest_size=8).digest())
    counter = struct.unpack("<4L", struct.pack("<QLL", entity, attempt << 16 | index // 2, what))
    halves = struct.unpack("<2Q", struct.pack("<4L", *philox4x32(counter, key)))
    return ((halves[index % 2] >> 12) + 0.5) / 2**52


@pytest.mark.parametrize(("counter", "key", "result"), VECTORS)
def test_the_published_vectors(counter: str, key: str, result: str) -> None:
    c0, c1, c2, c3 = words(counter)
    k0, k1 = words(key)
    assert philox4x32((c0, c1, c2, c3), (k0, k1)) == words(result)
    arrays = [np.full(3, word, dtype=np.uint64) for word in (c0, c1, c2, c3)]
    vectorized = philox4x32_arrays(arrays[0], arrays[1], arrays[2], arrays[3], (k0, k1))
    assert [column.tolist() for column in vectorized] == [[word] * 3 for word in words(result)]


@given(st.integers(), st.integers(), entities, attempts, st.integers(0, 2**17 - 1))
def test_a_draw_is_what_the_definition_says(seed: int, replication: int, entity: int, attempt: int, index: int) -> None:
    drawn = CounterDraws(seed, replication).uniform(PICK, entity, attempt, index)
    assert drawn == by_hand(seed, replication, PICK, entity, attempt, index)


@given(entities, st.integers(1, 40), st.integers(1, 7), attempts)
def test_scalar_and_vector_are_equal_bit_by_bit(first: int, count: int, width: int, attempt: int) -> None:
    first = min(first, 2**64 - count)
    draws = CounterDraws(SEED, 3)
    table = draws.uniforms(PICK, first, count, width, attempt)
    one_by_one = [[draws.uniform(PICK, first + row, attempt, i) for i in range(width)] for row in range(count)]
    assert table.shape == (count, width)
    assert table.tolist() == one_by_one, f"seed {SEED}, first {first}"


def test_a_chunk_is_a_part_of_a_larger_one() -> None:
    draws = CounterDraws(SEED, 0)
    whole = draws.uniforms(PICK, 0, 4096, 3)
    assert draws.uniforms(PICK, 1000, 500, 2).tolist() == whole[1000:1500, :2].tolist()
    chosen = np.array([4000, 7, 7, 1234, 0, 99, 98, 97, 96, 95], dtype=np.uint64)
    assert draws.uniforms_of(PICK, chosen, 3).tolist() == whole[chosen.astype(np.int64)].tolist()
    assert draws.uniforms_of(PICK, chosen[:2], 3).tolist() == whole[[4000, 7]].tolist()


def test_the_last_entity_is_as_good_as_the_first() -> None:
    draws = CounterDraws(SEED, 0)
    table = draws.uniforms(PICK, 2**64 - 20, 20)
    assert table[-1, 0] == draws.uniform(PICK, 2**64 - 1) == by_hand(SEED, 0, PICK, 2**64 - 1, 0, 0)


def test_no_draws_are_an_empty_table() -> None:
    assert CounterDraws(SEED, 0).uniforms(PICK, 5, 0, 2).shape == (0, 2)
    assert CounterDraws(SEED, 0).uniforms_of(PICK, np.array([], dtype=np.uint64)).shape == (0, 1)


@pytest.mark.parametrize(("word", "uniform"), [(0, 2.0**-53), (0xFFFFFFFF, 1.0 - 2.0**-53)])
def test_a_uniform_is_never_0_nor_1(monkeypatch: pytest.MonkeyPatch, word: int, uniform: float) -> None:
    def scalar(counter: Words, key: tuple[int, int]) -> Words:
        return (word, word, word, word)

    def vectorized(*_: object) -> tuple[NDArray[np.uint64], ...]:
        return (np.full((20, 1), word, dtype=np.uint64),) * 4

    monkeypatch.setattr(module, "philox4x32", scalar)
    monkeypatch.setattr(module, "philox4x32_arrays", vectorized)
    draws = CounterDraws(SEED, 0)
    assert draws.uniform(PICK, 0) == draws.uniform(PICK, 0, 0, 1) == uniform
    assert draws.uniforms(PICK, 0, 20, 2).tolist() == [[uniform, uniform]] * 20
    assert 0.0 < uniform < 1.0


def streams() -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Streams that differ in one name only, and neighbors of one stream."""
    draws = CounterDraws(SEED, 0)
    table = draws.uniforms(PICK, 0, SAMPLE + 1, 3)
    for index in range(3):
        yield f"index {index}", table[:-1, index]
    yield "next entity", table[1:, 0]
    yield "another purpose", draws.uniforms(SERVICE_REQUEST, 0, SAMPLE)[:, 0]
    yield "attempt 1", draws.uniforms(PICK, 0, SAMPLE, attempt=1)[:, 0]
    yield "attempt 2", draws.uniforms(PICK, 0, SAMPLE, attempt=2)[:, 0]
    yield "far entities", draws.uniforms(PICK, 2**32, SAMPLE)[:, 0]
    yield "another replication", CounterDraws(SEED, 1).uniforms(PICK, 0, SAMPLE)[:, 0]
    yield "another seed", CounterDraws(SEED + 1, 0).uniforms(PICK, 0, SAMPLE)[:, 0]


def test_every_stream_is_uniform() -> None:
    named = list(streams())
    # Massart 1990: P(sup |F_n - F| > e) <= 2 exp(-2 n e^2)
    bound = math.sqrt(math.log(2.0 * len(named) / LEVEL) / (2.0 * SAMPLE))
    for name, stream in named:
        ordered = np.sort(stream)
        steps = np.arange(SAMPLE + 1) / SAMPLE
        distance = max(np.max(steps[1:] - ordered), np.max(ordered - steps[:-1]))
        assert distance < bound, f"seed {SEED}, {name}: {distance} of {bound}"


def test_streams_are_independent() -> None:
    pairs = list(itertools.combinations(streams(), 2))
    # Hoeffding 1963 for products in [-1/4, 1/4]: P(|mean| > e) <= 2 exp(-8 n e^2)
    bound = math.sqrt(math.log(2.0 * len(pairs) / LEVEL) / (8.0 * SAMPLE))
    for (name, stream), (other_name, other) in pairs:
        covariance = float(np.mean((stream - 0.5) * (other - 0.5)))
        assert abs(covariance) < bound, f"seed {SEED}, {name} and {other_name}: {covariance} of {bound}"


def test_purposes_are_fixed_and_differ() -> None:
    bounds = {"MASK", "SCALAR_MAX", "WORD_MAX"}
    named = {name: value for name, value in vars(module).items() if name.isupper() and isinstance(value, int)}
    values = [value for name, value in named.items() if name not in bounds]
    assert len(values) == len(set(values)) == 47
    assert all(0 <= value < 2**32 for value in values)
    assert (purpose("jitter"), purpose("pick")) == (JITTER, PICK) == (2443175516, 2200658382)


@pytest.mark.parametrize("entity", [-1, 2**64])
def test_an_entity_out_of_range_is_refused(entity: int) -> None:
    with pytest.raises(ValueError, match="0 <= entity"):
        CounterDraws(SEED, 0).uniform(PICK, entity)
    with pytest.raises(ValueError, match="0 <= entity"):
        CounterDraws(SEED, 0).uniforms(PICK, entity, 1)


@pytest.mark.parametrize(
    ("what", "attempt", "index"),
    [(PICK, -1, 0), (PICK, 2**16, 0), (PICK, 0, 2**17), (PICK, 0, -1), (2**32, 0, 0), (-1, 0, 0)],
)
def test_a_name_out_of_range_is_refused(what: int, attempt: int, index: int) -> None:
    with pytest.raises(ValueError, match="accepted is"):
        CounterDraws(SEED, 0).uniform(what, 0, attempt, index)


def test_a_table_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match="0 <= entity"):
        CounterDraws(SEED, 0).uniforms(PICK, 2**64 - 3, 4)
    with pytest.raises(ValueError, match="0 <= entity"):
        CounterDraws(SEED, 0).uniforms(PICK, 0, -1)
    with pytest.raises(ValueError, match="accepted is"):
        CounterDraws(SEED, 0).uniforms(PICK, 0, 20, attempt=2**16)
    with pytest.raises(TypeError, match="uint64, not int64"):
        CounterDraws(SEED, 0).uniforms_of(PICK, np.arange(20))  # type: ignore[arg-type]


def test_it_is_the_draws_of_the_contracts() -> None:
    draws: Draws = CounterDraws(SEED, 0)
    assert draws.uniform(PICK, 1) == draws.uniforms(PICK, 1, 1)[0, 0]

"""Every reader of bytes from outside, with its good example bent in a few places: nothing raised but what is stated.

`make fuzz` bends each `FUZZ_EXAMPLES` times with chance of its own (`FUZZ_SEED`; else another one each time, which a
failure names): drawing by Hypothesis takes three times as long as reading.
"""

from __future__ import annotations

import os
import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.kept import KEPT, WORDS
from tests.fuzz.targets import TARGETS, Target

EXAMPLES = 40
LONG_EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "2000"))
LONG_SEED = int(os.environ.get("FUZZ_SEED", "0")) or random.SystemRandom().getrandbits(32)
Edit = tuple[int, int, bytes]
EDITS = st.lists(
    st.tuples(st.integers(0, 400), st.integers(0, 12), st.one_of(st.sampled_from(WORDS), st.binary(max_size=6))),
    min_size=1, max_size=4,
)  # fmt: skip


def bent(data: bytes, edits: list[Edit]) -> bytes:
    """At each place so many bytes give way to others."""
    for at, gone, new in edits:
        at = at % (len(data) + 1)
        data = data[:at] + new + data[at + gone :]
    return data


def holds(target: Target, data: bytes) -> None:
    """Raises what the target must not raise."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            target.read(data, Path(folder))
        except target.allowed:
            return


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_the_example_is_good(target: Target, tmp_path: Path) -> None:
    target.read(target.example, tmp_path)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_bent_bytes_raise_nothing_undocumented(target: Target) -> None:
    @settings(max_examples=EXAMPLES)
    @given(EDITS)
    def check(edits: list[Edit]) -> None:
        holds(target, bent(target.example, edits))

    check()


@pytest.mark.parametrize("number", range(len(KEPT)))
def test_what_was_found_stays_mended(number: int) -> None:
    name, data = KEPT[number]
    holds(next(target for target in TARGETS if target.name == name), data)


def drawn(dice: random.Random) -> list[Edit]:
    """One to four places, as in `EDITS`."""
    words = (dice.choice(WORDS) if dice.random() < 0.5 else dice.randbytes(dice.randint(0, 6)) for _ in range(4))
    return [(dice.randint(0, 400), dice.randint(0, 12), next(words)) for _ in range(dice.randint(1, 4))]


@pytest.mark.soak
@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_bent_bytes_for_long(target: Target) -> None:
    dice = random.Random(f"{LONG_SEED} {target.name}")
    for number in range(LONG_EXAMPLES):
        data = bent(target.example, drawn(dice))
        try:
            holds(target, data)
        except Exception as error:
            raise AssertionError(f"FUZZ_SEED={LONG_SEED}, input {number}: {data!r}") from error

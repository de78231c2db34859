"""Single draws by the kernel's code have the bits of `CounterDraws`."""

from __future__ import annotations

import numpy as np
import pytest

from sim.kernel.machine_draws import MachineDraws
from sim.runtime.draws import BACKOFF, PICK, CounterDraws

ENTITIES = [0, 1, (1 << 32) - 1, 1 << 56, (1 << 63) - 1, 1 << 63, (1 << 64) - 1]


def test_bits_are_the_same() -> None:
    plain = CounterDraws(7, 3)
    machine = MachineDraws(plain.key)
    for entity in ENTITIES:
        for attempt in (0, 1, 0xFFFF):
            for index in (0, 1, 5):
                assert machine.uniform(BACKOFF, entity, attempt, index) == plain.uniform(
                    BACKOFF, entity, attempt, index
                )
            one = np.array([entity], dtype=np.uint64)
            for width in (1, 2, 3, 4):
                mine = machine.uniforms_of(PICK, one, width, attempt)
                assert mine.shape == (1, width)
                assert mine.tolist() == plain.uniforms_of(PICK, one, width, attempt).tolist()
    many = np.array(ENTITIES, dtype=np.uint64)
    assert machine.uniforms_of(PICK, many, 3, 2).tolist() == plain.uniforms_of(PICK, many, 3, 2).tolist()


@pytest.mark.parametrize("attempt", [-1, 1 << 16])
def test_what_is_out_of_range_is_refused(attempt: int) -> None:
    machine = MachineDraws(CounterDraws(7, 3).key)
    with pytest.raises(ValueError, match="attempt"):
        machine.uniform(BACKOFF, 1, attempt)
    with pytest.raises(ValueError, match="attempt"):
        machine.uniforms_of(BACKOFF, np.array([1], dtype=np.uint64), 1, attempt)
    with pytest.raises(TypeError, match="uint64"):
        machine.uniforms_of(BACKOFF, np.array([1]), 1)

"""More than a thousand drawn configurations through SimPy and the uncompiled kernel: the same records, bit by bit.

The code of the kernel as it stands, without its machine code: half an hour instead of a day of compiling.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.bench.dice import write_inputs
from sim.bench.engines import random_configurations
from sim.kernel import driver
from tests.kernel.uncompiled import uncompiled

__all__ = ["uncompiled"]


@pytest.mark.soak
@pytest.mark.usefixtures("uncompiled")
@pytest.mark.parametrize(
    ("kinds", "count", "seed", "ahead_min"),
    [
        ("fire", 392, 1, driver.AHEAD_POOLS_MIN),
        ("all", 296, 2, driver.AHEAD_POOLS_MIN),
        ("plain", 396, 3, driver.AHEAD_POOLS_MIN),
        ("all", 300, 4, 0),  # small fleets with what large ones do: memory is asked for early
        ("plain", 300, 5, 0),
    ],
)
def test_drawn_configurations_are_equal(
    kinds: str, count: int, seed: int, ahead_min: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "AHEAD_POOLS_MIN", ahead_min)
    found = random_configurations(count, seed, kinds, inputs=write_inputs(tmp_path))
    print(found.as_text(seed, kinds))
    assert not found.unequal, found.as_text(seed, kinds)
    assert not found.not_supported
    assert found.equal_count == count

"""A share of `make storm` in every `make test`: its first schedules, in chunks that run side by side."""

from __future__ import annotations

import pytest

from sim.bench.storm.campaign import RERUN_EVERY, run_chunk
from sim.bench.storm.draw_beside import TUNED_MORE_FROM

CHUNKS, CHUNK = 48, 50


@pytest.mark.parametrize("first", [TUNED_MORE_FROM + CHUNK * at for at in range(CHUNKS)])
def test_a_chunk_of_the_storm_breaks_nothing(first: int) -> None:
    """A violation names the seed: `victor-sim replay storm SEED` makes it small."""
    chunk = run_chunk(first, CHUNK, "test")
    assert chunk.violations == []
    assert chunk.count == CHUNK
    assert chunk.judged["X2"] == chunk.reruns_count >= CHUNK // RERUN_EVERY
    assert all(chunk.judged[name] for name in ("M1", "M2", "M3", "M4", "M5", "M6", "M11", "M12", "M15", "M16", "L4"))

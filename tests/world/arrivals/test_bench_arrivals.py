"""Time of a thousand arrivals with their demands (`make bench` reads the table; the aim is .5 us an arrival)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim.registry import lookup
from sim.runtime.draws import CounterDraws
from sim.world.params import ServiceParams
from tests.world.arrivals.loads import law_of

HORIZON_S = 200.0


@pytest.mark.parametrize(
    ("kind", "params"),
    [("poisson", {}), ("gamma", {"cv": 3.0}), ("mmpp", {}), ("diurnal", {"period_s": 100.0}), ("flash_crowd", {})],
)
def test_bench_arrivals_with_exponential_demands(benchmark: Any, kind: str, params: dict[str, float]) -> None:
    law, service = law_of(kind, 100.0, **params), lookup("service", "exponential")(ServiceParams())
    draws = CounterDraws(1, 0)

    def generate() -> int:
        count = 0
        for chunk in law.chunks(draws, HORIZON_S):
            entities = np.arange(chunk.first, chunk.first + len(chunk.at), dtype=np.uint64)
            count += len(service.work_s(draws, entities, chunk))
        return count

    assert benchmark(generate) > 10_000

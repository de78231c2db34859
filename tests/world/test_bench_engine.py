"""Speed of the engine alone: one node, scripted load (pytest-benchmark; `make bench`)."""

from __future__ import annotations

from typing import Any

from tests.world.scripted import scripted_run

REQUESTS = 20_000


def test_fifo_requests(benchmark: Any) -> None:
    at = [0.01 * ordinal for ordinal in range(REQUESTS)]
    record, _ = benchmark(scripted_run, at=at, work_s=[0.05] * REQUESTS, agents=12, horizon_s=1e6)
    assert record.arrivals_count == REQUESTS


def test_processor_sharing_requests(benchmark: Any) -> None:
    at = [0.01 * ordinal for ordinal in range(REQUESTS)]
    record, _ = benchmark(scripted_run, at=at, work_s=[0.05] * REQUESTS, agents=12, sharing=True, horizon_s=1e6)
    assert record.arrivals_count == REQUESTS

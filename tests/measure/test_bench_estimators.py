"""Speed of the estimators on a million requests (pytest-benchmark; `make bench`)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from sim.measure.audits import audit
from sim.measure.metrics import replication_metrics
from sim.measure.occupancy import heat_map
from sim.measure.quantiles import quantiles
from sim.measure.warmup import mser5, point_cut
from sim.types.records import RunRecord
from tests.measure.toy import mm1_run

REQUESTS = 1_000_000


@lru_cache(maxsize=1)
def million() -> RunRecord:
    return mm1_run(1, 0.8, REQUESTS)


def test_metrics_of_a_million(benchmark: Any) -> None:
    found = benchmark(replication_metrics, million(), 1000.0, None, 1.0)
    assert found["success_ratio"] == 1.0


def test_audits_of_a_million(benchmark: Any) -> None:
    results = benchmark(audit, million())
    assert all(result.passed for result in results)


def test_warm_up_cut_of_a_million(benchmark: Any) -> None:
    assert benchmark(point_cut, [million()]).cut_s >= 0.0


def test_mser5_of_a_million(benchmark: Any) -> None:
    table = million().attempts
    first, _ = benchmark(mser5, table.finished_at - table.arrived_at)
    assert 0 <= first <= REQUESTS // 2


def test_quantiles_of_a_million(benchmark: Any) -> None:
    table = million().attempts
    found = benchmark(quantiles, table.finished_at - table.arrived_at, (0.5, 0.95, 0.99, 0.999))
    assert found.tolist() == sorted(found.tolist())


def test_heat_map_of_a_million(benchmark: Any) -> None:
    assert benchmark(heat_map, million()).utilization.shape == (1, 200)

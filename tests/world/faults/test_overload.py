"""Extra arrivals: shapes, counts, and that they leave the load's own requests alone."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from sim.contracts import ArrivalChunk
from sim.runtime.draws import CounterDraws
from sim.world.faults.overload import SOURCE_FIRST, OverloadParams, overload_chunks
from tests.world.faults.fake import Rig

Z = 4.5


def chunks(rate_per_s: float = 50.0, horizon_s: float = 1e6, **values: object) -> list[ArrivalChunk]:
    params = OverloadParams(**values)  # type: ignore[arg-type]
    return list(overload_chunks(params, rate_per_s, CounterDraws(5, 0), horizon_s))


def instants(**values: object) -> NDArray[np.float64]:
    """All of them; checks their ordinals on the way."""
    at: list[float] = []
    for chunk in chunks(**values):  # type: ignore[arg-type]
        assert chunk.first == SOURCE_FIRST + len(at)
        assert 0 < len(chunk.at) <= 1024
        at += chunk.at
    assert at == sorted(at)
    return np.array(at)


def test_a_step_is_poisson_within_its_time() -> None:
    at = instants(shape="step", at_s=100.0, for_s=400.0, ratio=0.5)
    assert at.min() >= 100.0
    assert at.max() <= 500.0
    assert abs(len(at) - 10_000) < Z * math.sqrt(10_000)
    first_half = int((at < 300.0).sum())
    assert abs(first_half - 5_000) < Z * math.sqrt(5_000)


def test_a_spike_rises_and_falls() -> None:
    at = instants(shape="spike", at_s=100.0, for_s=400.0, ratio=2.0)
    assert abs(len(at) - 20_000) < Z * math.sqrt(20_000)  # half of height x time
    quarters, _ = np.histogram(at, bins=[100.0, 200.0, 300.0, 400.0, 500.0])
    for count, share in zip(quarters, (1, 3, 3, 1), strict=True):
        expected = 20_000 * share / 8
        assert abs(count - expected) < Z * math.sqrt(expected)


def test_a_herd_comes_at_one_instant() -> None:
    at = instants(shape="herd", at_s=7.0, requests_count=2_500)
    assert at.tolist() == [7.0] * 2_500
    assert chunks(shape="herd", at_s=7.0, requests_count=2_500, horizon_s=7.0) == []
    assert chunks(shape="herd", requests_count=0) == []


@pytest.mark.parametrize("shape", ["step", "spike"])
def test_nothing_extra_at_ratio_0_and_nothing_after_the_horizon(shape: str) -> None:
    assert chunks(shape=shape, ratio=0.0) == []
    cut = instants(shape=shape, at_s=100.0, for_s=400.0, horizon_s=250.0)
    whole = instants(shape=shape, at_s=100.0, for_s=400.0)
    assert cut.tolist() == whole[whole < 250.0].tolist()


def test_the_same_extra_requests_come_under_every_height() -> None:
    low = instants(shape="step", at_s=0.0, for_s=100.0, ratio=1.0)
    high = instants(shape="step", at_s=0.0, for_s=100.0, ratio=2.0)
    assert high[: len(low)] == pytest.approx(low / 2.0, rel=1e-12)


def test_the_event_log_hears_of_it() -> None:
    rig = Rig().add("overload", shape="spike", at_s=10.0, for_s=30.0)
    rig.add("overload", shape="herd", at_s=50.0).run(100.0)
    assert rig.events("fault_began", "overload") == [(10.0, "fleet"), (50.0, "fleet")]
    assert rig.events("fault_ended", "overload") == [(40.0, "fleet"), (50.0, "fleet")]
    assert rig.calls() == []

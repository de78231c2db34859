"""Service demands: means, quantiles against closed forms, one draw a request whatever is asked with it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.stats
from numpy.typing import NDArray

from sim.contracts import ArrivalChunk
from sim.errors import ConfigError
from sim.registry import lookup
from sim.runtime.draws import SERVICE_REQUEST, CounterDraws
from sim.world.params import ServiceParams
from tests.world.arrivals.loads import Z

SEED = 12
DRAWS = CounterDraws(SEED, 0)
COUNT = 60_000
ENTITIES = np.arange(COUNT, dtype=np.uint64)


def law_of(kind: str, **params: Any) -> Any:
    return lookup("service", kind)(ServiceParams(kind=kind, **params))


def h2_cdf(mean_s: float, scv: float) -> Callable[[float], float]:
    p = 0.5 * (1.0 + math.sqrt((scv - 1.0) / (scv + 1.0)))
    return lambda x: 1.0 - p * math.exp(-2.0 * p * x / mean_s) - (1.0 - p) * math.exp(-2.0 * (1.0 - p) * x / mean_s)


def lognormal_cdf(mean_s: float, scv: float) -> Callable[[float], float]:
    variance = math.log1p(scv)
    return lambda x: float(scipy.stats.norm.cdf((math.log(x / mean_s) + variance / 2.0) / math.sqrt(variance)))


def assert_distribution(values: NDArray[np.float64], cdf: Callable[[float], float]) -> None:
    """The share of values up to a point is binomial around the CDF there."""
    for level in (0.01, 0.1, 0.5, 0.9, 0.99, 0.999):
        point = float(np.quantile(values, level))
        share = cdf(point)
        assert abs(level - share) < Z * math.sqrt(share * (1.0 - share) / len(values)), f"seed {SEED}: F({point})"


CASES: list[tuple[str, float, float, Callable[[float], float]]] = [
    ("exponential", 2.0, 1.0, lambda x: 1.0 - math.exp(-x / 2.0)),
    ("lognormal", 0.5, 4.0, lognormal_cdf(0.5, 4.0)),
    ("lognormal", 3.0, 0.1, lognormal_cdf(3.0, 0.1)),
    ("hyperexponential", 2.0, 1.0, h2_cdf(2.0, 1.0)),
    ("hyperexponential", 1.0, 4.0, h2_cdf(1.0, 4.0)),
    ("hyperexponential", 1.0, 20.0, h2_cdf(1.0, 20.0)),
]


@pytest.mark.parametrize(("kind", "mean_s", "scv", "cdf"), CASES)
def test_demands_follow_their_law(kind: str, mean_s: float, scv: float, cdf: Callable[[float], float]) -> None:
    law = law_of(kind, mean_s=mean_s, scv=scv)
    assert law.mean_s() == mean_s
    work = np.array(law.work_s(DRAWS, ENTITIES, None))
    assert np.all(work > 0.0)
    assert_distribution(work, cdf)
    assert abs(work.mean() - mean_s) < Z * mean_s * math.sqrt(scv / COUNT), f"seed {SEED}: {work.mean()}"


def test_exponential_demands_are_minus_mean_log_u() -> None:
    work = law_of("exponential", mean_s=0.25).work_s(DRAWS, ENTITIES[:50], None)
    assert work == [-0.25 * math.log(DRAWS.uniform(SERVICE_REQUEST, entity)) for entity in range(50)]


def test_deterministic_demands_and_a_lognormal_without_spread() -> None:
    assert law_of("deterministic", mean_s=0.75).work_s(DRAWS, ENTITIES[:3], None) == [0.75] * 3
    assert law_of("deterministic", mean_s=0.75).mean_s() == 0.75
    assert law_of("lognormal", mean_s=0.75, scv=0.0).work_s(DRAWS, ENTITIES[:3], None) == pytest.approx([0.75] * 3)


@pytest.mark.parametrize("kind", ["exponential", "lognormal", "hyperexponential"])
def test_a_demand_is_a_function_of_request_and_attempt(kind: str) -> None:
    law = law_of(kind, scv=2.0)
    whole = law.work_s(DRAWS, ENTITIES[:3000], None)
    some = np.array([2999, 5, 2**40], dtype=np.uint64)
    again = law.work_s(DRAWS, some, None)
    assert again[:2] == [whole[2999], whole[5]]
    assert law.work_s(DRAWS, some, None, 0) == again
    retried = law.work_s(DRAWS, some, None, 1)
    assert all(first != second for first, second in zip(again, retried, strict=True))


def test_a_mean_only_scales() -> None:
    short, long = (law_of("hyperexponential", mean_s=mean_s, scv=4.0) for mean_s in (1.0, 4.0))
    pairs = zip(short.work_s(DRAWS, ENTITIES[:500], None), long.work_s(DRAWS, ENTITIES[:500], None), strict=True)
    assert all(large == 4.0 * small for small, large in pairs)


@pytest.mark.parametrize("scv", [0.99, 1.1e6])
def test_a_hyperexponential_has_an_scv_of_one_or_more(scv: float) -> None:
    with pytest.raises(ConfigError, match=r"service\.scv=.*: accepted is 1 to 1e\+06"):
        law_of("hyperexponential", scv=scv)


def test_the_widest_hyperexponential_stays_finite() -> None:
    work = law_of("hyperexponential", scv=1e6).work_s(DRAWS, ENTITIES, None)
    assert all(0.0 < seconds < math.inf for seconds in work)


def test_trace_durations_are_the_traces() -> None:
    law = law_of("trace", mean_s=3.0)
    assert law.mean_s() == 3.0
    chunk = ArrivalChunk(0, [0.0, 1.0], service_s=[0.5, 0.25])
    assert law.work_s(DRAWS, ENTITIES[:2], chunk) == [0.5, 0.25]
    assert law.work_s(DRAWS, ENTITIES[:2], chunk, 1) == [0.5, 0.25]
    for without in (None, ArrivalChunk(0, [0.0])):
        with pytest.raises(ConfigError, match=r"service\.kind=trace.*arrivals\.columns\.service_s"):
            law.work_s(DRAWS, ENTITIES[:1], without)

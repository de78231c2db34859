"""Instants of an arrival law by name, and the widths that standard errors give."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.registry import lookup
from sim.runtime.draws import CounterDraws
from sim.world.params import ArrivalParams

Z = 4.5  # a fixed-seed statistic falls outside with probability 7e-6


def law_of(kind: str, rate_per_s: float | None, **params: Any) -> Any:
    return lookup("arrivals", kind)(ArrivalParams(kind=kind, **params), rate_per_s)


def instants(
    kind: str, rate_per_s: float | None, horizon_s: float, *, seed: int = 1, replication: int = 0, **params: Any
) -> NDArray[np.float64]:
    """All instants before the horizon; checks what every law promises on the way."""
    at: list[float] = []
    for chunk in law_of(kind, rate_per_s, **params).chunks(CounterDraws(seed, replication), horizon_s):
        assert chunk.first == len(at)
        assert 0 < len(chunk.at) <= 1024
        at += chunk.at
    values = np.array(at)
    assert np.all(np.diff(values) >= 0.0)
    assert not at or (values[0] >= 0.0 and values[-1] < horizon_s)
    return values


def cv_and_error(gaps: NDArray[np.float64]) -> tuple[float, float]:
    """Coefficient of variation of independent gaps and its standard error (delta method on the sample's moments)."""
    mean, centered = gaps.mean(), gaps - gaps.mean()
    m2, m3, m4 = (float((centered**power).mean()) for power in (2, 3, 4))
    cv = math.sqrt(m2) / mean
    variance = (m4 - m2 * m2) / (4.0 * m2 * m2) + m2 / mean**2 - m3 / (m2 * mean)
    return cv, cv * math.sqrt(variance / len(gaps))


def mean_and_error(values: list[float]) -> tuple[float, float]:
    """Mean over replications and its standard error."""
    return float(np.mean(values)), float(np.std(values, ddof=1) / math.sqrt(len(values)))
